import type { ErrorObject, Hex } from '@runtime-bridge/base';
import type { JobOutcome } from '@runtime-bridge/tx-queue';

// What manager and runners say to each other. Everything here survives a structured clone.

/** What a runner needs to know of a worker that it drives. */
export interface WorkerSpec {
  readonly uuid: string;
  readonly name: string;
  readonly endpoint: string;
  readonly poolId: bigint;
  /** In the smallest unit. */
  readonly stake: bigint;
  /** Of the worker, its pool or the whole manager. */
  readonly syncOnly: boolean;
  /** By order of the operator it is not to compute; its messages are still handed in. */
  readonly halted: boolean;
  /** Account that the worker is registered for: the pool's proxied account, else its operator. */
  readonly operatorAccount: Hex;
}

/** A data provider and how far it is. */
export interface ProviderView {
  readonly peerId: string;
  readonly host: string;
  /** TCP port of its blob server. */
  readonly port: number;
  readonly paraId: number;
  /** Finalised relay height that it knows of. */
  readonly relayTarget: number;
  /** Relay height up to which it serves ranges; -1 for none. */
  readonly relayHeight: number;
  /** Finalised para height that it knows of. */
  readonly paraTarget: number;
  /** Para height up to which it serves blocks; -1 for none. */
  readonly paraHeight: number;
}

/** What the chain says of a worker, as far as a runner decides on it. */
export interface WorkerChainFacts {
  readonly publicKey: Hex;
  readonly registered: boolean;
  readonly operator?: Hex | undefined;
  readonly initialScore?: number | undefined;
  readonly poolId?: bigint | undefined;
  readonly sessionState?: string | undefined;
  readonly stake?: bigint | undefined;
}

/** The chain as of its newest finalised block that the manager has read. */
export interface RunnerChainFacts {
  readonly block: number;
  readonly registerWorkerV2: boolean;
  readonly workers: ReadonlyMap<Hex, WorkerChainFacts>;
  /** Next sequence that the chain takes, by SCALE MessageOrigin. */
  readonly ingress: ReadonlyMap<Hex, bigint>;
  /** Free stake by pool id. */
  readonly freeStake: ReadonlyMap<bigint, bigint>;
}

/** How runners work; the same for all of one manager. */
export interface RunnerSettings {
  requestTimeoutMs: number;
  blobTimeoutMs: number;
  keepAlive: boolean;
  keepAliveTimeoutMs: number;
  /** Blobs fetched at once. */
  blobConcurrency: number;
  cacheMaxItems: number;
  cacheMaxBytes: number;
  cacheMaxAgeMs: number;
  /** Development without attestation. */
  skipRa: boolean;
  minScore: number;
  enforceMinScore: boolean;
}

/** What an operator asks of a worker. */
export type WorkerCommand = 'restart' | 'refreshRa' | 'kick';

/** States by the names that they have on Walkie. */
export type WorkerStatus =
  | 'S_IDLE'
  | 'S_STARTING'
  | 'S_SYNCHING'
  | 'S_SYNCHED'
  | 'S_PRE_ACTIVE'
  | 'S_ACTIVE'
  | 'S_KICKED'
  | 'S_ERROR';

/** Where a worker stands: always what it expects next. */
export interface Position {
  readonly nextRelay: number;
  readonly nextPara: number;
  readonly nextBlock: number;
}

/** A worker as its runner sees it. */
export interface WorkerSnapshot {
  readonly uuid: string;
  readonly status: WorkerStatus;
  /** Undefined while nothing is known of it. */
  readonly position: Position | undefined;
  readonly initialized: boolean;
  readonly publicKey: Hex | undefined;
  /** `[ISO time with offset] text` */
  readonly lastMessage: string;
  /** Last GetInfo, by 2022's names. */
  readonly runtimeInfo: Record<string, unknown> | undefined;
  readonly error: ErrorObject | undefined;
  /** Since when it is in this state, ms since 1970. */
  readonly sinceMs: number;
}

/** A worker came into a state, or said something within one. */
export interface WorkerEvent {
  readonly uuid: string;
  /** Ms since 1970. */
  readonly timeMs: number;
  readonly status: WorkerStatus;
  readonly message: string;
  /** Code of the error that put it into S_ERROR. */
  readonly errorCode?: string;
}

/** A transaction that a worker's life asks for. The manager adds pool and operator. */
export type WorkerJob =
  | {
      action: 'REGISTER_WORKER';
      epoch: string;
      runtimeInfo: Hex;
      attestation: Hex;
      version: 'v1' | 'v2';
    }
  | { action: 'ADD_WORKER'; epoch: string }
  | { action: 'START_COMPUTING'; epoch: string; stake: bigint }
  | { action: 'RESTART_COMPUTING'; epoch: string; stake: bigint };

/** Messages of one sender that a worker wants on chain, in order of their sequences. */
export interface EgressReport {
  /** SCALE MessageOrigin. */
  readonly origin: Hex;
  readonly messages: readonly { readonly sequence: bigint; readonly raw: Uint8Array }[];
}

/** From the manager to a runner. */
export type ToRunner =
  | { kind: 'configure'; settings: RunnerSettings }
  | { kind: 'workers'; workers: readonly WorkerSpec[] }
  | { kind: 'providers'; providers: readonly ProviderView[] }
  | { kind: 'facts'; facts: RunnerChainFacts }
  | { kind: 'command'; request: number; uuid: string; command: WorkerCommand }
  | { kind: 'outcome'; request: number; outcome: JobOutcome }
  | { kind: 'notice'; uuid: string; text: string }
  | { kind: 'stop' };

/** From a runner to the manager. */
export type ToManager =
  | { kind: 'ready' }
  | { kind: 'beat' }
  | { kind: 'states'; states: readonly WorkerSnapshot[]; events: readonly WorkerEvent[] }
  | { kind: 'commanded'; request: number; known: boolean }
  | { kind: 'job'; request: number; uuid: string; publicKey: Hex; job: WorkerJob }
  | { kind: 'egress'; uuid: string; reports: readonly EgressReport[] }
  | { kind: 'stopped' };

/** One end of the line between manager and runner. */
export interface Line<Out, In> {
  /** Sends; quietly nothing when the other end is gone, which onClose tells. */
  send(message: Out): void;
  onMessage(listener: (message: In) => void): () => void;
  onClose(listener: () => void): () => void;
}
