import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { EmbeddedConsumer, EmbeddedQueue, type JobOutcome } from '@runtime-bridge/tx-queue';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeChain } from './fake-chain.test.kit.js';
import type { Journal } from './journal.js';
import { LevelJournal } from './level-journal.js';
import { aliceAccount, openForTest, operators, quick, startJob } from './rig.test.kit.js';
import type { TxChain } from './tx-chain.js';
import { TxSender } from './tx-sender.js';

/**
 * One life of a sender. Everything it asks of chain and journal goes through here; when its time has come, nothing it
 * asks is done and nothing it asked is answered any more, as after kill -9.
 */
class Life {
  #stepsLeft: number;
  #dead = false;
  #die: (() => void) | undefined;
  readonly death = new Promise<void>((resolve) => {
    this.#die = resolve;
  });

  constructor(steps: number) {
    this.#stepsLeft = steps;
  }

  end(): void {
    this.#dead = true;
    this.#die?.();
  }

  /** The same object, of which each call of these methods is a step at whose beginning or end death may come. */
  mortal<T extends object>(object: T, methods: readonly string[]): T {
    return new Proxy(object, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const bound = value.bind(target) as (...args: unknown[]) => unknown;
        if (typeof name !== 'string' || !methods.includes(name)) return bound;
        return async (...args: unknown[]) => {
          if (this.#isOver()) return await new Promise(() => {});
          const result = await bound(...args);
          if (this.#isOver()) return await new Promise(() => {});
          return result;
        };
      },
    });
  }

  /** A submission ends with the one who made it; what the node has of it stays. */
  mortalSubmit(chain: FakeChain): TxChain['submit'] {
    return async (bytes, onStatus, signal) => {
      if (this.#isOver()) return await new Promise(() => {});
      const gone = new AbortController();
      void this.death.then(() => gone.abort());
      const alive = AbortSignal.any([signal, gone.signal]);
      const submitted = chain.submit(
        bytes,
        (status) => {
          if (!this.#dead) onStatus(status);
        },
        alive,
      );
      submitted.catch(() => {});
      // Lets the chain take it before death may come.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#isOver()) return await new Promise(() => {});
      await submitted;
      if (this.#dead) await new Promise(() => {});
    };
  }

  #isOver(): boolean {
    if (!this.#dead && this.#stepsLeft-- <= 0) this.end();
    return this.#dead;
  }
}

interface Trouble {
  kind: 'foreign' | 'disconnect' | 'clearPool' | 'reorg' | 'quiet' | 'quiet2';
}

interface Story {
  jobs: number;
  /** Steps of each life but the last, which is long enough. */
  lives: number[];
  troubles: Trouble['kind'][];
}

const story = fc.record<Story>({
  jobs: fc.integer({ min: 1, max: 12 }),
  lives: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 6 }),
  troubles: fc.array(
    fc.constantFrom<Trouble['kind']>(
      'foreign',
      'disconnect',
      'clearPool',
      'reorg',
      'quiet',
      'quiet2',
    ),
    { maxLength: 12 },
  ),
});

function tell(chain: FakeChain, trouble: Trouble['kind'] | undefined): void {
  switch (trouble) {
    case 'foreign':
      chain.foreign(aliceAccount);
      return;
    case 'disconnect':
      chain.disconnect();
      setTimeout(() => chain.connected.set(true), 3);
      return;
    case 'clearPool':
      chain.clearPool();
      return;
    case 'reorg': {
      // The best block is not finalised; a longer fork without it takes over, its transactions lost or back in the pool.
      const { parentHash } = chain.best;
      if (chain.finalizedHead.value!.number >= chain.best.number) return;
      const one = chain.author({ on: parentHash, empty: true });
      chain.author({ on: one.hash, empty: true });
      return;
    }
    case 'quiet':
    case 'quiet2':
    case undefined:
  }
}

async function live(told: Story): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'tx-crash-'));
  const chain = new FakeChain();
  const queue = new EmbeddedQueue({}, { logger: silentLogger, metrics: silentMetrics });
  const troubles = [...told.troubles];
  const proxiedAccount = operators['bob']!.ss58(30);
  const asked: Promise<JobOutcome>[] = [];
  let answered = 0;
  for (let index = 1; index <= told.jobs; index += 1) {
    const by = index % 3 === 0 ? { proxiedAccount } : {};
    const outcome = queue.submit(startJob(index, by));
    void outcome.then(() => (answered += 1));
    asked.push(outcome);
  }
  const end = Date.now() + 20_000;
  try {
    for (const steps of [...told.lives, Infinity]) {
      const life = new Life(steps);
      const level = new LevelJournal(
        { path: join(path, 'journal'), maxRemembered: 1_000, maxHistory: 50 },
        { logger: silentLogger },
      );
      const journal: Journal = life.mortal(level, ['add', 'markDead', 'remove', 'release']);
      const mortalChain = life.mortal<TxChain>(chain, [
        'blockHash',
        'nextNonce',
        'poolExists',
        'estimate',
        'blockTxs',
        'outcome',
      ]);
      const lane = new Proxy(mortalChain, {
        get: (target, name) =>
          name === 'submit' ? life.mortalSubmit(chain) : (Reflect.get(target, name) as unknown),
      });
      const consumer = new EmbeddedConsumer({}, { queue, logger: silentLogger });
      const sender = new TxSender(
        { ...quick, maxBatchCalls: 3, batchWaitMs: 1, maxInFlight: 2, maxRetries: 100 },
        {
          consumer,
          chain: lane,
          journal,
          openOperator: openForTest,
          logger: silentLogger,
          metrics: silentMetrics,
        },
      );
      await sender.start();
      let isDead = false;
      void life.death.then(() => (isDead = true));
      const isDone = () => answered === told.jobs && sender.status.jobs === 0;
      while (!isDead && !isDone()) {
        if (Date.now() > end) throw new Error('it never came to an end');
        tell(chain, troubles.shift());
        chain.author();
        chain.finalize(2);
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      life.end();
      await consumer.stop();
      await level.close();
    }
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => !outcome.ok)).toEqual([]);
    const effects = chain.effects.filter(({ name }) => name === 'startComputing');
    expect(effects.map((call) => Number(call.args[2])).sort((a, b) => a - b)).toEqual(
      Array.from({ length: told.jobs }, (_, index) => index + 1),
    );
    const nonces = chain.noncesUsed(aliceAccount);
    expect(nonces).toEqual(nonces.map((_, index) => index));
  } finally {
    await queue.stop();
    await rm(path, { recursive: true, force: true });
  }
}

describe('a sender that is killed at any moment', () => {
  it('makes each call take effect exactly once, by the record of the chain', async () => {
    await fc.assert(fc.asyncProperty(story, live), { numRuns: 40, endOnFailure: true });
  }, 120_000);
});
