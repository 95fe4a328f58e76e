import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { afterEach, describe, expect, it } from 'vitest';
import { ipcChannel, tagged, untagged, type QueueChannel } from './channel.js';
import { done, queueSuite, request, until, type QueueUnderTest } from './compliance.test.suite.js';
import { EmbeddedConsumer } from './embedded-consumer.js';
import { EmbeddedQueueClient, EmbeddedQueueHost } from './embedded-ipc.js';
import { EmbeddedQueue } from './embedded-queue.js';
import type { JobConsumer } from './queue.js';

const logger = silentLogger;

/** Two ends of a channel that carries JSON, as IPC does, and that can be cut. */
function channelPair(): { parent: QueueChannel; child: QueueChannel; cut: () => void } {
  const ends = [0, 1].map(() => ({
    listeners: new Set<(message: unknown) => void>(),
    closed: new Set<() => void>(),
  }));
  let isCut = false;
  const end = (own: number): QueueChannel => ({
    send: (message) => {
      const text = JSON.stringify(message);
      setImmediate(() => {
        if (isCut) return;
        for (const listener of ends[1 - own]!.listeners) listener(JSON.parse(text));
      });
    },
    onMessage: (listener) => {
      ends[own]!.listeners.add(listener);
      return () => ends[own]!.listeners.delete(listener);
    },
    onClose: (listener) => {
      ends[own]!.closed.add(listener);
      return () => ends[own]!.closed.delete(listener);
    },
  });
  return {
    parent: end(0),
    child: end(1),
    cut: () => {
      isCut = true;
      for (const one of ends) for (const listener of one.closed) listener();
    },
  };
}

queueSuite(
  'embedded queue',
  ({ maxJobs }) => {
    const queue = new EmbeddedQueue({ maxJobs }, { logger, metrics: silentMetrics });
    return Promise.resolve<QueueUnderTest>({
      producer: queue,
      consumer: (options) => new EmbeddedConsumer(options, { queue, logger }),
      kill: (consumer) => consumer.stop(),
      close: () => queue.stop(),
    });
  },
  { redeliveryMs: 5_000 },
);

queueSuite(
  'embedded queue over a channel',
  ({ maxJobs }) => {
    const queue = new EmbeddedQueue({ maxJobs }, { logger, metrics: silentMetrics });
    const cuts = new Map<JobConsumer, () => void>();
    const hosts: EmbeddedQueueHost[] = [];
    return Promise.resolve<QueueUnderTest>({
      producer: queue,
      consumer: (options) => {
        const { parent, child, cut } = channelPair();
        const host = new EmbeddedQueueHost({}, { queue, channel: parent, logger });
        hosts.push(host);
        void host.start();
        const client = new EmbeddedQueueClient(options, { channel: child, logger });
        cuts.set(client, cut);
        return client;
      },
      kill: (consumer) => {
        cuts.get(consumer)!();
        return Promise.resolve();
      },
      close: async () => {
        for (const host of hosts) await host.stop();
        await queue.stop();
      },
    });
  },
  { redeliveryMs: 5_000 },
);

describe('embedded queue', () => {
  it('refuses more bytes than it may hold', async () => {
    const queue = new EmbeddedQueue({ maxBytes: 300 }, { logger, metrics: silentMetrics });
    const held = queue.submit(request('1'));
    held.catch(() => {});
    await expect(queue.submit(request('2'))).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await queue.stop();
  });

  it('puts a job that comes back before the others', async () => {
    const queue = new EmbeddedQueue({}, { logger, metrics: silentMetrics });
    const first = new EmbeddedConsumer({ concurrency: 1 }, { queue, logger });
    first.handle(() => new Promise(() => {}));
    await first.start();
    const asked = ['1', '2'].map((epoch) => queue.submit(request(epoch)));
    await first.stop();
    const order: string[] = [];
    const second = new EmbeddedConsumer({ concurrency: 1 }, { queue, logger });
    second.handle((job) => {
      order.push(job.id);
      return Promise.resolve(done(1));
    });
    await second.start();
    await Promise.all(asked);
    expect(order).toEqual([request('1').id, request('2').id]);
    await second.stop();
    await queue.stop();
  });

  it('answers for a consumer that sends something that is no outcome', async () => {
    const queue = new EmbeddedQueue({}, { logger, metrics: silentMetrics });
    const { parent, child } = channelPair();
    const host = new EmbeddedQueueHost({}, { queue, channel: parent, logger });
    await host.start();
    child.onMessage((value) => {
      const message = untagged(value);
      if (message?.kind !== 'job') return;
      child.send(tagged({ kind: 'outcome', delivery: message.delivery, outcome: { ok: 'so so' } }));
    });
    child.send(tagged({ kind: 'ready', capacity: 1 }));
    expect(await queue.submit(request('1'))).toMatchObject({ error: { code: 'JOB_FAILED' } });
    await host.stop();
    await queue.stop();
  });
});

describe('embedded queue with a child process', () => {
  const children: ChildProcess[] = [];
  const folders: string[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  /** A child that speaks the protocol by hand: it answers each job with its own number as the block. */
  async function childThat(answers: boolean, number: number): Promise<ChildProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'tx-queue-child-'));
    folders.push(folder);
    const file = join(folder, 'child.mjs');
    await writeFile(
      file,
      `const tag = 'runtime-bridge/tx-queue';
       process.on('message', (m) => {
         if (m.kind !== 'job' || !${answers}) return;
         process.send({ tag, kind: 'outcome', delivery: m.delivery, outcome: ${JSON.stringify(done(number))} });
       });
       process.send({ tag, kind: 'ready', capacity: 10 });`,
    );
    const child = fork(file, { execArgv: [] });
    children.push(child);
    return child;
  }

  it('delivers over IPC, and again to the next child after kill -9', async () => {
    const queue = new EmbeddedQueue({}, { logger, metrics: silentMetrics });
    const first = await childThat(false, 1);
    const host = new EmbeddedQueueHost({}, { queue, channel: ipcChannel(first), logger });
    await host.start();
    const asked = queue.submit(request('1'));
    await until(async () => (await queue.counts()).active === 1);
    first.kill('SIGKILL');
    await until(async () => (await queue.counts()).waiting === 1);
    const second = await childThat(true, 2);
    const next = new EmbeddedQueueHost({}, { queue, channel: ipcChannel(second), logger });
    await next.start();
    expect(await asked).toEqual(done(2));
    await host.stop();
    await next.stop();
    await queue.stop();
  });
});
