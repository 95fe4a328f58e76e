import { BridgeError, type Hex, type Logger, type MetricsRegister } from '@runtime-bridge/base';
import {
  accountOfAddress,
  type PreflightFacts,
  type PreflightQuery,
} from '@runtime-bridge/chain-client/tx';
import type { JobOutcome, JobProducer, JobRequest, TxJob } from '@runtime-bridge/tx-queue';
import { preflight } from './preflight.js';

/** What pre-flight checks ask the chain. */
export interface PreflightSource {
  read(query: PreflightQuery, options: { signal?: AbortSignal }): Promise<PreflightFacts>;
  /** What the transaction of a job costs at least, in the smallest unit. */
  feeOf(job: TxJob, account: Hex, options: { signal?: AbortSignal }): Promise<bigint>;
}

/** What the checks are made with. */
export interface PreflightCollaborators {
  producer: Pick<JobProducer, 'submit'>;
  source: PreflightSource;
  /** Account of the operator of a pool (decimal text); undefined where it is not known. */
  operatorOf: (pool: string) => Hex | undefined;
  logger: Logger;
  metrics: MetricsRegister;
}

/** How long jobs are collected for one look at the chain. */
const COLLECT_MS = 20;

/** Longest that a look at the chain may take: a job is not held up by a check. */
const LOOK_TIMEOUT_MS = 3_000;

interface Waiting {
  request: JobRequest;
  resolve: (facts: PreflightFacts | undefined) => void;
}

/**
 * Refuses jobs that the chain would refuse, with a sentence on what to do, before they cost anything. What cannot be
 * found out is not refused.
 */
export class PreflightProducer implements Pick<JobProducer, 'submit'> {
  readonly #with: PreflightCollaborators;
  readonly #refused: () => void;
  #waiting: Waiting[] = [];

  constructor(collaborators: PreflightCollaborators) {
    this.#with = collaborators;
    const counter = collaborators.metrics.counter({
      name: 'runtime_bridge_tx_preflight_refused_total',
      help: 'Jobs that were not handed in since the chain would refuse them',
    });
    this.#refused = () => counter.inc();
  }

  async submit(request: JobRequest, signal?: AbortSignal): Promise<JobOutcome> {
    const problem = await this.#problemOf(request, signal);
    if (!problem) return await this.#with.producer.submit(request, signal);
    this.#refused();
    return { ok: false, error: problem.toObject() };
  }

  async #problemOf(request: JobRequest, signal?: AbortSignal): Promise<BridgeError | undefined> {
    const { source, operatorOf, logger } = this.#with;
    const account = operatorOf(request.job.payload.pid);
    if (account === undefined) return undefined;
    try {
      const facts = await this.#factsFor(request);
      if (!facts) return undefined;
      const fee = await source.feeOf(request.job, account, signal ? { signal } : {});
      return preflight(request.job, { account, real: realOf(request) }, facts, fee);
    } catch (error) {
      logger.debug('Job could not be checked beforehand', { job: request.id }, error);
      return undefined;
    }
  }

  /** One look for all jobs of the same moment. */
  #factsFor(request: JobRequest): Promise<PreflightFacts | undefined> {
    return new Promise((resolve) => {
      if (this.#waiting.length === 0) setTimeout(() => void this.#look(), COLLECT_MS);
      this.#waiting.push({ request, resolve });
    });
  }

  async #look(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const { source, operatorOf, logger } = this.#with;
    try {
      const query = queryOf(
        waiting.map(({ request }) => request),
        operatorOf,
      );
      const facts = await source.read(query, { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) });
      for (const { resolve } of waiting) resolve(facts);
    } catch (error) {
      logger.debug('Facts for checks beforehand cannot be read', {}, BridgeError.from(error));
      for (const { resolve } of waiting) resolve(undefined);
    }
  }
}

function queryOf(
  requests: readonly JobRequest[],
  operatorOf: (pool: string) => Hex | undefined,
): PreflightQuery {
  const accounts = new Set<Hex>();
  const reals = new Set<Hex>();
  const workers = new Set<Hex>();
  const pools = new Set<bigint>();
  for (const request of requests) {
    const { payload } = request.job;
    const account = operatorOf(payload.pid);
    if (account !== undefined) accounts.add(account);
    const real = realOf(request);
    if (real !== undefined) reals.add(real);
    if (!('publicKey' in payload)) continue;
    workers.add(payload.publicKey);
    pools.add(BigInt(payload.pid));
  }
  return {
    accounts: [...accounts],
    reals: [...reals],
    workers: [...workers],
    pools: [...pools],
  };
}

function realOf({ operator }: JobRequest): Hex | undefined {
  const { proxiedAccount } = operator;
  return proxiedAccount === undefined ? undefined : accountOfAddress(proxiedAccount);
}
