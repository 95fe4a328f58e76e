import { sleep, Watched, type Hex } from '@runtime-bridge/base';
import type { ChainFacts, SessionFacts, WorkerFacts } from '@runtime-bridge/chain-client/tx';
import type { JobOutcome, JobRequest } from '@runtime-bridge/tx-queue';

import type { ChainInterest } from '../manager/chain-watch.js';

/** Public key of the operator of all pools of a rig. */
export const OPERATOR: Hex = `0x${'ee'.repeat(32)}`;

/** The parachain as the manager sees it: facts, and a trader that carries jobs out in the next block. */
export class FakeChain {
  readonly facts = new Watched<ChainFacts | undefined>(undefined);
  readonly jobs: JobRequest[] = [];
  readonly workers = new Map<Hex, WorkerFacts>();
  readonly ingress = new Map<Hex, bigint>();
  freeStake = 1_000_000_000_000_000n;
  block = 0;
  coolDownPeriodSec = 0;
  /** Of workers that are registered. */
  score = 100;
  /** Second at which sessions that are stopped begin to cool down. */
  coolDownStart = 0n;
  /** What becomes of a job instead of success. */
  reject: (request: JobRequest) => string | undefined = () => undefined;
  interest: ChainInterest = { workers: [], origins: [], pools: [] };

  setInterest(interest: ChainInterest): void {
    this.interest = interest;
    this.publish();
  }

  /** A block is finalised. */
  advance(height: number): void {
    this.block = Math.max(this.block, height);
    this.publish();
  }

  publish(): void {
    this.facts.set({
      block: this.block,
      blockHash: `0x${'00'.repeat(32)}`,
      coolDownPeriodSec: this.coolDownPeriodSec,
      balances: new Map(),
      workers: new Map(this.interest.workers.map((key) => [key, { ...this.of(key) }])),
      ingress: new Map(
        this.interest.origins.map((origin) => [origin, this.ingress.get(origin) ?? 0n]),
      ),
      pools: new Map(
        this.interest.pools.map((pool) => [
          pool,
          { ownerAccount: '0x00', freeStake: this.freeStake, workerCount: 0 },
        ]),
      ),
    });
  }

  of(key: Hex): WorkerFacts {
    const known = this.workers.get(key) ?? { publicKey: key, registered: false };
    this.workers.set(key, known);
    return known;
  }

  async submit(request: JobRequest): Promise<JobOutcome> {
    this.jobs.push(request);
    await sleep(1);
    const reason = this.reject(request);
    if (reason !== undefined) return { ok: false, error: { code: 'REFUSED', message: reason } };
    this.#apply(request);
    return { ok: true, blockHash: '0x00', blockNumber: this.block + 1, txHash: '0x00' };
  }

  /** Actions asked for a worker, in order. */
  actions(key: Hex): string[] {
    return this.jobs.filter(({ id }) => id.includes(key)).map(({ job }) => job.action);
  }

  #apply({ id, job }: JobRequest): void {
    const [, subject = ''] = id.split(':');
    const worker = this.of(subject as Hex);
    switch (job.action) {
      case 'REGISTER_WORKER':
        worker.registered = true;
        worker.operator = OPERATOR;
        worker.initialScore = this.score;
        return;
      case 'ADD_WORKER':
        worker.poolId = BigInt(job.payload.pid);
        worker.session = session('Ready');
        return;
      case 'START_COMPUTING':
      case 'RESTART_COMPUTING':
        worker.session = session('WorkerIdle');
        worker.stake = BigInt(job.payload.stake);
        return;
      case 'STOP_COMPUTING':
        worker.session = { ...session('WorkerCoolingDown'), coolDownStart: this.coolDownStart };
        return;
      case 'RECLAIM_WORKER':
        worker.session = session('Ready');
        delete worker.stake;
        return;
      case 'BATCH_SYNC_MQ_MESSAGE': {
        this.workers.delete(subject as Hex);
        const origin = subject as Hex;
        const next = this.ingress.get(origin) ?? 0n;
        this.ingress.set(origin, next + BigInt(job.payload.messages.length));
      }
    }
  }
}

/** A session in some state. */
export function session(state: SessionFacts['state']): SessionFacts {
  return {
    state,
    v: 0n,
    ve: 0n,
    pInit: 0,
    pInstant: 0,
    totalReward: 0n,
    coolDownStart: 0n,
    json: { state },
  };
}
