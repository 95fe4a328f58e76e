import { silentLogger, sleep } from '@runtime-bridge/base';
import { afterEach, expect, it } from 'vitest';

import { memoryLine } from '../rig/memory-line.test.support.js';
import type { Line, ToManager, ToRunner } from '../runner/messages.js';
import { RunnerHandle } from './runner-handle.js';

interface Started {
  line: Line<ToManager, ToRunner>;
  heard: ToRunner[];
  cut: () => void;
  killed: boolean;
}

let started: Started[] = [];
let handle: RunnerHandle;
afterEach(async () => {
  await handle.stop();
  started = [];
});

function begin(): RunnerHandle {
  handle = new RunnerHandle(
    { id: 'r', silenceMs: 80, restartMinMs: 2, restartMaxMs: 4 },
    {
      spawn: () => {
        const [line, end, cut] = memoryLine<ToRunner, ToManager>();
        const one: Started = { line: end, heard: [], cut, killed: false };
        started.push(one);
        end.onMessage((message) => {
          one.heard.push(message);
          if (message.kind === 'command') {
            end.send({
              kind: 'commanded',
              request: message.request,
              known: message.uuid === 'known',
            });
          }
          if (message.kind === 'stop') cut();
        });
        setTimeout(() => end.send({ kind: 'ready' }), 1);
        return {
          line,
          kill: () => {
            one.killed = true;
            cut();
          },
        };
      },
      greeting: () => [{ kind: 'workers', workers: [] }],
      onMessage: () => undefined,
      onLost: () => undefined,
      logger: silentLogger,
    },
  );
  handle.start();
  return handle;
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !holds(); tries += 1) await sleep(5);
  expect(holds()).toBe(true);
}

it('greets a runner that comes up, and each one that follows it', async () => {
  begin();
  await until(() => started[0]?.heard[0]?.kind === 'workers');
  started[0]!.cut();
  await until(() => started[1]?.heard[0]?.kind === 'workers');
});

it('ends a runner that falls silent and starts another', async () => {
  begin();
  await until(() => started.length === 2);
  expect(started[0]!.killed).toBe(true);
});

it('passes commands on and says when they are not taken', async () => {
  const runner = begin();
  await expect(runner.command('known', 'restart')).rejects.toMatchObject({ code: 'RUNNER_GONE' });
  await until(() => started[0]!.heard.length > 0);
  await runner.command('known', 'restart');
  await expect(runner.command('other', 'restart')).rejects.toMatchObject({ code: 'RUNNER_GONE' });
});

it('starts no other once it is stopped', async () => {
  const runner = begin();
  await until(() => started[0]!.heard.length > 0);
  await runner.stop();
  await sleep(30);
  expect(started).toHaveLength(1);
});
