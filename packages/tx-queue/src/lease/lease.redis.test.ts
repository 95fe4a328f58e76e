import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { done, request, until } from '../compliance.test.suite.js';
import { RedisConsumer } from '../redis/redis-consumer.js';
import { RedisProducer } from '../redis/redis-producer.js';
import { findRedisServer, RedisServer } from '../redis/redis-server.test.support.js';
import { FencedStore } from './fenced-store.js';
import { JobGate } from './job-gate.js';
import { LeaseConnection, type LeaseRole } from './lease-connection.js';
import { HOLD, WRITE } from './lease-scripts.js';
import { RedisLease, type RedisLeaseOptions } from './redis-lease.js';

const logger = silentLogger;
const binary = await findRedisServer(process.env['PATH'] ?? '');
if (binary === undefined) {
  if (process.env['CI'] === 'true') throw new Error('redis-server is not installed');
  console.warn('SKIPPED: no redis-server in PATH (apt-get install redis-server)');
}

/** One step of a story about several processes and one Redis. */
type Step =
  | { kind: 'tick' | 'write' | 'restart'; who: number }
  | { kind: 'pass'; ms: number }
  | { kind: 'flush' };

const LEASE_MS = 100;
const who = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('tick' as const), who }), weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant('write' as const), who }), weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant('restart' as const), who }), weight: 1 },
  {
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      // Short against the lease, mostly, so that there are holders at all.
      ms: fc.oneof(
        { arbitrary: fc.integer({ min: 1, max: 30 }), weight: 5 },
        { arbitrary: fc.integer({ min: 90, max: 260 }), weight: 1 },
      ),
    }),
    weight: 5,
  },
  { arbitrary: fc.record({ kind: fc.constant('flush' as const) }), weight: 1 },
);

describe.skipIf(!binary)('leases', () => {
  const server = new RedisServer(binary!);
  const stops: (() => Promise<unknown> | void)[] = [];
  let prefix = '';
  let count = 0;
  beforeAll(() => server.start());
  afterAll(() => server.close());
  beforeEach(() => {
    prefix = `lease${(count += 1)}`;
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  const connect = () => {
    const connection = new LeaseConnection({ url: server.url, prefix }, { logger });
    stops.push(() => connection.close());
    return connection;
  };
  const flush = async () => {
    const { client } = connect();
    await client.flushall();
  };
  async function hold(role: LeaseRole, options: Partial<RedisLeaseOptions> = {}) {
    const lease = new RedisLease(
      { url: server.url, prefix, role, identity: 'me', leaseMs: 300, ...options },
      { logger },
    );
    stops.push(() => lease.stop());
    await lease.start();
    return lease;
  }

  it('let only one write at a time, whatever happens to processes and Redis (by a clock of the test)', async () => {
    const connection = connect();
    const keys = [connection.leaseKey('trader'), connection.epochKey('trader')];
    let turns = 0;
    const story = async (steps: Step[]) => {
      await connection.client.flushall();
      // Somebody had it once: the first holder need not settle.
      await connection.client.set(keys[1]!, 1);
      let now = 1_000_000;
      let lives = 0;
      const born = () => ({
        name: `p${(lives += 1)}`,
        known: 0,
        held: 0,
        confirmed: 0,
        proven: false,
      });
      const processes = [born(), born(), born()];
      // Who wrote, in order, each stretch once.
      const wrote: string[] = [];
      for (const one of steps) {
        switch (one.kind) {
          case 'pass':
            now += one.ms;
            break;
          case 'flush':
            await connection.client.flushall();
            break;
          case 'restart':
            processes[one.who] = born();
            break;
          case 'tick': {
            const process = processes[one.who]!;
            const mayGoOn = process.proven && now - process.confirmed < LEASE_MS ? 1 : 0;
            const answer = (await connection.run(HOLD, keys, [
              ...[now, process.name, '', process.known, process.held, LEASE_MS, mayGoOn],
            ])) as number[];
            process.known = Math.max(process.known, answer[1]!);
            process.held = answer[0] === 1 ? answer[1]! : 0;
            if (answer[0] === 1) process.confirmed = now;
            // What goes on after a flush has been believed before.
            process.proven = answer[0] === 1 && (answer[2] === 0 || process.proven);
            break;
          }
          case 'write': {
            const process = processes[one.who]!;
            if (process.held === 0) break;
            const writes = [3, 'HSET', 1, 'x', 1].map(String);
            writes[0] = String(writes.length - 1);
            const answer = await connection.run(
              WRITE,
              [keys[0]!, '', connection.key('data')],
              [now, process.name, process.held, ...writes],
            );
            const by = `${process.name}/${process.held}`;
            if (answer === 1 && wrote.at(-1) !== by) wrote.push(by);
          }
        }
      }
      expect(new Set(wrote).size).toBe(wrote.length);
      turns += wrote.length;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120, size: 'max' }), story),
      { numRuns: 1_500, endOnFailure: true },
    );
    // Stories in which the lease goes from hand to hand, or it would say nothing.
    expect(turns).toBeGreaterThan(150);
  });

  it('always end with a holder when processes go on trying', async () => {
    const connection = connect();
    const keys = [connection.leaseKey('trader'), connection.epochKey('trader')];
    const story = async (steps: Step[]) => {
      await connection.client.flushall();
      let now = 1_000_000;
      const held = [0, 0, 0];
      const tick = async (index: number) => {
        const args = [now, `p${index}`, '', 0, held[index]!, LEASE_MS, 0];
        const answer = (await connection.run(HOLD, keys, args)) as number[];
        held[index] = answer[0] === 1 ? answer[1]! : 0;
        return answer;
      };
      for (const one of steps) {
        if (one.kind === 'pass') now += one.ms;
        else if (one.kind === 'flush') await connection.client.flushall();
        else await tick(one.who);
      }
      // Three lease times of nothing but trying.
      let settled = 0;
      for (let round = 0; round < 16; round += 1) {
        now += LEASE_MS / 4;
        const answers = [await tick(0), await tick(1), await tick(2)];
        settled = answers.filter(([isOurs, , settles]) => isOurs === 1 && settles === 0).length;
      }
      expect(settled).toBe(1);
      expect(held.filter((epoch) => epoch > 0)).toHaveLength(1);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), story), { numRuns: 100 });
  });

  it('are waited for, and passed on when given back', async () => {
    const first = await hold('manager');
    const tenure = await first.acquire();
    const second = await hold('manager');
    await second.state.until(({ kind }) => kind === 'standby');
    expect(second.state.value).toMatchObject({ kind: 'standby' });
    await first.stop();
    expect(tenure.lost.aborted).toBe(true);
    const next = await second.acquire();
    expect(next.epoch).toBeGreaterThan(tenure.epoch);
  });

  it('of roles and queues have nothing to do with each other', async () => {
    const one = await hold('manager');
    const other = await hold('trader');
    const elsewhere = await hold('manager', { prefix: `${prefix}x` });
    await Promise.all([one.acquire(), other.acquire(), elsewhere.acquire()]);
  });

  it('survive a Redis that forgets everything, in the hands of their holder', async () => {
    const first = await hold('trader');
    const tenure = await first.acquire();
    const second = await hold('trader');
    await second.state.until(({ kind }) => kind === 'standby');
    await flush();
    const store = new FencedStore({ tenure }, { lease: first, logger });
    // Either of them may be the first to ask; whoever works in the end has an epoch that nobody had before it.
    const wrote = await store.write([{ command: 'HSET', key: 'data', args: ['x', 1] }]).then(
      () => true,
      () => false,
    );
    if (wrote) expect(second.state.value.kind).toBe('standby');
    else expect((await second.acquire()).epoch).toBeGreaterThan(tenure.epoch);
  });

  it('are taken back after a flush from one that did not know of their holder', async () => {
    const first = await hold('trader', { leaseMs: 1_500 });
    const tenure = await first.acquire();
    await flush();
    const second = await hold('trader', { leaseMs: 1_500 });
    await until(() => Promise.resolve(second.state.value.kind === 'standby'));
    const store = new FencedStore({ tenure }, { lease: first, logger });
    expect(await store.write([{ command: 'HSET', key: 'data', args: ['x', 1] }])).toBe(true);
    expect(tenure.lost.aborted).toBe(false);
  });

  describe('between processes', () => {
    const program = fileURLToPath(new URL('./lease-holder.test.support.mjs', import.meta.url));
    async function start() {
      const child = spawn(process.execPath, [program, server.url, prefix], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (text) => (output += String(text)));
      stops.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      });
      return {
        child,
        says: (text: string) => until(() => Promise.resolve(output.includes(text))),
        count: (text: string) => output.split(text).length - 1,
      };
    }

    it('a standby takes over from one that was killed', async () => {
      const first = await start();
      await first.says('held');
      const second = await start();
      await second.says('standby');
      first.child.kill('SIGKILL');
      await second.says('held');
      await second.says('wrote');
    });

    it('one that was stopped and wakes up later finds out that its time is over, and writes nothing', async () => {
      const first = await start();
      await first.says('wrote');
      first.child.kill('SIGSTOP');
      const second = await start();
      await second.says('wrote');
      const before = second.count('wrote');
      first.child.kill('SIGCONT');
      await first.says('refused');
      await first.says('standby');
      const wrote = first.count('wrote');
      await until(() => Promise.resolve(second.count('wrote') > before + 3));
      expect(first.count('wrote')).toBe(wrote);
      second.child.kill('SIGKILL');
      await until(() => Promise.resolve(first.count('wrote') > wrote));
    });
  });

  describe('at the gate of jobs', () => {
    async function queue(epoch: number | undefined) {
      const producer = new RedisProducer(
        {
          url: server.url,
          prefix,
          checkIntervalMs: 200,
          ...(epoch === undefined ? {} : { epoch }),
        },
        { logger, metrics: silentMetrics },
      );
      stops.push(() => producer.stop());
      await producer.start();
      return producer;
    }
    async function consume() {
      const consumer = new RedisConsumer(
        { url: server.url, prefix, stallIntervalMs: 300 },
        {
          logger,
          gate: new JobGate(
            { lookEveryMs: 50, patienceMs: 500 },
            { connection: connect(), logger },
          ),
        },
      );
      const handled: string[] = [];
      consumer.handle((job) => {
        handled.push(`${job.id}/${job.epoch}`);
        return Promise.resolve(done(1));
      });
      stops.push(() => consumer.stop());
      await consumer.start();
      return handled;
    }

    it('jobs of the holder come in, those of one before it do not', async () => {
      const first = await hold('manager');
      const { epoch } = await first.acquire();
      const old = await queue(epoch);
      const handled = await consume();
      expect(await old.submit(request('1'))).toEqual(done(1));
      await first.stop();
      // The last holder may still be served while nobody has followed it.
      expect(await old.submit(request('2'))).toEqual(done(1));
      const second = await hold('manager');
      const next = await second.acquire();
      expect(await old.submit(request('3'))).toMatchObject({
        ok: false,
        error: { code: 'STALE_EPOCH' },
      });
      const now = await queue(next.epoch);
      expect(await now.submit(request('3'))).toEqual(done(1));
      expect(handled).toHaveLength(3);
    });

    it('a job that its manager left behind is asked for anew by the next one', async () => {
      const first = await hold('manager');
      const { epoch } = await first.acquire();
      const old = await queue(epoch);
      const left = old.submit(request('1'));
      left.catch(() => {});
      await until(async () => (await old.counts()).waiting === 1);
      await old.stop();
      await first.stop();
      const second = await hold('manager');
      const next = await second.acquire();
      const now = await queue(next.epoch);
      const asked = now.submit(request('1'));
      const handled = await consume();
      expect(await asked).toEqual(done(1));
      expect(handled).toEqual([expect.stringMatching(new RegExp(`/${next.epoch}$`))]);
    });

    it('after a flush jobs wait until a holder has held on', async () => {
      const lease = await hold('manager', { leaseMs: 1_000 });
      const { epoch } = await lease.acquire();
      const producer = await queue(epoch);
      const handled = await consume();
      await flush();
      const asked = producer.submit(request('1'));
      const look = connect();
      const settles = async () =>
        Number(await look.client.hget(look.leaseKey('manager'), 'settles'));
      await until(async () => (await settles()) > 0);
      const settledAtMs = await settles();
      expect(await asked).toEqual(done(1));
      const [seconds = 0, micros = 0] = (await look.client.time()).map(Number);
      expect(seconds * 1_000 + micros / 1_000).toBeGreaterThanOrEqual(settledAtMs);
      expect(handled).toHaveLength(1);
    });

    it('jobs without an epoch come in only where no manager of ours is at work', async () => {
      const producer = await queue(undefined);
      await consume();
      expect(await producer.submit(request('1'))).toEqual(done(1));
      const lease = await hold('manager');
      await lease.acquire();
      expect(await producer.submit(request('2'))).toMatchObject({
        ok: false,
        error: { code: 'STALE_EPOCH' },
      });
      await lease.stop();
      expect(await producer.submit(request('3'))).toEqual(done(1));
    });

    it('a job of a holder that nobody knows is refused in the end', async () => {
      const producer = await queue(7);
      await consume();
      expect(await producer.submit(request('1'))).toMatchObject({
        ok: false,
        error: { code: 'STALE_EPOCH' },
      });
    });
  });
});
