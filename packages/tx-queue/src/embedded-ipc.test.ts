import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { afterEach, expect, it } from 'vitest';
import { ipcChannel } from './channel.js';
import { request, until } from './compliance.test.suite.js';
import { EmbeddedQueueHost } from './embedded-ipc.js';
import { EmbeddedQueue } from './embedded-queue.js';
import type { JobOutcome } from './job.js';

const logger = silentLogger;
const typescript = pathToFileURL(createRequire(import.meta.url).resolve('typescript')).href;

/** Lets Node run our sources as they are: no build is waited for. */
const loader = `
import { readFile } from 'node:fs/promises';
import ts from ${JSON.stringify(typescript)};
export async function resolve(name, context, next) {
  try {
    return await next(name, context);
  } catch (error) {
    if (name.startsWith('.') && name.endsWith('.js')) return next(name.slice(0, -2) + 'ts', context);
    throw error;
  }
}
export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const text = await readFile(new URL(url), 'utf8');
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return {
    format: 'module',
    shortCircuit: true,
    source: ts.transpileModule(text, { compilerOptions: options }).outputText,
  };
}`;

/** A trader's end of the queue: says its name as the reason why each job fails, or never answers. */
const child = `
import { EmbeddedQueueClient, ipcChannel } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
const logger = new Proxy({}, { get: () => () => logger });
const [, , name, mode] = process.argv;
const client = new EmbeddedQueueClient({ concurrency: 3 }, { channel: ipcChannel(process), logger });
let handled = 0;
client.handle(async (job) => {
  process.send({ handled: ++handled, job });
  if (mode === 'silent') await new Promise(() => {});
  if (mode === 'throws') throw new Error('oops');
  return { ok: false, error: { code: name, message: job.id, facts: { stake: job.job.payload.stake } } };
});
await client.start();
process.on('message', async (message) => {
  if (message !== 'leave') return;
  await client.stop();
  process.send('left');
});
`;

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(): Promise<{
  queue: EmbeddedQueue;
  trader: (name: string, mode?: 'silent' | 'throws') => Promise<ChildProcess>;
}> {
  const queue = new EmbeddedQueue({}, { logger, metrics: silentMetrics });
  closing.push(() => queue.stop());
  const folder = await mkdtemp(join(tmpdir(), 'tx-queue-ipc-'));
  closing.push(() => rm(folder, { recursive: true }));
  const files = { 'loader.mjs': loader, 'register.mjs': '', 'child.ts': child };
  files['register.mjs'] =
    `import { register } from 'node:module'; register('./loader.mjs', import.meta.url);`;
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return {
    queue,
    trader: async (name, mode) => {
      const execArgv = [
        '--conditions=@runtime-bridge/source',
        `--import=${pathToFileURL(join(folder, 'register.mjs')).href}`,
      ];
      const args = mode === undefined ? [name] : [name, mode];
      const forked = fork(join(folder, 'child.ts'), args, { execArgv, stdio: 'inherit' });
      closing.push(() => void forked.kill('SIGKILL'));
      const host = new EmbeddedQueueHost({}, { queue, channel: ipcChannel(forked), logger });
      await host.start();
      closing.push(() => host.stop());
      return forked;
    },
  };
}

const codeOf = (outcome: JobOutcome) => (outcome.ok ? 'ok' : outcome.error.code);

it('a client in a process of its own gets jobs whole and answers each', async () => {
  const { queue, trader } = await started();
  const asked = Array.from({ length: 20 }, (_, n) => queue.submit(request(`${n}`, `${n}`)));
  await trader('first');
  const outcomes = await Promise.all(asked);
  expect(outcomes).toEqual(
    Array.from({ length: 20 }, (_, n) => ({
      ok: false,
      error: { code: 'first', message: request(`${n}`).id, facts: { stake: `${n}` } },
    })),
  );
  expect(await queue.counts()).toEqual({ waiting: 0, active: 0 });
});

it('a client that is killed, or leaves, gives its jobs to the next, with the same mark', async () => {
  const { queue, trader } = await started();
  const marks = new Map<string, Set<unknown>>();
  const noteJobs = (process: ChildProcess) =>
    process.on('message', (message: { job?: { id: string; ask: unknown } }) => {
      const { job } = message;
      if (job) marks.set(job.id, (marks.get(job.id) ?? new Set()).add(job.ask));
    });
  const killed = await trader('killed', 'silent');
  noteJobs(killed);
  const asked = ['1', '2', '3', '4', '5'].map((epoch) => queue.submit(request(epoch)));
  // No more than it said it would take.
  await until(async () => (await queue.counts()).active === 3);
  await until(() => Promise.resolve(marks.size === 3));
  killed.kill('SIGKILL');
  await until(async () => (await queue.counts()).waiting === 5);

  const leaving = await trader('leaving', 'silent');
  noteJobs(leaving);
  await until(async () => (await queue.counts()).active === 3);
  leaving.send('leave');
  await until(async () => (await queue.counts()).waiting === 5);

  const last = await trader('last');
  noteJobs(last);
  expect((await Promise.all(asked)).map(codeOf)).toEqual(Array.from({ length: 5 }, () => 'last'));
  expect([...marks.values()].map((set) => set.size)).toEqual([1, 1, 1, 1, 1]);
  expect(new Set([...marks.values()].flatMap((set) => [...set])).size).toBe(5);
});

it('a client whose handler throws answers with that', async () => {
  const { queue, trader } = await started();
  await trader('x', 'throws');
  expect(await queue.submit(request('1'))).toMatchObject({
    ok: false,
    error: { code: 'UNEXPECTED', message: 'oops' },
  });
});
