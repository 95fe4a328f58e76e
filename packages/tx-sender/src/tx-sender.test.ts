import type { Hex } from '@runtime-bridge/base';
import { Refusal } from '@runtime-bridge/chain-client/tx';
import type { JobOutcome } from '@runtime-bridge/tx-queue';
import { afterEach, describe, expect, it } from 'vitest';
import { shapeOf } from './fake-chain.test.kit.js';
import { aliceAccount, operators, Rig, sealedOf, startJob, workerKey } from './rig.test.kit.js';

const rigs: Rig[] = [];
async function rigWith(options?: Parameters<typeof Rig.create>[0]): Promise<Rig> {
  const rig = await Rig.create(options);
  rigs.push(rig);
  return rig;
}
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

const codeOf = (outcome: JobOutcome) => (outcome.ok ? 'ok' : outcome.error.code);
const hashes = (rig: Rig) => rig.chain.submissions.map(({ hash }) => hash);
const distinct = <T>(values: readonly T[]) => new Set(values).size;
const stakes = (rig: Rig) =>
  rig.chain.effects
    .filter(({ name }) => name === 'startComputing')
    .map((call) => Number(call.args[2]));

describe('the way of a batch', () => {
  it('puts jobs of one operator into one batch and answers each with its block', async () => {
    const rig = await rigWith({ batchWaitMs: 60_000, maxBatchCalls: 3 });
    const outcomes = await rig.settle(Promise.all([1, 2, 3].map((n) => rig.submit(startJob(n)))));
    expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'ok']);
    expect(rig.chain.submissions).toHaveLength(1);
    expect(shapeOf(rig.chain.submissions[0]!.tx)).toBe('forceBatch');
    expect(stakes(rig)).toEqual([1, 2, 3]);
    const [first] = outcomes;
    expect(first?.ok && first.txHash).toBe(rig.chain.submissions[0]!.hash);
    expect(first?.ok && first.blockNumber).toBeGreaterThan(0);
  });

  it('speaks for the proxied account', async () => {
    const rig = await rigWith();
    const proxiedAccount = operators['bob']!.ss58(30);
    const outcome = await rig.settle(rig.submit(startJob(1, { proxiedAccount })));
    expect(outcome.ok).toBe(true);
    expect(shapeOf(rig.chain.submissions[0]!.tx)).toBe('proxy(forceBatch)');
  });

  it('does not mix accounts that it speaks for, and keeps one nonce lane for them', async () => {
    const rig = await rigWith();
    const proxiedAccount = operators['bob']!.ss58(30);
    const jobs = [startJob(1), startJob(2, { proxiedAccount }), startJob(3)];
    await rig.settle(Promise.all(jobs.map((job) => rig.submit(job))));
    expect(rig.chain.submissions.map(({ tx }) => shapeOf(tx)).sort()).toEqual([
      'forceBatch',
      'proxy(forceBatch)',
    ]);
    expect(rig.chain.noncesUsed(aliceAccount)).toEqual([0, 1]);
  });

  it('sends a full batch without waiting, and no batch above its calls', async () => {
    const rig = await rigWith({ batchWaitMs: 60_000, maxBatchCalls: 2 });
    await rig.settle(Promise.all([1, 2, 3, 4].map((n) => rig.submit(startJob(n)))));
    expect(rig.chain.submissions).toHaveLength(2);
  });

  it('does not let steady traffic put a batch off', async () => {
    const rig = await rigWith({ batchWaitMs: 60 });
    let index = 1;
    const asked: Promise<JobOutcome>[] = [];
    const timer = setInterval(() => asked.push(rig.submit(startJob(index++))), 10);
    await rig.untilSo(() => rig.chain.submissions.length > 0, { limitMs: 1_000 });
    clearInterval(timer);
    await rig.settle(Promise.all(asked));
  });

  it('keeps a batch below the weight of a block', async () => {
    const rig = await rigWith();
    rig.chain.refTimeOfCall = 200_000n;
    await rig.settle(Promise.all([1, 2, 3, 4].map((n) => rig.submit(startJob(n)))));
    // Half of a block's 1,000,000 is two calls.
    expect(rig.chain.submissions).toHaveLength(2);
  });

  it('halves a batch that is too heavy for a block after all', async () => {
    const rig = await rigWith({ batchWaitMs: 30 });
    rig.chain.fates.push(Refusal.EXHAUSTS_RESOURCES);
    const outcomes = await rig.settle(
      Promise.all([1, 2, 3, 4].map((n) => rig.submit(startJob(n)))),
    );
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(stakes(rig)).toEqual([1, 2, 3, 4]);
    expect(rig.chain.submissions.length).toBeGreaterThanOrEqual(3);
  });

  it('says so when one job alone is too heavy', async () => {
    const rig = await rigWith();
    rig.chain.fates.push(Refusal.EXHAUSTS_RESOURCES);
    expect(codeOf(await rig.settle(rig.submit(startJob(1))))).toBe('JOB_TOO_LARGE');
  });

  it('pays the tip it is told to', async () => {
    const rig = await rigWith({ tip: 7n });
    await rig.settle(rig.submit(startJob(1)));
    expect(rig.chain.submissions[0]!.tx.tip).toBe('7');
  });

  it('asks once for what is asked twice, also after it took effect', async () => {
    const rig = await rigWith();
    const twice = await rig.settle(Promise.all([rig.submit(startJob(1)), rig.submit(startJob(1))]));
    expect(twice.map(codeOf)).toEqual(['ok', 'ok']);
    await rig.untilSo(() => rig.sender.status.jobs === 0);
    expect(codeOf(await rig.settle(rig.submit(startJob(1))))).toBe('ok');
    expect(stakes(rig)).toEqual([1]);
  });
});

describe('failed calls', () => {
  const failing = (name: string) => ({ pallet: 'phalaStakePoolv2', name, docs: 'words' });

  it('belong to the job that owns them', async () => {
    const rig = await rigWith({ batchWaitMs: 60_000, maxBatchCalls: 3 });
    rig.chain.callResult = (call) =>
      call.args[2] === '2' ? { ...failing('InsufficientFreeStake'), remedy: 'do' } : undefined;
    const outcomes = await rig.settle(Promise.all([1, 2, 3].map((n) => rig.submit(startJob(n)))));
    expect(outcomes.map(codeOf)).toEqual(['ok', 'CALL_FAILED', 'ok']);
    expect(outcomes[1]).toMatchObject({
      ok: false,
      error: {
        facts: { pallet: 'phalaStakePoolv2', error: 'InsufficientFreeStake', docs: 'words' },
        remedy: 'do',
      },
    });
    expect(rig.chain.submissions).toHaveLength(1);
  });

  it('of a job of several calls are counted, its neighbours untouched', async () => {
    const rig = await rigWith();
    rig.chain.callResult = (call) =>
      call.args[0] === '0x02' ? { pallet: 'phalaMq', name: 'BadSequence', docs: '' } : undefined;
    const messages = rig.submit({
      id: 'BATCH_SYNC_MQ_MESSAGE:w:1-3',
      job: {
        action: 'BATCH_SYNC_MQ_MESSAGE',
        payload: { pid: '1', messages: ['0x01', '0x02', '0x03'] },
      },
      operator: { sealed: sealedOf('alice') },
    });
    const [first, second] = await rig.settle(Promise.all([messages, rig.submit(startJob(2))]));
    expect(first).toMatchObject({ ok: false, error: { facts: { failed: 1, calls: 3 } } });
    expect(second.ok).toBe(true);
  });

  it('fail all jobs when the transaction as a whole failed', async () => {
    const rig = await rigWith();
    rig.chain.txResult = () => ({ pallet: 'proxy', name: 'NotProxy', docs: '' });
    const outcomes = await rig.settle(Promise.all([1, 2].map((n) => rig.submit(startJob(n)))));
    expect(outcomes.map(codeOf)).toEqual(['CALL_FAILED', 'CALL_FAILED']);
  });

  it('that pass by themselves are tried again, but not before the failure is final', async () => {
    const rig = await rigWith();
    let left = 1;
    rig.chain.callResult = () => (left-- > 0 ? failing('_PoolIsBusy') : undefined);
    const asked = rig.submit(startJob(1));
    await rig.untilSo(() => rig.chain.submissions.length === 1, { blocks: false });
    rig.chain.author();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.chain.submissions).toHaveLength(1);
    expect((await rig.settle(asked)).ok).toBe(true);
    expect(distinct(hashes(rig))).toBe(2);
  });

  it('are tried again at most three times', async () => {
    const rig = await rigWith({ eraBlocks: 256 });
    rig.chain.callResult = () => failing('_PoolIsBusy');
    expect(codeOf(await rig.settle(rig.submit(startJob(1))))).toBe('CALL_FAILED');
    expect(distinct(hashes(rig))).toBe(4);
  });
});

describe('jobs that cannot be', () => {
  it('fail at once for an unknown pool, without a transaction', async () => {
    const rig = await rigWith();
    rig.chain.pools.clear();
    expect(codeOf(await rig.submit(startJob(1)))).toBe('UNKNOWN_POOL');
    expect(rig.chain.submissions).toHaveLength(0);
  });

  it('fail at once with a key that is not for us', async () => {
    const rig = await rigWith();
    const job = startJob(1, { sealed: sealedOf('mallory') });
    expect(codeOf(await rig.submit(job))).toBe('OPERATOR_UNREADABLE');
  });

  it('fail at once with an address that is none', async () => {
    const rig = await rigWith();
    expect(codeOf(await rig.submit(startJob(1, { proxiedAccount: 'nobody' })))).toBe('BAD_ADDRESS');
  });

  it('fail with what to do when the account cannot pay', async () => {
    const rig = await rigWith();
    rig.chain.poor = true;
    const outcome = await rig.settle(rig.submit(startJob(1)));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'BALANCE_TOO_LOW' } });
    expect(!outcome.ok && outcome.error.remedy).toBeTruthy();
    rig.chain.poor = false;
    expect((await rig.settle(rig.submit(startJob(1)))).ok).toBe(true);
  });

  it('fail when the node refuses them for good', async () => {
    const rig = await rigWith();
    rig.chain.fates.push(Refusal.INVALID);
    expect(codeOf(await rig.settle(rig.submit(startJob(1))))).toBe('TRANSACTION_REFUSED');
  });
});

describe('what happens on the way', () => {
  /** Sends one job and returns when the node has its transaction. */
  async function underWay(options?: Parameters<typeof Rig.create>[0]) {
    const rig = await rigWith(options);
    const outcome = rig.submit(startJob(1));
    outcome.catch(() => {});
    await rig.untilSo(() => rig.chain.poolSize === 1, { blocks: false });
    return { rig, outcome, hash: rig.chain.submissions[0]!.hash };
  }

  async function expectOnce(rig: Rig, outcome: Promise<JobOutcome>, transactions: number) {
    expect((await rig.settle(outcome)).ok).toBe(true);
    await rig.untilSo(() => rig.sender.status.jobs === 0);
    expect(stakes(rig)).toEqual([1]);
    expect(distinct(hashes(rig))).toBe(transactions);
  }

  it('dropped: the same bytes go again', async () => {
    const { rig, outcome, hash } = await underWay();
    rig.chain.evict(hash, 'dropped');
    await expectOnce(rig, outcome, 1);
    expect(rig.chain.submissions.length).toBeGreaterThan(1);
  });

  it('invalid for the moment: the same bytes go again', async () => {
    const { rig, outcome, hash } = await underWay();
    rig.chain.evict(hash, 'invalid');
    await expectOnce(rig, outcome, 1);
  });

  it('usurped: signed anew, but not before its era is over', async () => {
    const { rig, outcome } = await underWay();
    rig.chain.foreign(aliceAccount, 0);
    rig.chain.author();
    rig.chain.finalize();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(distinct(hashes(rig))).toBe(1);
    await expectOnce(rig, outcome, 2);
    expect(rig.chain.noncesUsed(aliceAccount)).toEqual([0, 1]);
  });

  it('usurped: others of the account go on meanwhile', async () => {
    const { rig, outcome } = await underWay({ eraBlocks: 64 });
    rig.chain.foreign(aliceAccount, 0);
    const second = await rig.settle(rig.submit(startJob(2)));
    expect(second.ok).toBe(true);
    expect(stakes(rig)).toEqual([2]);
    expect((await rig.settle(outcome)).ok).toBe(true);
  });

  it('swallowed by a pool that says nothing: signed anew after its era, with the same nonce', async () => {
    const rig = await rigWith({ resendMinMs: 60_000, resendMaxMs: 60_000 });
    rig.chain.fates.push('swallowed');
    await expectOnce(rig, rig.submit(startJob(1)), 2);
    expect(rig.chain.noncesUsed(aliceAccount)).toEqual([0]);
  });

  it('expired again and again: given up after three more tries', async () => {
    const rig = await rigWith({ resendMinMs: 60_000, resendMaxMs: 60_000, eraBlocks: 4 });
    rig.chain.fates.push('swallowed', 'swallowed', 'swallowed', 'swallowed');
    expect(codeOf(await rig.settle(rig.submit(startJob(1))))).toBe('GAVE_UP');
    expect(distinct(hashes(rig))).toBe(4);
    expect(stakes(rig)).toEqual([]);
  });

  it.each(['lostBefore', 'lostAfter'] as const)('%s: the same bytes go again', async (fate) => {
    const rig = await rigWith();
    rig.chain.fates.push(fate);
    await expectOnce(rig, rig.submit(startJob(1)), 1);
  });

  it('connection lost while it is in the pool', async () => {
    const { rig, outcome } = await underWay();
    rig.chain.disconnect();
    rig.chain.author();
    rig.chain.finalize();
    await new Promise((resolve) => setTimeout(resolve, 30));
    rig.chain.connected.set(true);
    await expectOnce(rig, outcome, 1);
  });

  it('connection lost and the pool of the next node empty', async () => {
    const { rig, outcome } = await underWay();
    rig.chain.disconnect();
    rig.chain.clearPool();
    rig.chain.connected.set(true);
    await expectOnce(rig, outcome, 1);
  });

  it('pool full: waits and sends the same bytes', async () => {
    const rig = await rigWith();
    rig.chain.fates.push(Refusal.POOL_FULL, Refusal.POOL_FULL);
    await expectOnce(rig, rig.submit(startJob(1)), 1);
    expect(rig.chain.submissions).toHaveLength(3);
  });

  it.each([Refusal.STALE, Refusal.PRIORITY_TOO_LOW, Refusal.BAD_PROOF])(
    'refused at first sight as %s: signed anew at once',
    async (refusal) => {
      const rig = await rigWith({ eraBlocks: 4_096 });
      rig.chain.fates.push(refusal);
      expect((await rig.settle(rig.submit(startJob(1)))).ok).toBe(true);
      expect(stakes(rig)).toEqual([1]);
      expect(rig.chain.submissions).toHaveLength(2);
    },
  );

  it('a nonce that is out is not given again, whatever the pool says', async () => {
    const rig = await rigWith({ eraBlocks: 64 });
    rig.chain.fates.push('swallowed');
    const asked = [rig.submit(startJob(1))];
    await rig.untilSo(() => rig.chain.submissions.length === 1, { blocks: false });
    asked.push(rig.submit(startJob(2)));
    await rig.untilSo(() => rig.chain.submissions.length === 2, { blocks: false });
    expect(rig.chain.submissions.map(({ tx }) => tx.nonce)).toEqual([0, 1]);
    rig.chain.disconnect();
    rig.chain.connected.set(true);
    await rig.settle(Promise.all(asked));
    expect(stakes(rig)).toEqual([1, 2]);
  });

  it('no more transactions are under way than allowed', async () => {
    const rig = await rigWith({ maxInFlight: 2, maxBatchCalls: 1 });
    const asked = [1, 2, 3, 4].map((n) => rig.submit(startJob(n)));
    await rig.untilSo(() => rig.chain.poolSize === 2, { blocks: false });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(rig.chain.poolSize).toBe(2);
    await rig.settle(Promise.all(asked));
    expect(stakes(rig)).toEqual([1, 2, 3, 4]);
  });

  it('nonce taken by somebody whose transaction waits in the pool: takes the next', async () => {
    const rig = await rigWith({ eraBlocks: 4_096 });
    rig.chain.foreign(aliceAccount);
    await expectOnce(rig, rig.submit(startJob(1)), 1);
    expect(rig.chain.noncesUsed(aliceAccount)).toEqual([0, 1]);
  });

  it('refused when it may have been sent before: looked for until its era is over', async () => {
    const rig = await rigWith();
    rig.chain.fates.push('lostAfter', Refusal.STALE, Refusal.TEMPORARILY_BANNED);
    await expectOnce(rig, rig.submit(startJob(1)), 1);
  });

  it('retracted: answered by the block that it ends in, and effective once', async () => {
    const { rig, outcome } = await underWay({ eraBlocks: 64 });
    const fork = rig.chain.best.hash;
    rig.chain.author();
    expect((await outcome).ok).toBe(true);
    const empty = rig.chain.author({ on: fork, empty: true });
    const longer = rig.chain.author({ on: empty.hash, empty: true });
    expect(rig.chain.best.hash).toBe(longer.hash);
    expect(stakes(rig)).toEqual([]);
    await rig.untilSo(() => rig.sender.status.jobs === 0);
    expect(stakes(rig)).toEqual([1]);
    expect(distinct(hashes(rig))).toBe(1);
    const again = await rig.settle(rig.submit(startJob(1)));
    expect(again.ok && again.blockNumber).toBeGreaterThan(longer.number);
  });

  it('retracted and forgotten by the pool: the same bytes go again', async () => {
    const { rig, outcome } = await underWay({ eraBlocks: 64 });
    const fork = rig.chain.best.hash;
    rig.chain.author();
    await outcome;
    const empty = rig.chain.author({ on: fork, empty: true });
    const longer = rig.chain.author({ on: empty.hash, empty: true });
    rig.chain.setBest(longer.hash);
    rig.chain.clearPool();
    await rig.untilSo(() => rig.sender.status.jobs === 0);
    expect(stakes(rig)).toEqual([1]);
    expect(distinct(hashes(rig))).toBe(1);
  });

  it('runtime upgraded while jobs wait: calls and signature are of the new one', async () => {
    const rig = await rigWith({ batchWaitMs: 50 });
    const outcome = rig.submit(startJob(1));
    await new Promise((resolve) => setTimeout(resolve, 15));
    rig.chain.upgrade();
    expect((await rig.settle(outcome)).ok).toBe(true);
    expect(rig.chain.effects.map((call) => call.spec)).toEqual([2]);
  });

  it('runtime upgraded when it was sent: signed anew after its era', async () => {
    const { rig, outcome, hash } = await underWay();
    rig.chain.upgrade();
    rig.chain.evict(hash, 'invalid');
    await expectOnce(rig, outcome, 2);
  });

  it('finality that lags: the era begins where enough of it is left', async () => {
    const rig = await rigWith({ eraBlocks: 8 });
    for (let blocks = 0; blocks < 20; blocks += 1) rig.chain.author();
    const outcome = rig.submit(startJob(1));
    await rig.untilSo(() => rig.chain.poolSize === 1, { blocks: false });
    rig.chain.author();
    expect((await outcome).ok).toBe(true);
  });

  it('outcome unreadable: says so and does not do it again', async () => {
    const rig = await rigWith();
    rig.chain.outcome = () => Promise.reject(new Error('state discarded'));
    expect(codeOf(await rig.settle(rig.submit(startJob(1))))).toBe('OUTCOME_UNREADABLE');
    await rig.untilSo(() => rig.sender.status.jobs === 0);
    expect(stakes(rig)).toEqual([1]);
  });
});

describe('after a restart', () => {
  it('goes on with what was sent, and does nothing twice', async () => {
    const rig = await rigWith({ eraBlocks: 64 });
    const outcome = rig.submit(startJob(1));
    await rig.untilSo(() => rig.chain.poolSize === 1, { blocks: false });
    await rig.sender.stop();
    rig.chain.author();
    rig.chain.finalize();
    await rig.startSender();
    expect((await rig.settle(outcome)).ok).toBe(true);
    await rig.untilSo(() => rig.sender.status.jobs === 0);
    expect(stakes(rig)).toEqual([1]);
    expect(distinct(hashes(rig))).toBe(1);
  });

  it('remembers what took effect', async () => {
    const rig = await rigWith();
    await rig.settle(rig.submit(startJob(1)));
    await rig.untilSo(() => rig.sender.status.jobs === 0);
    await rig.sender.stop();
    await rig.startSender();
    expect((await rig.settle(rig.submit(startJob(1)))).ok).toBe(true);
    expect(stakes(rig)).toEqual([1]);
  });

  it('empties a journal of another chain', async () => {
    const rig = await rigWith();
    await rig.settle(rig.submit(startJob(1)));
    await rig.sender.stop();
    Object.assign(rig.chain, { genesisHash: workerKey(9) satisfies Hex });
    await rig.startSender();
    expect(rig.sender.status.open).toBe(0);
  });
});
