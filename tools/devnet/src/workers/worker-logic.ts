import { blake2b256, bytesEqual } from '../primitives/index.js';
import type { Benchmark } from './benchmark.js';
import {
  Topic,
  benchReport,
  bigintOf,
  decodeSystemEvent,
  heartbeat,
  isFromPallet,
  type MqMessage,
  type OutgoingMessage,
  type WorkerEvent,
} from './messages.js';

/** What a checkpoint keeps of the worker's role on chain. */
export interface WorkerLogicState {
  readonly registered: boolean;
  readonly bench:
    | {
        readonly startBlock: number;
        readonly startTimeMs: bigint;
        readonly startIterations: bigint;
        readonly durationBlocks: number;
      }
    | undefined;
  readonly working:
    | { readonly sessionId: number; readonly isPaused: boolean; readonly startIterations: bigint }
    | undefined;
}

/** A block as far as the worker's logic sees it. */
export interface BlockFacts {
  readonly number: number;
  readonly timeMs: bigint;
}

/**
 * What a worker does on system events: registration, benchmark, sessions, heartbeats
 * (phala-blockchain 40ffcd1be crates/phactory/src/system/mod.rs `WorkerState`).
 */
export class WorkerLogic {
  private state: WorkerLogicState;
  private readonly hashedId: bigint;

  constructor(
    private readonly options: { readonly publicKey: Uint8Array; readonly heartbeat: 1 | 2 },
    private readonly collaborators: {
      readonly benchmark: Benchmark;
      readonly send: (message: OutgoingMessage) => void;
    },
    restored?: WorkerLogicState,
  ) {
    this.state = restored ?? { registered: false, bench: undefined, working: undefined };
    this.hashedId = bigintOf(blake2b256(options.publicKey));
  }

  get registered(): boolean {
    return this.state.registered;
  }

  snapshot(): WorkerLogicState {
    return this.state;
  }

  /** Takes in a block's messages, then what is due at its end. */
  onBlock(block: BlockFacts, messages: readonly MqMessage[]): void {
    for (const message of messages) {
      if (!bytesEqual(message.destination, Topic.systemEvent) || !isFromPallet(message)) continue;
      const event = decodeSystemEvent(message.payload);
      if (event?.kind === 'heartbeatChallenge') {
        this.onChallenge(block, event.seed, event.onlineTarget);
      } else if (event?.kind === 'worker' && bytesEqual(event.publicKey, this.options.publicKey)) {
        this.onWorkerEvent(block, event.event);
      }
    }
    this.onBlockEnd(block);
  }

  private onWorkerEvent(block: BlockFacts, event: WorkerEvent): void {
    const { benchmark } = this.collaborators;
    switch (event.kind) {
      case 'registered':
        this.state = { ...this.state, registered: true };
        return;
      case 'benchStart':
        this.state = {
          ...this.state,
          bench: {
            startBlock: block.number,
            startTimeMs: block.timeMs,
            startIterations: benchmark.iterations,
            durationBlocks: event.durationBlocks,
          },
        };
        benchmark.resume();
        return;
      case 'benchScore':
        return;
      case 'started':
        this.state = {
          ...this.state,
          working: {
            sessionId: event.sessionId,
            isPaused: false,
            startIterations: benchmark.iterations,
          },
        };
        benchmark.resume();
        return;
      case 'stopped':
        this.state = { ...this.state, working: undefined };
        this.pauseWhenIdle();
        return;
      case 'enterUnresponsive':
        this.setPaused(true);
        return;
      case 'exitUnresponsive':
        this.setPaused(false);
        return;
    }
  }

  private setPaused(isPaused: boolean): void {
    if (this.state.working === undefined) return;
    this.state = { ...this.state, working: { ...this.state.working, isPaused } };
  }

  private onChallenge(block: BlockFacts, seed: bigint, onlineTarget: bigint): void {
    const { registered, working } = this.state;
    if (!registered || working === undefined || working.isPaused) return;
    if ((this.hashedId ^ seed) > onlineTarget) return;
    this.collaborators.send(
      heartbeat(this.options.heartbeat, {
        sessionId: working.sessionId,
        block: block.number,
        timeMs: block.timeMs,
        iterations: this.collaborators.benchmark.iterations - working.startIterations,
      }),
    );
  }

  private onBlockEnd(block: BlockFacts): void {
    const { bench } = this.state;
    if (bench === undefined || block.number - bench.startBlock < bench.durationBlocks) return;
    this.state = { ...this.state, bench: undefined };
    const iterations = this.collaborators.benchmark.iterations - bench.startIterations;
    this.collaborators.send(benchReport(bench.startTimeMs, iterations));
    this.pauseWhenIdle();
  }

  private pauseWhenIdle(): void {
    if (this.state.bench !== undefined || this.state.working !== undefined) return;
    this.collaborators.benchmark.pause();
  }
}
