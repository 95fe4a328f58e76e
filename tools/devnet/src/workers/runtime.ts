import type { WorkerBehaviour } from './behaviour.js';
import { Benchmark, type BenchmarkState } from './benchmark.js';
import type { ChainStorage, ChainStorageFactory } from './chain-storage.js';
import type { SignatureVerifier } from './ed25519.js';
import { EgressQueue, type ChannelState } from './egress-queue.js';
import { RuntimeFault } from './faults.js';
import type { Identity } from './identity.js';
import { LightClient, type LightClientState } from './light-client.js';
import { workerOrigin } from './messages.js';
import type {
  AuthoritySetChange,
  BlockToDispatch,
  HeaderToSync,
  RawHeader,
  SyncCombinedRequest,
} from './requests.js';
import type { SharedRequests } from './shared-requests.js';
import { Synchronizer, lastBefore, type Counters, type SynchronizerState } from './synchronizer.js';
import { WorkerLogic, type WorkerLogicState } from './worker-logic.js';

/** What all workers of a process share: caches of pure results, no state of anybody. */
export interface SharedParts {
  readonly signatures: SignatureVerifier;
  readonly storages: ChainStorageFactory;
  /** Among light workers only. */
  readonly requests?: SharedRequests | undefined;
  /** Wall clock in ms. */
  readonly nowMs: () => number;
}

type Pairs = readonly (readonly [Uint8Array, Uint8Array])[];

/** A checkpoint of the initialized runtime. */
export interface RuntimeSnapshot {
  readonly synchronizer: SynchronizerState;
  readonly lightClient: LightClientState;
  readonly pairs: Pairs;
  readonly children: readonly (readonly [Uint8Array, Pairs])[];
  readonly egress: readonly ChannelState[];
  readonly logic: WorkerLogicState | undefined;
  readonly benchmark: BenchmarkState | undefined;
  readonly currentBlockMs: bigint;
}

export interface RuntimeOptions {
  readonly behaviour: WorkerBehaviour;
  readonly identity: Identity;
  readonly iterationsPerSec: number;
  /** Para id found in the genesis state (2.x). */
  readonly initParaId: number;
}

/** pRuntime after InitRuntime: chain state, synchronizer, message queue, the worker's own logic. */
export class Runtime {
  private readonly lightClient: LightClient;
  private readonly synchronizer: Synchronizer;
  private readonly egress: EgressQueue;
  private readonly benchmark: Benchmark;
  private readonly logic: WorkerLogic;
  private storage: ChainStorage;
  private currentBlockMs: bigint;

  constructor(
    private readonly options: RuntimeOptions,
    private readonly shared: SharedParts,
    state: Pick<RuntimeSnapshot, 'synchronizer' | 'egress' | 'logic' | 'benchmark'> & {
      readonly lightClient: LightClient;
      readonly storage: ChainStorage;
      readonly currentBlockMs: bigint;
    },
  ) {
    const { behaviour, identity } = options;
    this.lightClient = state.lightClient;
    this.storage = state.storage;
    this.currentBlockMs = state.currentBlockMs;
    this.synchronizer = new Synchronizer(state.synchronizer, behaviour, {
      lightClient: state.lightClient,
      storages: shared.storages,
    });
    this.egress = new EgressQueue(state.egress);
    this.benchmark = new Benchmark(options.iterationsPerSec, state.benchmark);
    const origin = workerOrigin(identity.publicKey);
    this.logic = new WorkerLogic(
      { publicKey: identity.publicKey, heartbeat: behaviour.heartbeat },
      {
        benchmark: this.benchmark,
        send: (message) => this.egress.push(origin, message, (bytes) => identity.sign(bytes)),
      },
      state.logic,
    );
  }

  /** The runtime as a checkpoint left it. */
  static restore(options: RuntimeOptions, shared: SharedParts, snapshot: RuntimeSnapshot): Runtime {
    return new Runtime(options, shared, {
      ...snapshot,
      lightClient: new LightClient(snapshot.lightClient, options.behaviour, shared.signatures),
      storage: shared.storages.restore(snapshot.pairs, snapshot.children),
    });
  }

  snapshot(): RuntimeSnapshot {
    return {
      synchronizer: this.synchronizer.snapshot(),
      lightClient: this.lightClient.snapshot(),
      pairs: [...this.storage.main.entries()],
      children: [...this.storage.children].map(([key, trie]) => [
        Buffer.from(key, 'latin1'),
        [...trie.entries()],
      ]),
      egress: this.egress.snapshot(),
      logic: this.logic.snapshot(),
      benchmark: this.benchmark.snapshot(),
      currentBlockMs: this.currentBlockMs,
    };
  }

  get counters(): Counters {
    return this.synchronizer.counters;
  }

  get stateRoot(): Uint8Array {
    return this.storage.root();
  }

  get registered(): boolean {
    return this.logic.registered;
  }

  get pendingMessages(): number {
    return this.egress.length;
  }

  get score(): bigint {
    return this.benchmark.score;
  }

  /** Time of the last dispatched block. */
  get blockTimeMs(): bigint {
    return this.currentBlockMs;
  }

  get isStateValidated(): boolean {
    return this.synchronizer.isStateValidated;
  }

  /** SCALE `EgressMessages`. */
  egressMessages(): Uint8Array {
    return this.egress.encode(this.options.behaviour.maxEgressBytes);
  }

  /** @returns number of the last accepted relay header. */
  syncHeaders(headers: readonly HeaderToSync[], change: AuthoritySetChange | undefined): number {
    return this.synchronizer.syncHeaders(headers, change);
  }

  /** @returns number of the last accepted para header. */
  syncParaHeaders(headers: readonly RawHeader[], proof: readonly Uint8Array[]): number {
    const paraId =
      this.options.behaviour.paraIdFrom === 'state'
        ? this.storage.paraId()
        : this.options.initParaId;
    if (paraId === undefined) throw new RuntimeFault('No para_id');
    return this.synchronizer.syncParaHeaders(headers, proof, paraId);
  }

  /** Relay part, then para part; what the first accepted stays when the second is refused. */
  syncCombined(request: SyncCombinedRequest): { relaySyncedTo: number; paraSyncedTo: number } {
    const relaySyncedTo = this.syncHeaders(request.relayHeaders, request.authoritySetChange);
    const paraSyncedTo =
      request.paraHeaders.length === 0
        ? lastBefore(this.counters.nextParaHeader)
        : this.syncParaHeaders(request.paraHeaders, request.proof);
    return { relaySyncedTo, paraSyncedTo };
  }

  /**
   * Applies blocks in order; those before a refused one stay applied.
   *
   * @returns number of the last applied block.
   */
  dispatch(given: readonly BlockToDispatch[]): number {
    const { nextBlock } = this.counters;
    let last = lastBefore(nextBlock);
    for (const block of given.filter((b) => b.number >= nextBlock)) {
      this.storage = this.synchronizer.feedBlock(block, this.storage);
      this.egress.purge((origin) => this.storage.nextIngressSequence(origin));
      this.handleMessages(block.number);
      last = block.number;
    }
    return last;
  }

  private handleMessages(blockNumber: number): void {
    const messages = this.storage.outboundMessages();
    const timeMs = this.storage.timestampMs();
    if (timeMs === undefined && this.options.behaviour.missingTimestamp === 'refuse') {
      throw new RuntimeFault('No timestamp found in block');
    }
    this.currentBlockMs = timeMs ?? 0n;
    this.benchmark.onBlock(this.currentBlockMs, BigInt(Math.floor(this.shared.nowMs() / 1000)));
    this.logic.onBlock({ number: blockNumber, timeMs: this.currentBlockMs }, messages);
  }
}
