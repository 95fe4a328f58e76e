import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics, type Facts } from '@runtime-bridge/base';
import type { JobConsumer, JobHandler, JobOutcome, JobRequest } from '@runtime-bridge/tx-queue';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { AccountWatch } from './account-watch.js';
import { FakeChain } from './fake-chain.test.kit.js';
import type { TxRecord } from './history.js';
import type { JournalEntry } from './journal.js';
import { LevelJournal } from './level-journal.js';
import { aliceAccount, openForTest, quick, Rig, startJob } from './rig.test.kit.js';
import { TxSender } from './tx-sender.js';

const broken = { pallet: 'phalaStakePoolv2', name: 'WorkerExists', docs: '' };

/** Executions of a worker's call in the best chain, whether it took effect or not. */
function executions(chain: FakeChain): number[] {
  return chain.executed
    .filter(({ name }) => name === 'startComputing')
    .map((call) => Number(call.args[2]))
    .sort((a, b) => a - b);
}

/** A queue that hands out by hand, and again whatever the test likes, as a Redis does that was emptied. */
class HandQueue implements JobConsumer {
  readonly name = 'hand';
  #handler: JobHandler | undefined;
  #life = new AbortController();
  #stopped = Promise.resolve();

  handle(handler: JobHandler): void {
    this.#handler = handler;
    const life = new AbortController();
    this.#life = life;
    this.#stopped = new Promise((resolve) =>
      life.signal.addEventListener('abort', () => resolve()),
    );
  }
  start(): Promise<void> {
    return Promise.resolve();
  }
  stop(): Promise<void> {
    this.#life.abort();
    return Promise.resolve();
  }
  /** The outcome, or undefined when the sender was stopped before there was one. */
  async hand(request: JobRequest, ask: string | undefined): Promise<JobOutcome | undefined> {
    const { signal } = this.#life;
    const outcome = this.#handler!({ ...request, ask }, signal);
    outcome.catch(() => {});
    return await Promise.race([outcome, this.#stopped.then(() => undefined)]);
  }
}

/** A sender on a queue by hand, that can be started again on the same journal. */
class HandRig {
  readonly chain = new FakeChain();
  readonly queue = new HandQueue();
  sender!: TxSender;
  private constructor(readonly path: string) {}

  static async create(): Promise<HandRig> {
    const rig = new HandRig(await mkdtemp(join(tmpdir(), 'tx-memory-')));
    await rig.start();
    return rig;
  }
  async start(journal?: LevelJournal): Promise<void> {
    this.sender = new TxSender(
      { ...quick, batchWaitMs: 1 },
      {
        consumer: this.queue,
        chain: this.chain,
        journal:
          journal ??
          new LevelJournal(
            { path: join(this.path, 'journal'), maxRemembered: 100, maxHistory: 100 },
            { logger: silentLogger },
          ),
        openOperator: openForTest,
        logger: silentLogger,
        metrics: silentMetrics,
      },
    );
    await this.sender.start();
  }
  async restart(): Promise<void> {
    await this.sender.stop();
    await this.start();
  }
  /** Makes blocks until something is so. */
  async untilSo(isSo: () => boolean): Promise<void> {
    const end = Date.now() + 5_000;
    while (!isSo()) {
      if (Date.now() > end) throw new Error('it never came to that');
      this.chain.author();
      this.chain.finalize(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  async ask(request: JobRequest, ask: string | undefined): Promise<JobOutcome | undefined> {
    let isOver = false;
    const outcome = this.queue.hand(request, ask).finally(() => (isOver = true));
    await this.untilSo(() => isOver && this.sender.status.open === 0);
    return await outcome;
  }
  async close(): Promise<void> {
    await this.sender.stop();
    await rm(this.path, { recursive: true, force: true });
  }
}

const rigs: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});
async function handRig(): Promise<HandRig> {
  const rig = await HandRig.create();
  rigs.push(rig);
  return rig;
}

describe('a failure in a block', () => {
  it('is told again to the same asking, also after a restart, and not carried out again', async () => {
    const rig = await handRig();
    rig.chain.callResult = () => broken;
    const first = await rig.ask(startJob(1), 'a');
    expect(first).toMatchObject({ ok: false, error: { code: 'CALL_FAILED' } });
    expect(await rig.ask(startJob(1), 'a')).toEqual(first);
    await rig.restart();
    expect(await rig.ask(startJob(1), 'a')).toEqual(first);
    expect(executions(rig.chain)).toEqual([1]);
  });

  it('does not keep one who asks anew from another try', async () => {
    const rig = await handRig();
    rig.chain.callResult = () => broken;
    await rig.ask(startJob(1), 'a');
    rig.chain.callResult = () => undefined;
    expect(await rig.ask(startJob(1), 'b')).toMatchObject({ ok: true });
    // From now on everybody is told that it took effect.
    expect(await rig.ask(startJob(1), 'a')).toMatchObject({ ok: true });
    expect(executions(rig.chain)).toEqual([1, 1]);
  });

  it('of a job without a mark is not remembered', async () => {
    const rig = await handRig();
    rig.chain.callResult = () => broken;
    await rig.ask(startJob(1), undefined);
    await rig.ask(startJob(1), undefined);
    expect(executions(rig.chain)).toEqual([1, 1]);
  });

  it('is told to each asking that waited for it', async () => {
    const rig = await handRig();
    rig.chain.callResult = () => broken;
    const [first, second] = await Promise.all([
      rig.ask(startJob(1), 'a'),
      rig.ask(startJob(1), 'b'),
    ]);
    await rig.restart();
    expect(await rig.ask(startJob(1), 'a')).toEqual(first);
    expect(await rig.ask(startJob(1), 'b')).toEqual(second);
    expect(executions(rig.chain)).toEqual([1]);
  });

  it('before a block is not remembered: a pool that appears is served', async () => {
    const rig = await handRig();
    rig.chain.pools.clear();
    expect(await rig.ask(startJob(1), 'a')).toMatchObject({ error: { code: 'UNKNOWN_POOL' } });
    rig.chain.pools.add(1n);
    expect(await rig.ask(startJob(1), 'a')).toMatchObject({ ok: true });
  });

  it('happens once per asking, whatever is lost, by the record of the chain', async () => {
    const step = fc.record({
      job: fc.integer({ min: 1, max: 4 }),
      /** What happens while it is under way. */
      then: fc.constantFrom('nothing', 'restart', 'lost answer', 'empty pool'),
      blocks: fc.integer({ min: 0, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
        const rig = await HandRig.create();
        try {
          // Every second one fails.
          rig.chain.callResult = (call) =>
            call.name === 'startComputing' && Number(call.args[2]) % 2 === 0 ? broken : undefined;
          const asked = new Set<number>();
          for (const { job, then, blocks } of steps) {
            asked.add(job);
            const pending = rig.queue.hand(startJob(job), 'same');
            for (let made = 0; made < blocks; made += 1) {
              await new Promise((resolve) => setTimeout(resolve, 1));
              rig.chain.author();
              rig.chain.finalize(1);
            }
            if (then === 'empty pool') rig.chain.clearPool();
            if (then === 'restart') await rig.restart();
            if (then === 'nothing') await rig.untilSo(() => rig.sender.status.open === 0);
            void pending.catch(() => {});
          }
          for (const job of asked) {
            const outcome = await rig.ask(startJob(job), 'same');
            // An even one fails in a block, and for no other reason.
            expect(outcome).toMatchObject(
              job % 2 === 1 ? { ok: true } : { ok: false, error: { code: 'CALL_FAILED' } },
            );
          }
          expect(executions(rig.chain)).toEqual([...asked].sort((a, b) => a - b));
        } finally {
          await rig.close();
        }
      }),
      { numRuns: 30, endOnFailure: true },
    );
  }, 60_000);
});

describe('the history', () => {
  it('tells what is under way and what is over, newest first, with fee and jobs', async () => {
    const rig = await handRig();
    rig.chain.callResult = (call) => (call.args[2] === '2' ? broken : undefined);
    await rig.ask(startJob(1), 'a');
    await rig.ask(startJob(2), 'a');
    const pending = rig.queue.hand(startJob(3), 'a');
    while (rig.chain.submissions.length < 3) await new Promise((done) => setTimeout(done, 2));
    const { open, ended, next } = await rig.sender.history();
    expect(open).toMatchObject([
      { hash: rig.chain.submissions[2]!.hash, nonce: 2, jobs: [{ outcome: 'pending' }] },
    ]);
    expect(ended).toMatchObject([
      {
        nonce: 1,
        state: 'finalized',
        fee: 1n,
        jobs: [{ id: startJob(2).id, outcome: 'failed', code: 'CALL_FAILED', pool: '1' }],
      },
      { nonce: 0, hash: rig.chain.submissions[0]!.hash, account: aliceAccount, calls: 1 },
    ]);
    expect(ended[0]!.block).toBeGreaterThan(ended[1]!.block!);
    expect(ended[1]!.jobs).toMatchObject([{ outcome: 'done', action: 'START_COMPUTING' }]);
    expect(next).toBeUndefined();
    await rig.untilSo(() => rig.sender.status.open === 0);
    await pending;
  });

  it('survives a restart, in pages, bounded', async () => {
    const rig = await Rig.create({ batchWaitMs: 1, maxBatchCalls: 1 });
    rigs.push(rig);
    await rig.settle(Promise.all([1, 2, 3, 4, 5].map((n) => rig.submit(startJob(n)))));
    await rig.untilSo(() => rig.sender.status.open === 0);
    await rig.sender.stop();
    await rig.startSender();
    const first = await rig.sender.history({ limit: 2 });
    const second = await rig.sender.history({ limit: 2, before: first.next! });
    const third = await rig.sender.history({ limit: 2, before: second.next! });
    const nonces = [first, second, third].map(({ ended }) => ended.map(({ nonce }) => nonce));
    expect(nonces.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(nonces.flat().sort()).toEqual([0, 1, 2, 3, 4]);
    expect(third.next).toBeUndefined();
    expect((await rig.sender.history({ account: '0x00' })).ended).toEqual([]);
    expect(rig.sender.status.accounts).toMatchObject([{ account: aliceAccount, fees: 5n }]);
  });

  it('keeps no more than it may', async () => {
    const path = await mkdtemp(join(tmpdir(), 'tx-history-'));
    const limits = { path, maxRemembered: 2, maxHistory: 3 };
    const journal = new LevelJournal(limits, { logger: silentLogger });
    await journal.open('0x01');
    const entry = { id: 1, account: aliceAccount } as never;
    for (let nonce = 0; nonce < 10; nonce += 1) {
      const ends = [{ id: `${nonce}`, asks: ['a'], outcome: failed }];
      await journal.remove(entry, ends, { nonce, account: aliceAccount } as never);
    }
    const { ended } = await journal.history({});
    expect(ended.map(({ nonce }) => nonce)).toEqual([9, 8, 7]);
    await journal.close();
    const again = new LevelJournal(limits, { logger: silentLogger });
    expect((await again.open('0x01')).ends.map(({ id }) => id)).toEqual(['8', '9']);
    await again.remove(entry, [], { nonce: 10, account: aliceAccount } as never);
    expect((await again.history({})).ended.map(({ nonce }) => nonce)).toEqual([10, 9, 8]);
    await again.close();
    await rm(path, { recursive: true });
  });

  it('tells of a transaction that was refused, and that its jobs went on', async () => {
    const rig = await handRig();
    rig.chain.fates.push('STALE');
    await rig.ask(startJob(1), 'a');
    const { ended } = await rig.sender.history();
    expect(ended.map(({ state, jobs }) => [state, jobs[0]!.outcome])).toEqual([
      ['finalized', 'done'],
      ['refused', 'again'],
    ]);
  });
});

const failed: JobOutcome & { ok: false } = { ok: false, error: { code: 'X', message: 'x' } };

describe('the balance of an operator', () => {
  it('is warned about once per crossing, and told', async () => {
    const chain = new FakeChain();
    const lines: string[] = [];
    const note = (level: string) => (message: string, facts?: Facts) => {
      lines.push(`${level} ${String(facts?.['spendable'])}`);
      void message;
    };
    const logger = { ...silentLogger, warn: note('warn'), info: note('info') };
    const watch = new AccountWatch(
      { minBalance: 10n, everyMs: 1 },
      { chain, logger, metrics: silentMetrics },
    );
    const stop = new AbortController();
    const running = watch.run(stop.signal).catch(() => {});
    const look = async (spendable: bigint) => {
      chain.spendable = spendable;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return watch.accounts[0]!;
    };
    watch.watch(aliceAccount);
    expect(await look(10n)).toMatchObject({ spendable: 10n, isLow: false });
    expect(await look(9n)).toMatchObject({ spendable: 9n, isLow: true });
    await look(8n);
    chain.connected.set(false);
    await look(50n);
    chain.connected.set(true);
    expect(await look(50n)).toMatchObject({ isLow: false });
    await look(1n);
    expect(lines).toEqual(['warn 9', 'info 50', 'warn 1']);
    stop.abort();
    await running;
  });
});

describe('a job whose transaction is being made', () => {
  it('waits for a node that goes away meanwhile, also while finality lags', async () => {
    const rig = await handRig();
    // So far behind that the era cannot begin at the finalised head.
    for (let made = 0; made < 80; made += 1) rig.chain.author();
    const blockHash = rig.chain.blockHash.bind(rig.chain);
    let lost = 0;
    rig.chain.blockHash = async (number) => {
      if (lost++ > 0) return await blockHash(number);
      rig.chain.disconnect();
      setTimeout(() => rig.chain.connected.set(true), 5);
      return await blockHash(number);
    };
    const outcome = rig.queue.hand(startJob(1), 'a');
    while (rig.chain.submissions.length === 0) await new Promise((done) => setTimeout(done, 2));
    expect(lost).toBeGreaterThan(1);
    await rig.untilSo(() => rig.sender.status.open === 0);
    expect(await outcome).toMatchObject({ ok: true });
  });

  it('goes into one other when the process stood still until the era was over', async () => {
    const rig = await handRig();
    await rig.sender.stop();
    let isStill = true;
    class SlowJournal extends LevelJournal {
      override async add(entry: JournalEntry): Promise<void> {
        await super.add(entry);
        if (!isStill) return;
        isStill = false;
        for (let made = 0; made < 96; made += 1) rig.chain.author();
        rig.chain.finalize();
      }
      override async markDead(entry: JournalEntry, record: TxRecord): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, 50));
        await super.markDead(entry, record);
      }
    }
    const journal = new SlowJournal(
      { path: join(rig.path, 'journal'), maxRemembered: 100, maxHistory: 100 },
      { logger: silentLogger },
    );
    const submit = rig.chain.submit.bind(rig.chain);
    let isFirst = true;
    rig.chain.submit = async (...args) => {
      if (isFirst) {
        isFirst = false;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await submit(...args);
    };
    await rig.start(journal);
    // Refused at first sight, and expired at the same time.
    expect(await rig.ask(startJob(1), 'a')).toMatchObject({ ok: true });
    await rig.untilSo(() => rig.sender.status.open === 0 && rig.sender.status.jobs === 0);
    for (let made = 0; made < 20; made += 1) {
      rig.chain.author();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(executions(rig.chain)).toEqual([1]);
  });
});
