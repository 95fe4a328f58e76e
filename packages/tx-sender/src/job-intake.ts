import { retry, toHex, type Hex, type Logger } from '@runtime-bridge/base';
import { accountOfAddress, type CallWeight } from '@runtime-bridge/chain-client/tx';
import type { OperatorKey } from '@runtime-bridge/keystore';
import type { JobOperator } from '@runtime-bridge/tx-queue';
import type { QueuedJob } from './batch.js';
import { isConnectionError } from './block-follower.js';
import { TxSenderError, TxSenderErrorCode } from './errors.js';
import { callsOfJob, poolOfJob } from './job-calls.js';
import type { ActiveJob } from './job-book.js';
import type { TxChain } from './tx-chain.js';

/** Opened keys kept: more than anybody has pools. */
const MAX_KEYS = 1_000;

/** Pools that are known to exist; they never go away. */
const MAX_POOLS = 100_000;

/** Makes a job ready for its lane: opens the key, builds and checks the calls, looks up pool and weight. */
export class JobIntake {
  readonly #chain: TxChain;
  readonly #open: (sealed: Uint8Array) => OperatorKey;
  readonly #logger: Logger;
  readonly #keys = new Map<string, OperatorKey>();
  readonly #pools = new Set<bigint>();
  /** Weights by the first two bytes of a call, of one spec version. */
  #weights = { spec: 0, byCall: new Map<string, Promise<CallWeight>>() };

  constructor(
    _options: Record<string, never>,
    collaborators: {
      chain: TxChain;
      openOperator: (sealed: Uint8Array) => OperatorKey;
      logger: Logger;
    },
  ) {
    this.#chain = collaborators.chain;
    this.#open = collaborators.openOperator;
    this.#logger = collaborators.logger;
  }

  /**
   * Waits for the node where it has to be asked.
   * @throws TxSenderError OPERATOR_UNREADABLE, UNKNOWN_POOL; TxError BAD_CALL, MISSING_PALLET, BAD_ADDRESS
   */
  async prepare(active: ActiveJob, signal: AbortSignal): Promise<QueuedJob> {
    const key = this.#keyOf(active.operator);
    const { proxiedAccount } = active.operator;
    const real = proxiedAccount === undefined ? undefined : accountOfAddress(proxiedAccount);
    const job = this.build(active, key, real);
    await this.#needPool(active, signal);
    const weight = await this.#weightOf(job.calls[0]!, key, signal);
    const times = BigInt(job.calls.length);
    return { ...job, refTime: weight.refTime * times, proofSize: weight.proofSize * times };
  }

  /** The calls for the runtime in force now, without a weight. */
  build(active: ActiveJob, key: OperatorKey, real: Hex | undefined): QueuedJob {
    const calls = callsOfJob(active.job, this.#chain.calls);
    return {
      active,
      key,
      real,
      calls,
      spec: this.#spec,
      bytes: calls.reduce((sum, call) => sum + (call.length - 2) / 2, 0),
      refTime: 0n,
      proofSize: 0n,
    };
  }

  /** The same job for the runtime in force now, if that has changed. */
  rebuild(job: QueuedJob): QueuedJob {
    if (job.spec === this.#spec) return job;
    const { calls, bytes, spec } = this.build(job.active, job.key, job.real);
    return { ...job, calls, bytes, spec };
  }

  get #spec(): number {
    return this.#chain.runtimeVersion.value?.specVersion ?? 0;
  }

  #keyOf(operator: JobOperator): OperatorKey {
    const known = this.#keys.get(operator.sealed);
    if (known) return known;
    let key: OperatorKey;
    try {
      key = this.#open(Buffer.from(operator.sealed, 'base64'));
    } catch (error) {
      throw new TxSenderError(
        TxSenderErrorCode.OPERATOR_UNREADABLE,
        'The operator key of the job cannot be opened',
        {
          cause: error,
          remedy:
            'Give the trader the identity file of the lifecycle manager that asks (LIFECYCLE in PHALA_PEER_ID_PREFIX).',
        },
      );
    }
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(operator.sealed, key);
    return key;
  }

  async #needPool(active: ActiveJob, signal: AbortSignal): Promise<void> {
    const pool = poolOfJob(active.job);
    if (pool === undefined || this.#pools.has(pool)) return;
    if (
      !(await this.#patiently((stop) => this.#chain.poolExists(pool, { signal: stop }), signal))
    ) {
      throw new TxSenderError(TxSenderErrorCode.UNKNOWN_POOL, `The chain has no pool ${pool}`, {
        facts: { pool, job: active.id },
        remedy: 'Check the pool id (pid).',
      });
    }
    if (this.#pools.size < MAX_POOLS) this.#pools.add(pool);
  }

  /** Weight of a call; all calls of one kind weigh the same on these pallets. */
  async #weightOf(call: Hex, key: OperatorKey, signal: AbortSignal): Promise<CallWeight> {
    if (this.#weights.spec !== this.#spec) {
      this.#weights = { spec: this.#spec, byCall: new Map() };
    }
    const { byCall } = this.#weights;
    const kind = call.slice(0, 6);
    let weight = byCall.get(kind);
    if (!weight) {
      weight = this.#chain
        .estimate(call, toHex(key.publicKey), { signal })
        .then((estimate) => estimate.weight);
      byCall.set(kind, weight);
      weight.catch((error: unknown) => {
        byCall.delete(kind);
        // Without it batches are bounded by calls and bytes, and halved when they turn out too heavy.
        this.#logger.debug('Weight of a call is unknown', { call: kind }, error);
      });
    }
    return await weight.catch(() => ({ refTime: 0n, proofSize: 0n }));
  }

  /** Asks the node until it has answered, however often the connection is lost. */
  async #patiently<T>(ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    return retry(
      async (_attempt, stop) => {
        await this.#chain.connected.until((value) => value, stop);
        return await ask(stop);
      },
      { minDelayMs: 200, maxDelayMs: 5_000, shouldRetry: isConnectionError, signal },
    );
  }
}
