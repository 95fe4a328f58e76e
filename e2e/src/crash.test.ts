import type { Demo } from '@runtime-bridge/demo';
import { describe, expect, it } from 'vitest';
import { childrenOf } from './child-processes.js';
import { defaults, untilWorkers, withDemo } from './with-demo.js';

const audit = (demo: Demo) => demo.audit({ holdBlocks: defaults.holdBlocks, timeoutSec: 200 });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Kills a child of the lifecycle manager whose command line names a program. */
function killChild(demo: Demo, program: RegExp): void {
  const children = childrenOf(demo.processes.get('lifecycle').pid!);
  const child = children.find(({ command }) => program.test(command));
  expect(
    child,
    `child ${program} among ${children.map((one) => one.command).join('; ')}`,
  ).toBeDefined();
  process.kill(child!.pid, 'SIGKILL');
}

describe('kill -9 in the middle of a run', () => {
  it('of each product process, one after the other, leads to the same end', async () => {
    await withDemo({}, async (demo) => {
      await untilWorkers(demo, 'a worker synchronises', (states) =>
        states.some(({ status }) => status !== 'S_IDLE'),
      );
      for (const name of ['data-provider', 'lifecycle', 'monitor']) {
        demo.processes.get(name).kill('SIGKILL');
        await pause(4000);
      }
      await untilWorkers(
        demo,
        'the manager is back',
        (states) => states.length === defaults.workers,
      );
      await pause(3000);
      killChild(demo, /runner/);
      await pause(4000);
      killChild(demo, /trader/);
      expect(await audit(demo)).toBe(0);
    });
  });

  it.each(['chains', 'workers'])('of the %s leads to the same end', async (name) => {
    await withDemo({}, async (demo) => {
      await untilWorkers(demo, 'a worker synchronises', (states) =>
        states.some(({ status }) => status !== 'S_IDLE'),
      );
      await pause(5000);
      demo.processes.get(name).kill('SIGKILL');
      expect(await audit(demo)).toBe(0);
    });
  });

  it('of the trader and of Redis, which forgets everything, leads to the same end', async () => {
    await withDemo({ redis: true }, async (demo) => {
      await untilWorkers(demo, 'a worker wants a transaction', (states) =>
        states.some(({ status }) => status === 'S_SYNCHED' || status === 'S_PRE_ACTIVE'),
      );
      for (const name of ['trader', 'redis']) {
        demo.processes.get(name).kill('SIGKILL');
        await pause(4000);
      }
      expect(await audit(demo)).toBe(0);
    });
  });
});
