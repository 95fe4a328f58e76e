import type { Hex, Logger } from '@runtime-bridge/base';
import {
  PreflightReader,
  TxGateway,
  type ParaApi,
  type PreflightFacts,
  type PreflightQuery,
} from '@runtime-bridge/chain-client/tx';
import type { TxJob } from '@runtime-bridge/tx-queue';
import { callsOfJob } from './job-calls.js';
import type { PreflightSource } from './preflight-producer.js';

/** Kinds of calls whose fee is kept. */
const MAX_FEES = 100;

/** Pre-flight checks by a node of the parachain. */
export class ChainPreflight implements PreflightSource {
  readonly #reader: PreflightReader;
  readonly #gateway: TxGateway;
  /** Fee of one call by action, of one spec version. */
  readonly #fees = new Map<string, Promise<bigint>>();

  constructor(_options: Record<string, never>, collaborators: { para: ParaApi; logger: Logger }) {
    const { para, logger } = collaborators;
    this.#reader = new PreflightReader({}, { api: para, logger });
    this.#gateway = new TxGateway({}, { para });
  }

  read(query: PreflightQuery, options: { signal?: AbortSignal }): Promise<PreflightFacts> {
    return this.#reader.read(query, options);
  }

  /** The fee of its first call: what the transaction costs is more than that. */
  async feeOf(job: TxJob, account: Hex, options: { signal?: AbortSignal }): Promise<bigint> {
    const spec = this.#gateway.runtimeVersion.value?.specVersion ?? 0;
    const kind = `${spec} ${job.action}`;
    let fee = this.#fees.get(kind);
    if (!fee) {
      const [call] = callsOfJob(job, this.#gateway.calls);
      fee = this.#gateway.estimate(call!, account, options).then((estimate) => estimate.fee);
      if (this.#fees.size >= MAX_FEES) this.#fees.clear();
      this.#fees.set(kind, fee);
      fee.catch(() => this.#fees.delete(kind));
    }
    return await fee;
  }
}
