import { describe, expect, it } from 'vitest';
import { silentLog } from '../log.js';
import { runChildren, type ChildSpec } from './children.js';

const script = (name: string, body: string): ChildSpec => ({
  name,
  command: [process.execPath, '-e', body],
});
const says = (facts: object) => `console.log('${JSON.stringify({ event: 'ready', ...facts })}');`;
const WAITS = 'setInterval(() => {}, 1000);';

async function run(specs: ChildSpec[], until: 'ready' | 'end') {
  const controller = new AbortController();
  const errors: string[] = [];
  let facts: Record<string, unknown> | undefined;
  await runChildren(specs, {
    signal: controller.signal,
    log: silentLog,
    printError: (line) => errors.push(line),
    onReady: (given) => {
      facts = given;
      if (until === 'ready') controller.abort();
    },
  });
  return { facts, errors };
}

describe('processes side by side', () => {
  it('are ready when all are, and stop with the signal', async () => {
    const { facts } = await run(
      [
        script('a', says({ relay: 'ws://r' }) + WAITS),
        script('b', says({ workers: ['http://w'] }) + WAITS),
      ],
      'ready',
    );
    expect(facts).toMatchObject({ relay: 'ws://r', workers: ['http://w'] });
  });

  it('take the others with them when one ends, and it is named', async () => {
    const dies = script('frail', `${says({})} setTimeout(() => process.exit(3), 50);`);
    await expect(run([dies, script('b', WAITS)], 'end')).rejects.toThrow(
      'process frail ended (exit code 3)',
    );
    const killed = script('slain', `process.kill(process.pid, 'SIGKILL');`);
    await expect(run([script('b', WAITS), killed], 'end')).rejects.toThrow(
      'process slain ended (SIGKILL)',
    );
  });

  it('are killed when they do not stop', async () => {
    const stubborn = script('deaf', `process.on('SIGTERM', () => {}); ${says({})} ${WAITS}`);
    const start = Date.now();
    await run([stubborn], 'ready');
    expect(Date.now() - start).toBeLessThan(4000);
  });

  it('hand on what is no ready line', async () => {
    const { errors } = await run(
      [script('a', `console.log('hello'); ${says({})} ${WAITS}`)],
      'ready',
    );
    expect(errors.join('')).toContain('a: hello');
  });
});
