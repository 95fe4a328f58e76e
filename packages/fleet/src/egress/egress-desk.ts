import {
  BridgeError,
  TaskGroup,
  toHex,
  type Hex,
  type Logger,
  type MetricsRegister,
} from '@runtime-bridge/base';
import type { JobOutcome, TxJob } from '@runtime-bridge/tx-queue';

import { FleetErrorCode } from '../errors.js';
import type { EgressReport } from '../runner/messages.js';
import { EgressLane, type LaneBatch, type LaneLimits } from './egress-lane.js';

/** Bounds of a desk. */
export interface EgressDeskOptions {
  batch?: LaneLimits;
  /** Senders that are handled at once; workers and the clusters and contracts that they host. @default 100000 */
  maxLanes?: number;
}

/** What a desk works with. */
export interface EgressDeskCollaborators {
  /** Sequence that the chain expects of a sender, and the finalised block that says so. */
  ingressOf: (origin: Hex) => { sequence: bigint; block: number } | undefined;
  /** Newest block that is known, finalised or not: what a failed batch did is in none after it. */
  newestBlock: () => number;
  /** Hands in a job for a worker's pool. */
  submit: (
    uuid: string,
    job: { action: TxJob['action']; subject: string; epoch: string; messages: readonly Hex[] },
    signal: AbortSignal,
  ) => Promise<JobOutcome>;
  /** Tells a worker's operator. */
  notice: (uuid: string, text: string) => void;
  logger: Logger;
  metrics: MetricsRegister;
}

/** One batch becomes one job, which the trader puts into an extrinsic with others of the pool. */
const DEFAULT_BATCH: LaneLimits = { maxMessages: 100, maxBytes: 256 * 1024 };
const DEFAULT_MAX_LANES = 100_000;

/**
 * Brings the messages of all senders to the chain, whoever reports them and however often: each sequence once, in order,
 * without a gap.
 */
export class EgressDesk {
  readonly #lanes = new Map<Hex, EgressLane>();
  readonly #limits: LaneLimits;
  readonly #maxLanes: number;
  readonly #collaborators: EgressDeskCollaborators;
  readonly #tasks: TaskGroup;
  readonly #sent: (outcome: 'ok' | 'failed', count: number) => void;

  constructor(options: EgressDeskOptions, collaborators: EgressDeskCollaborators) {
    this.#limits = options.batch ?? DEFAULT_BATCH;
    this.#maxLanes = options.maxLanes ?? DEFAULT_MAX_LANES;
    this.#collaborators = collaborators;
    this.#tasks = new TaskGroup({ name: 'egress desk' }, { logger: collaborators.logger });
    const counter = collaborators.metrics.counter({
      name: 'runtime_bridge_egress_messages_count',
      help: 'Egress messages handed to the trader, by outcome',
      labels: ['outcome'],
    });
    this.#sent = (outcome, count) => counter.inc({ outcome }, count);
  }

  /** Senders that were seen. */
  get origins(): Hex[] {
    return [...this.#lanes.keys()];
  }

  /** Takes what a worker wants on chain. */
  report(uuid: string, reports: readonly EgressReport[]): void {
    for (const { origin, messages } of reports) {
      const lane = this.#lane(origin);
      const ingress = lane && this.#collaborators.ingressOf(origin);
      if (!lane || !ingress) continue;
      const batch = lane.next(messages, ingress.sequence, ingress.block);
      if (!batch) continue;
      this.#tasks.spawn('batch', (signal) => this.#submit(uuid, origin, lane, batch, signal));
    }
  }

  /** Gives up waiting for outcomes. */
  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  #lane(origin: Hex): EgressLane | undefined {
    const known = this.#lanes.get(origin);
    if (known) return known;
    if (this.#lanes.size >= this.#maxLanes) {
      this.#collaborators.logger.warn('Too many senders of egress messages', {
        maxLanes: this.#maxLanes,
      });
      return undefined;
    }
    const lane = new EgressLane(this.#limits);
    this.#lanes.set(origin, lane);
    return lane;
  }

  async #submit(
    uuid: string,
    origin: Hex,
    lane: EgressLane,
    batch: LaneBatch,
    signal: AbortSignal,
  ): Promise<void> {
    const { submit, notice, logger, newestBlock } = this.#collaborators;
    const facts = { origin, first: batch.first, count: batch.messages.length };
    logger.debug('Handing in egress messages', facts);
    let failure: BridgeError;
    try {
      const outcome = await submit(
        uuid,
        {
          action: 'BATCH_SYNC_MQ_MESSAGE',
          subject: origin.slice(0, 80),
          epoch: epochOf(batch),
          messages: batch.messages.map(({ raw }) => toHex(raw)),
        },
        signal,
      );
      if (outcome.ok) {
        lane.succeed(outcome.blockNumber);
        this.#sent('ok', batch.messages.length);
        return;
      }
      failure = BridgeError.fromObject(outcome.error);
    } catch (error) {
      failure = BridgeError.from(error);
    }
    if (failure.code === FleetErrorCode.QUEUE_UNAVAILABLE) lane.lose(newestBlock());
    else lane.fail(newestBlock());
    if (signal.aborted) return;
    this.#sent('failed', batch.messages.length);
    logger.warn('Egress messages failed', facts, failure);
    notice(uuid, `Error while synching mq egress: ${failure.message}`);
  }
}

function epochOf({ first, end, repeat }: LaneBatch): string {
  const range = `${first.toString()}-${(end - 1n).toString()}`;
  return repeat === 0 ? range : `${range}-again${repeat}`;
}
