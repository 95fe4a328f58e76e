import { silentLogger, silentMetrics, type Hex } from '@runtime-bridge/base';
import type {
  PoolFacts,
  PreflightFacts,
  SessionFacts,
  SessionState,
  WorkerFacts,
} from '@runtime-bridge/chain-client/tx';
import type { JobOutcome, JobRequest, TxJob } from '@runtime-bridge/tx-queue';
import { describe, expect, it } from 'vitest';
import { preflight, PreflightProducer } from './index.js';

const PHA = 10n ** 12n;
const worker: Hex = `0x${'aa'.repeat(32)}`;
const operator: Hex = `0x${'01'.repeat(32)}`;
const real: Hex = `0x${'02'.repeat(32)}`;
const stranger: Hex = `0x${'03'.repeat(32)}`;

const session = (state: SessionState) => ({ state }) as SessionFacts;

/** A worker that is registered, scored, and in no pool. */
const registered: WorkerFacts = {
  publicKey: worker,
  registered: true,
  operator,
  initialScore: 100,
  confidenceLevel: 1,
};
/** One that is in the pool and may be started. */
const ready: WorkerFacts = {
  ...registered,
  poolId: 7n,
  sessionAccount: stranger,
  session: session('Ready'),
};
const computing: WorkerFacts = { ...ready, session: session('WorkerIdle'), stake: 2_000n * PHA };
const goodPool: PoolFacts = { ownerAccount: operator, freeStake: 5_000n * PHA, workerCount: 3 };

interface World {
  worker?: WorkerFacts;
  pool?: PoolFacts | 'none';
  spendable?: bigint;
  proxies?: { delegate: Hex; type: string; delayBlocks: number }[];
}

function factsOf(world: World): PreflightFacts {
  const pool = world.pool ?? goodPool;
  return {
    block: 1,
    spendable: new Map([[operator, world.spendable ?? PHA]]),
    proxies: new Map([[real, world.proxies ?? []]]),
    workers: new Map([[worker, world.worker ?? registered]]),
    pools: new Map(pool === 'none' ? [] : [[7n, pool]]),
    rules: {
      minScore: 50,
      maxPoolWorkers: 200,
      // Those of Khala's genesis.
      tokenomics: { k: 100, re: 1.3, rigK: 0.3, rigB: 0, maxV: 30_000 },
    },
  };
}

const payload = { pid: '7', publicKey: worker };
const add: TxJob = { action: 'ADD_WORKER', payload };
const stop: TxJob = { action: 'STOP_COMPUTING', payload };
const start = (stake: bigint): TxJob => ({
  action: 'START_COMPUTING',
  payload: { ...payload, stake: stake.toString() },
});
const restart = (stake: bigint): TxJob => ({
  action: 'RESTART_COMPUTING',
  payload: { ...payload, stake: stake.toString() },
});
const messages: TxJob = {
  action: 'BATCH_SYNC_MQ_MESSAGE',
  payload: { pid: '7', messages: ['0x00'] },
};

const check = (job: TxJob, world: World, by: { real?: Hex } = {}) =>
  preflight(job, { account: operator, ...by }, factsOf(world), PHA / 100n);

describe('checks before a transaction', () => {
  it.each<[string, TxJob, World]>([
    ['adding a registered worker', add, {}],
    ['starting a worker', start(1_000n * PHA), { worker: ready }],
    ['starting with exactly what is free', start(5_000n * PHA), { worker: ready }],
    ['raising a stake', restart(7_000n * PHA), { worker: computing }],
    [
      'raising the stake of an unresponsive worker',
      restart(3_000n * PHA),
      {
        worker: { ...computing, session: session('WorkerUnresponsive') },
      },
    ],
    ['stopping', stop, { worker: computing }],
    ['messages, whatever the worker is', messages, { pool: 'none' }],
  ])('let pass: %s', (_id, job, world) => {
    expect(check(job, world)).toBeUndefined();
  });

  it.each<[string, TxJob, World]>([
    ['balance', messages, { spendable: PHA / 100n - 1n }],
    ['phalaStakePoolv2.PoolDoesNotExist', add, { pool: 'none' }],
    [
      'phalaStakePoolv2.UnauthorizedPoolOwner',
      add,
      { pool: { ...goodPool, ownerAccount: stranger } },
    ],
    [
      'phalaStakePoolv2.WorkerNotRegistered',
      add,
      { worker: { publicKey: worker, registered: false } },
    ],
    [
      'phalaStakePoolv2.UnauthorizedOperator',
      add,
      { worker: { ...registered, operator: stranger } },
    ],
    [
      'phalaStakePoolv2.BenchmarkMissing',
      add,
      {
        worker: { publicKey: worker, registered: true, operator },
      },
    ],
    ['phalaStakePoolv2.WorkerExists', add, { worker: ready }],
    ['phalaStakePoolv2.WorkerInAnotherPool', add, { worker: { ...ready, poolId: 8n } }],
    ['phalaStakePoolv2.WorkersExceedLimit', add, { pool: { ...goodPool, workerCount: 200 } }],
    [
      'phalaStakePoolv2.FailedToBindSessionAndWorker',
      add,
      {
        worker: { ...registered, sessionAccount: stranger },
      },
    ],
    ['phalaStakePoolv2.WorkerDoesNotExist', start(1_000n * PHA), {}],
    [
      'phalaStakePoolv2.WorkerDoesNotExist',
      start(1_000n * PHA),
      { worker: { ...ready, poolId: 8n } },
    ],
    ['phalaComputation.WorkerNotReady', start(1_000n * PHA), { worker: computing }],
    [
      'phalaComputation.BenchmarkTooLow',
      start(1_000n * PHA),
      {
        worker: { ...ready, initialScore: 49 },
      },
    ],
    ['phalaComputation.InsufficientStake', start(999n * PHA), { worker: ready }],
    [
      'phalaComputation.TooMuchStake',
      start(29_971n * PHA),
      {
        worker: { ...ready, confidenceLevel: 9 },
        pool: { ...goodPool, freeStake: 100_000n * PHA },
      },
    ],
    ['phalaStakePoolv2.InsufficientFreeStake', start(5_001n * PHA), { worker: ready }],
    ['phalaComputation.WorkerNotComputing', restart(3_000n * PHA), { worker: ready }],
    ['phalaStakePoolv2.CannotRestartWithLessStake', restart(2_000n * PHA), { worker: computing }],
    ['phalaStakePoolv2.InsufficientFreeStake', restart(7_001n * PHA), { worker: computing }],
    ['phalaComputation.WorkerNotComputing', stop, { worker: ready }],
    [
      'phalaStakePoolv2.WorkerAlreadyStopped',
      stop,
      {
        worker: { ...computing, session: session('WorkerCoolingDown') },
      },
    ],
  ])('refuse as the chain would: %s (%#)', (name, job, world) => {
    const problem = check(job, world);
    expect(problem).toMatchObject({ code: 'PREFLIGHT_REFUSED', facts: { check: name } });
    expect(problem?.remedy).toMatch(/\.$/);
  });

  it.each<[string, NonNullable<World['proxies']>, string | undefined]>([
    ['none', [], 'proxy.NotProxy'],
    [
      'of another delegate',
      [{ delegate: stranger, type: 'Any', delayBlocks: 0 }],
      'proxy.NotProxy',
    ],
    [
      'too narrow',
      [{ delegate: operator, type: 'Governance', delayBlocks: 0 }],
      'proxy.Unproxyable',
    ],
    ['delayed', [{ delegate: operator, type: 'Any', delayBlocks: 5 }], 'proxy.Unproxyable'],
    ['made for it', [{ delegate: operator, type: 'StakePoolManager', delayBlocks: 0 }], undefined],
    ['any', [{ delegate: operator, type: 'Any', delayBlocks: 0 }], undefined],
  ])('look at the proxy: %s', (_id, proxies, name) => {
    const world = {
      proxies,
      worker: { ...registered, operator: real },
      pool: { ...goodPool, ownerAccount: real },
    };
    const problem = check(add, world, { real });
    expect(problem?.facts['check']).toBe(name);
  });

  it('agree with the numbers of the chain at the edges of a stake', () => {
    // k·√P = 100·√100; ve = 1.3·(stake + 0.3·100) <= 30,000.
    const rich = { worker: ready, pool: { ...goodPool, freeStake: 100_000n * PHA } };
    const most = BigInt(Math.floor((30_000 / 1.3 - 30) * 1e6)) * 1_000_000n;
    expect(check(start(1_000n * PHA), rich)).toBeUndefined();
    expect(check(start(most), rich)).toBeUndefined();
    expect(check(start(most + PHA), rich)?.facts['check']).toBe('phalaComputation.TooMuchStake');
    expect(check(start(1_000n * PHA - PHA / 10n), rich)?.facts['check']).toBe(
      'phalaComputation.InsufficientStake',
    );
  });
});

describe('a producer that checks before', () => {
  const request = (job: TxJob): JobRequest => ({
    id: `${job.action}:${worker}:1`,
    job,
    operator: { sealed: 'c2VhbGVk' },
  });
  const taken: JobOutcome = { ok: true, blockHash: '0x00', blockNumber: 1, txHash: '0x00' };

  function producerWith(read: () => Promise<PreflightFacts>) {
    const handed: string[] = [];
    let reads = 0;
    const producer = new PreflightProducer({
      producer: {
        submit: ({ id }) => {
          handed.push(id);
          return Promise.resolve(taken);
        },
      },
      source: {
        read: () => {
          reads += 1;
          return read();
        },
        feeOf: () => Promise.resolve(PHA / 100n),
      },
      operatorOf: (pool) => (pool === '7' ? operator : undefined),
      logger: silentLogger,
      metrics: silentMetrics,
    });
    return { producer, handed, reads: () => reads };
  }

  it('hands in what may succeed and refuses the rest, with one look for all of a moment', async () => {
    const { producer, handed, reads } = producerWith(() => Promise.resolve(factsOf({})));
    const outcomes = await Promise.all(
      [add, start(1_000n * PHA), messages].map((job) => producer.submit(request(job))),
    );
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code))).toEqual([
      'ok',
      'PREFLIGHT_REFUSED',
      'ok',
    ]);
    expect(handed).toHaveLength(2);
    expect(reads()).toBe(1);
  });

  it('refuses nothing when the chain cannot be asked, or nobody knows the operator', async () => {
    const { producer, handed } = producerWith(() => Promise.reject(new Error('no node')));
    expect(await producer.submit(request(start(1n)))).toEqual(taken);
    const other = producerWith(() => Promise.resolve(factsOf({})));
    const foreign = { ...payload, pid: '8' };
    expect(
      await other.producer.submit(request({ action: 'ADD_WORKER', payload: foreign })),
    ).toEqual(taken);
    expect(handed).toHaveLength(1);
    expect(other.reads()).toBe(0);
  });
});
