import { RelayKey, bytesEqual, scale, toHex } from '../primitives/index.js';
import type { WorkerBehaviour } from './behaviour.js';
import type { ChainStorage, ChainStorageFactory } from './chain-storage.js';
import { RuntimeFault } from './faults.js';
import type { LightClient } from './light-client.js';
import type { AuthoritySetChange, BlockToDispatch, HeaderToSync, RawHeader } from './requests.js';
import { LightValidationFault, checkStorageValue } from './storage-proof.js';

/** Numbers of what is expected next. */
export interface Counters {
  readonly nextHeader: number;
  readonly nextParaHeader: number;
  readonly nextBlock: number;
  readonly waitingForParaHeaders: boolean;
}

/** What a checkpoint keeps of the synchronizer. */
export interface SynchronizerState {
  readonly isParachain: boolean;
  readonly nextHeader: number;
  readonly nextParaHeader: number;
  readonly nextBlock: number;
  /** State root of the last relay header, until para headers were accepted under it. */
  readonly relayStateRoot: Uint8Array | undefined;
  /** State roots of headers whose blocks were not dispatched yet. */
  readonly stateRoots: readonly Uint8Array[];
  readonly genesisValidated: boolean;
}

const U32_WRAP = 0x1_0000_0000;

/** The number before; 2.x lets `0 - 1` wrap. */
export function lastBefore(next: number): number {
  return (next + U32_WRAP - 1) % U32_WRAP;
}

/**
 * Takes headers and blocks in, check by check in pRuntime's order (phala-blockchain
 * crates/phactory/api/src/storage_sync.rs at 40ffcd1be and 654b1b699).
 */
export class Synchronizer {
  private nextHeader: number;
  private nextParaHeader: number;
  private nextBlock: number;
  private relayStateRoot: Uint8Array | undefined;
  private readonly stateRoots: Uint8Array[];
  private genesisValidated: boolean;
  private readonly isParachain: boolean;

  constructor(
    state: SynchronizerState,
    private readonly behaviour: WorkerBehaviour,
    private readonly collaborators: {
      readonly lightClient: LightClient;
      readonly storages: ChainStorageFactory;
    },
  ) {
    this.isParachain = state.isParachain;
    this.nextHeader = state.nextHeader;
    this.nextParaHeader = state.nextParaHeader;
    this.nextBlock = state.nextBlock;
    this.relayStateRoot = state.relayStateRoot;
    this.stateRoots = [...state.stateRoots];
    this.genesisValidated = state.genesisValidated;
  }

  /** State right after init. */
  static initialState(
    behaviour: WorkerBehaviour,
    isParachain: boolean,
    genesisHeaderNumber: number,
  ): SynchronizerState {
    return {
      isParachain,
      nextHeader: isParachain ? genesisHeaderNumber + 1 : behaviour.firstSoloHeader,
      nextParaHeader: isParachain ? behaviour.firstParaHeader : 0,
      nextBlock: 1,
      relayStateRoot: undefined,
      stateRoots: [],
      genesisValidated: !behaviour.validatesGenesisState,
    };
  }

  snapshot(): SynchronizerState {
    return {
      isParachain: this.isParachain,
      nextHeader: this.nextHeader,
      nextParaHeader: this.nextParaHeader,
      nextBlock: this.nextBlock,
      relayStateRoot: this.relayStateRoot,
      stateRoots: [...this.stateRoots],
      genesisValidated: this.genesisValidated,
    };
  }

  get counters(): Counters {
    return {
      nextHeader: this.nextHeader,
      nextParaHeader: this.nextParaHeader,
      nextBlock: this.nextBlock,
      waitingForParaHeaders: this.relayStateRoot !== undefined,
    };
  }

  /** Has a dispatched block shown that the genesis state was the right one? */
  get isStateValidated(): boolean {
    return this.genesisValidated;
  }

  /**
   * Takes relay headers in.
   *
   * @returns number of the last accepted header.
   * @throws RuntimeFault
   */
  syncHeaders(given: readonly HeaderToSync[], change: AuthoritySetChange | undefined): number {
    const headers = given.filter(({ header }) => header.header.number >= this.nextHeader);
    const [first] = headers;
    const last = headers.at(-1);
    if (first === undefined || last === undefined) return lastBefore(this.nextHeader);
    if (first.header.header.number !== this.nextHeader)
      throw new RuntimeFault('BlockNumberMismatch');
    // Only the last justification counts; an empty one is one, and fails to decode.
    if (last.justification === undefined) throw new RuntimeFault('MissingJustification');
    checkParents(headers.map(({ header }) => header));
    const ancestors = headers.slice(0, -1).map(({ header }) => header);
    this.submit(last.header, ancestors.reverse(), last.justification, change);
    if (this.isParachain) this.relayStateRoot = new Uint8Array(last.header.header.stateRoot);
    else for (const { header } of headers) this.expectRoot(header);
    this.nextHeader = last.header.header.number + 1;
    return last.header.header.number;
  }

  /**
   * Takes para headers in; the last one must be the head that the last relay header's state holds.
   *
   * @returns number of the last accepted header.
   * @throws RuntimeFault
   */
  syncParaHeaders(
    given: readonly RawHeader[],
    proof: readonly Uint8Array[],
    paraId: number,
  ): number {
    if (!this.isParachain) throw new RuntimeFault('ChainModeMismatch');
    const headers = given.filter(({ header }) => header.number >= this.nextParaHeader);
    const [first] = headers;
    const last = headers.at(-1);
    if (first === undefined || last === undefined) return lastBefore(this.nextParaHeader);
    if (first.header.number !== this.nextParaHeader) throw new RuntimeFault('BlockNumberMismatch');
    const root = this.relayStateRoot;
    if (root === undefined) throw new RuntimeFault('RelaychainHeaderNotSynced');
    const head = scale.bytes(last.raw);
    const key = RelayKey.parasHeads(paraId);
    try {
      if (this.behaviour.checks === 'all') {
        checkStorageValue(root, proof, key, head, this.behaviour);
      }
    } catch (error) {
      if (!(error instanceof LightValidationFault)) throw error;
      throw new RuntimeFault(`StorageProofFailed(${error.message})`);
    }
    checkParents(headers);
    for (const header of headers) this.expectRoot(header);
    this.relayStateRoot = undefined;
    this.nextParaHeader = last.header.number + 1;
    return last.header.number;
  }

  /**
   * Applies one block's changes.
   *
   * @returns the state after the block.
   * @throws RuntimeFault; the state is unchanged then.
   */
  feedBlock(block: BlockToDispatch, state: ChainStorage): ChainStorage {
    if (block.number !== this.nextBlock) throw new RuntimeFault('BlockNumberMismatch');
    if (!this.genesisValidated) {
      const expected = this.firstRoot();
      if (!bytesEqual(expected, state.root())) {
        throw rootMismatch(this.nextBlock - 1, expected, state.root());
      }
      this.stateRoots.shift();
      this.genesisValidated = true;
    }
    const expected = this.firstRoot();
    const next = this.collaborators.storages.after(state, block.changes);
    if (!bytesEqual(expected, next.root())) throw rootMismatch(block.number, expected, next.root());
    this.nextBlock += 1;
    this.stateRoots.shift();
    return next;
  }

  private submit(
    last: RawHeader,
    ancestors: readonly RawHeader[],
    justification: Uint8Array,
    change: AuthoritySetChange | undefined,
  ): void {
    const { lightClient } = this.collaborators;
    try {
      lightClient.submitFinalizedHeaders(last, ancestors, justification, change);
    } catch (error) {
      if (!(error instanceof LightValidationFault)) throw error;
      throw new RuntimeFault(`HeaderValidateFailed(${error.message})`);
    }
  }

  private firstRoot(): Uint8Array {
    const [root] = this.stateRoots;
    if (root === undefined) throw new RuntimeFault('NoStateRoot');
    return root;
  }

  private expectRoot(header: RawHeader): void {
    this.stateRoots.push(new Uint8Array(header.header.stateRoot));
  }
}

function checkParents(headers: readonly RawHeader[]): void {
  for (let i = 1; i < headers.length; i++) {
    const parent = headers[i - 1];
    const header = headers[i];
    if (parent === undefined || header === undefined) continue;
    if (!bytesEqual(parent.hash, header.header.parentHash)) {
      throw new RuntimeFault('HeaderHashMismatch');
    }
  }
}

function rootMismatch(block: number, expected: Uint8Array, actual: Uint8Array): RuntimeFault {
  return new RuntimeFault(
    `StateRootMismatch block=${block} expected=${toHex(expected)} actual=${toHex(actual)}`,
  );
}
