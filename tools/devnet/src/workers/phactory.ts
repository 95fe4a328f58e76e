import { create } from '@bufbuild/protobuf';
import { bytesEqual, toHex } from '../primitives/index.js';
import type { WorkerBehaviour } from './behaviour.js';
import { EnclavePanic, RuntimeFault } from './faults.js';
import { PhactoryInfoSchema } from './gen/pruntime_rpc_pb.js';
import type { InitRuntimeResponse, PhactoryInfo } from './gen/pruntime_rpc_pb.js';
import { Identity, type Machine } from './identity.js';
import { LightClient } from './light-client.js';
import {
  RegistrationDesk,
  type AttestationProvider,
  type RegistrationFacts,
} from './registration.js';
import type { BlockToDispatch, GenesisInfo, SyncCombinedRequest } from './requests.js';
import type { AuthoritySetChange, HeaderToSync, RawHeader } from './requests.js';
import { Runtime, type RuntimeSnapshot, type SharedParts } from './runtime.js';
import type { SealedKey, SealedStore } from './sealed-store.js';
import { LightValidationFault } from './storage-proof.js';
import { Synchronizer } from './synchronizer.js';

export interface PhactoryOptions {
  readonly behaviour: WorkerBehaviour;
  readonly machine: Machine;
  /** Checkpoint after at least so many dispatched blocks … */
  readonly checkpointBlocks: number;
  /** … and not more often than this. */
  readonly checkpointIntervalMs: number;
}

export interface InitRequest {
  readonly skipRa: boolean;
  readonly isParachain: boolean;
  readonly genesis: GenesisInfo;
  readonly genesisState: readonly (readonly [Uint8Array, Uint8Array])[];
  /** The bytes that the state was decoded from. */
  readonly encodedGenesisState: Uint8Array;
  readonly operator: Uint8Array | undefined;
  readonly debugSetKey: Uint8Array | undefined;
  /** Index of `AttestationProvider`. */
  readonly attestationProvider: number | undefined;
}

const PROVIDER_NAMES = ['Root', 'Ias', 'Dcap'] as const;
const PROVIDER_IAS = 1;
const CHECKPOINT_FORMAT = 1;
const RA_WITH_DEBUG_KEY = 'RA is disallowed when debug_set_key is enabled';

interface Checkpoint {
  readonly format: typeof CHECKPOINT_FORMAT;
  readonly pruntime: string;
  readonly skipRa: boolean;
  readonly provider: AttestationProvider;
  readonly facts: RegistrationFacts;
  readonly initParaId: number;
  readonly runtime: RuntimeSnapshot;
}

interface Initialized {
  readonly identity: Identity;
  readonly runtime: Runtime;
  readonly desk: RegistrationDesk;
  readonly genesisBlockHash: Uint8Array;
  readonly initParaId: number;
  readonly skipRa: boolean;
  readonly isOwnKey: boolean;
}

/**
 * One pRuntime without its transports (`Phactory` in phala-blockchain
 * crates/phactory/src/prpc_service.rs): what it knows, accepts, refuses and seals.
 */
export class Phactory {
  private initialized: Initialized | undefined;
  private devMode = false;
  private blocksSinceCheckpoint = 0;
  private lastCheckpointMs: number;

  constructor(
    private readonly options: PhactoryOptions,
    private readonly collaborators: {
      readonly shared: SharedParts;
      readonly store: SealedStore;
      /** Told when a checkpoint could not be written. */
      readonly onCheckpointError: (error: unknown) => void;
    },
  ) {
    this.lastCheckpointMs = collaborators.shared.nowMs();
  }

  /** Comes up as the sealed data left it: initialized when there is a checkpoint, empty when not. */
  restoreFromCheckpoint(): void {
    const { store, shared } = this.collaborators;
    const { behaviour, machine } = this.options;
    const key = store.loadKey();
    const checkpoint = store.loadCheckpoint() as Checkpoint | undefined;
    if (key === undefined || checkpoint === undefined) return;
    if (checkpoint.format !== CHECKPOINT_FORMAT || checkpoint.pruntime !== behaviour.pruntime)
      return;
    if (!bytesEqual(checkpoint.facts.genesisBlockHash, key.genesisBlockHash)) return;
    const identity = new Identity(key.seed);
    const { skipRa, provider, facts, initParaId } = checkpoint;
    this.devMode = key.devMode;
    this.initialized = {
      identity,
      runtime: Runtime.restore(
        { behaviour, identity, iterationsPerSec: machine.iterationsPerSec, initParaId },
        shared,
        checkpoint.runtime,
      ),
      desk: new RegistrationDesk({ facts, provider }, behaviour, shared.nowMs),
      genesisBlockHash: key.genesisBlockHash,
      initParaId,
      skipRa,
      isOwnKey: key.isOwnKey,
    };
  }

  /** The key that answers are signed with; none before init. */
  get identity(): Identity | undefined {
    return this.initialized?.identity;
  }

  get behaviour(): WorkerBehaviour {
    return this.options.behaviour;
  }

  get machineId(): Uint8Array {
    return this.options.machine.machineId;
  }

  /** What `decode` makes of a request's body; light workers share it. */
  decoded<T>(body: Uint8Array, decode: (body: Uint8Array) => T): T {
    const { requests } = this.collaborators.shared;
    return requests === undefined ? decode(body) : requests.get(body, decode);
  }

  /** Answer of GetInfo. */
  info(): PhactoryInfo {
    const { behaviour } = this.options;
    const gatekeeper = { role: 0, masterPublicKey: '' };
    const common = {
      devMode: this.devMode,
      gatekeeper,
      version: behaviour.appVersion,
      gitRevision: behaviour.gitRevision,
      memoryUsage: { rustUsed: 0n, rustPeakUsed: 0n, totalPeakUsed: 0n },
      ...(behaviour.laterInfoFields
        ? {
            canLoadChainState: false,
            maxSupportedPinkRuntimeVersion: '1.2',
            supportedAttestationMethods: ['none', 'epid'],
            queryTimeout: 10,
          }
        : {}),
    };
    if (this.initialized === undefined) return create(PhactoryInfoSchema, common);
    const { identity, runtime, genesisBlockHash } = this.initialized;
    const { counters } = runtime;
    const publicKey = hexDigits(identity.publicKey);
    const ecdhPublicKey = hexDigits(identity.ecdhPublicKey);
    return create(PhactoryInfoSchema, {
      ...common,
      initialized: true,
      registered: runtime.registered,
      genesisBlockHash: hexDigits(genesisBlockHash),
      publicKey,
      ecdhPublicKey,
      headernum: counters.nextHeader,
      paraHeadernum: counters.nextParaHeader,
      blocknum: counters.nextBlock,
      stateRoot: hexDigits(runtime.stateRoot),
      pendingMessages: BigInt(runtime.pendingMessages),
      score: runtime.score,
      ...(behaviour.laterInfoFields
        ? {
            waitingForParaheaders: counters.waitingForParaHeaders,
            currentBlockTime: runtime.blockTimeMs,
            system: { registered: runtime.registered, publicKey, ecdhPublicKey, gatekeeper },
          }
        : {}),
    });
  }

  /**
   * InitRuntime.
   *
   * @throws RuntimeFault what pRuntime refuses.
   * @throws EnclavePanic where it dies.
   */
  init(request: InitRequest): InitRuntimeResponse {
    if (this.initialized !== undefined) throw new RuntimeFault('Runtime already initialized');
    const { behaviour, machine } = this.options;
    const { shared } = this.collaborators;
    const bySkipRa = behaviour.attestationBy === 'skipRa';
    const genesisBlockHash = new Uint8Array(request.genesis.header.hash);
    if (bySkipRa && request.debugSetKey !== undefined && !request.skipRa) {
      throw new RuntimeFault(RA_WITH_DEBUG_KEY);
    }
    const storage = shared.storages.load(request.genesisState, request.encodedGenesisState);
    const initParaId = storage.paraId() ?? 0;
    const key = this.sealKey(genesisBlockHash, initParaId, request.debugSetKey);
    this.devMode = key.devMode;
    const wantsRa = bySkipRa ? !request.skipRa : request.attestationProvider !== undefined;
    if (wantsRa && key.devMode) throw new RuntimeFault(RA_WITH_DEBUG_KEY);
    this.checkProvider(request.attestationProvider);

    const lightClient = this.initializeBridge(request.genesis);
    if (
      behaviour.validatesGenesisState &&
      !request.isParachain &&
      !bytesEqual(storage.root(), request.genesis.header.header.stateRoot)
    ) {
      throw new RuntimeFault('state root mismatch');
    }
    const identity = new Identity(key.seed);
    const runtime = new Runtime(
      { behaviour, identity, iterationsPerSec: machine.iterationsPerSec, initParaId },
      shared,
      {
        synchronizer: Synchronizer.initialState(
          behaviour,
          request.isParachain,
          request.genesis.header.header.number,
        ),
        lightClient,
        storage,
        egress: [],
        logic: undefined,
        benchmark: undefined,
        currentBlockMs: 0n,
      },
    );
    const desk = new RegistrationDesk(
      {
        facts: {
          machineId: machine.machineId,
          publicKey: identity.publicKey,
          ecdhPublicKey: identity.ecdhPublicKey,
          genesisBlockHash,
          features: [machine.cpuCores, machine.cpuFeatureLevel],
          operator: request.operator === undefined ? undefined : new Uint8Array(request.operator),
          paraId: initParaId,
        },
        provider: wantsRa ? 'ias' : undefined,
      },
      behaviour,
      shared.nowMs,
    );
    this.initialized = {
      identity,
      runtime,
      desk,
      genesisBlockHash,
      initParaId,
      skipRa: request.skipRa,
      isOwnKey: key.isOwnKey,
    };
    return desk.response();
  }

  /** GetRuntimeInfo. */
  runtimeInfo(forceRefresh: boolean, operator: Uint8Array | undefined): InitRuntimeResponse {
    const { behaviour } = this.options;
    if (this.initialized === undefined) throw new RuntimeFault(behaviour.runtimeInfoBeforeInit);
    const { desk, runtime, skipRa, isOwnKey } = this.initialized;
    const mayAttest =
      behaviour.attestationBy === 'skipRa'
        ? !skipRa
        : runtime.isStateValidated &&
          (isOwnKey || runtime.registered || desk.provider === undefined);
    return desk.runtimeInfo({ forceRefresh, operator, mayAttest });
  }

  /** GetEgressMessages: SCALE `EgressMessages`; an empty list before init. */
  egressMessages(): Uint8Array {
    return this.initialized?.runtime.egressMessages() ?? Uint8Array.of(0);
  }

  /** SyncHeader. */
  syncHeaders(headers: readonly HeaderToSync[], change: AuthoritySetChange | undefined): number {
    return this.runtime().syncHeaders(headers, change);
  }

  /** SyncParaHeader. */
  syncParaHeaders(headers: readonly RawHeader[], proof: readonly Uint8Array[]): number {
    return this.runtime().syncParaHeaders(headers, proof);
  }

  /** SyncCombinedHeaders. */
  syncCombined(request: SyncCombinedRequest): { relaySyncedTo: number; paraSyncedTo: number } {
    return this.runtime().syncCombined(request);
  }

  /** DispatchBlocks; may take a checkpoint afterwards. */
  dispatch(blocks: readonly BlockToDispatch[]): number {
    const runtime = this.runtime();
    const before = runtime.counters.nextBlock;
    try {
      return runtime.dispatch(blocks);
    } finally {
      this.blocksSinceCheckpoint += runtime.counters.nextBlock - before;
      this.maybeTakeCheckpoint();
    }
  }

  /**
   * Writes the state to the sealed store now.
   *
   * @returns number of the last dispatched block.
   */
  async takeCheckpoint(): Promise<number> {
    const { runtime, desk, skipRa, initParaId } = this.initialized ?? this.notInitialized();
    const checkpoint: Checkpoint = {
      format: CHECKPOINT_FORMAT,
      pruntime: this.options.behaviour.pruntime,
      skipRa,
      provider: desk.provider,
      facts: desk.snapshot(),
      initParaId,
      runtime: runtime.snapshot(),
    };
    const lastBlock = runtime.counters.nextBlock - 1;
    this.blocksSinceCheckpoint = 0;
    this.lastCheckpointMs = this.collaborators.shared.nowMs();
    await this.collaborators.store.saveCheckpoint(checkpoint);
    return lastBlock;
  }

  /** Forgets the checkpoints on disk. */
  removeCheckpoints(): void {
    this.collaborators.store.removeCheckpoints();
  }

  private maybeTakeCheckpoint(): void {
    const { checkpointBlocks, checkpointIntervalMs } = this.options;
    if (this.blocksSinceCheckpoint < checkpointBlocks) return;
    if (this.collaborators.shared.nowMs() - this.lastCheckpointMs < checkpointIntervalMs) return;
    this.takeCheckpoint().catch(this.collaborators.onCheckpointError);
  }

  private runtime(): Runtime {
    return (this.initialized ?? this.notInitialized()).runtime;
  }

  private notInitialized(): never {
    throw new RuntimeFault('Runtime not initialized');
  }

  /** Loads the sealed identity, or makes or takes one and seals it. */
  private sealKey(
    genesisBlockHash: Uint8Array,
    paraId: number,
    debugSetKey: Uint8Array | undefined,
  ): SealedKey {
    const { store } = this.collaborators;
    const { behaviour, machine } = this.options;
    if (debugSetKey !== undefined) {
      if (debugSetKey.length !== 32) throw new RuntimeFault('InvalidSeedLength');
      const seed = new Uint8Array(debugSetKey);
      const key = { genesisBlockHash, paraId, seed, devMode: true, isOwnKey: false };
      store.saveKey(key);
      return key;
    }
    const sealed = store.loadKey();
    if (sealed === undefined) {
      const seed = machine.identitySeed;
      const key = { genesisBlockHash, paraId, seed, devMode: false, isOwnKey: true };
      store.saveKey(key);
      return key;
    }
    if (!bytesEqual(sealed.genesisBlockHash, genesisBlockHash)) {
      const expected = shortHash(sealed.genesisBlockHash);
      const text = `Genesis block hash mismatches with saved keys, expected ${expected}`;
      if (behaviour.otherGenesis === 'panic') throw new EnclavePanic(text);
      throw new RuntimeFault(text);
    }
    if (behaviour.paraIdFrom === 'init' && sealed.paraId !== paraId) {
      throw new RuntimeFault(
        `Parachain id mismatches, saved: ${sealed.paraId}, in state: ${paraId}`,
      );
    }
    return sealed;
  }

  private checkProvider(provider: number | undefined): void {
    if (this.options.behaviour.attestationBy !== 'provider' || provider === undefined) return;
    if (provider === PROVIDER_IAS) return;
    throw new RuntimeFault(
      `Unknown attestation provider \`Some(${PROVIDER_NAMES[provider] ?? ''})\``,
    );
  }

  private initializeBridge(genesis: GenesisInfo): LightClient {
    try {
      const { signatures } = this.collaborators.shared;
      return LightClient.initialize(genesis, this.options.behaviour, signatures);
    } catch (error) {
      if (!(error instanceof LightValidationFault)) throw error;
      throw new EnclavePanic(`Bridge initialize failed: ${error.message}`);
    }
  }
}

/** A hash the way its `Display` writes it. */
function shortHash(hash: Uint8Array): string {
  const digits = hexDigits(hash);
  return `0x${digits.slice(0, 4)}…${digits.slice(-4)}`;
}

/** Hex without `0x`, as GetInfo tells keys and hashes. */
function hexDigits(bytes: Uint8Array): string {
  return toHex(bytes).slice(2);
}
