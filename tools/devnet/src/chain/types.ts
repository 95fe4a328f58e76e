import type { Hex } from '../primitives/bytes.js';
import type { KeyChange, Trie } from '../primitives/trie.js';

/** One block of either chain with everything a node can be asked about it. */
export interface Block {
  readonly number: number;
  readonly hash: Uint8Array;
  /** SCALE of the header. */
  readonly header: Uint8Array;
  /** Opaque extrinsics with their length prefix, inherents first. */
  readonly extrinsics: readonly Uint8Array[];
  /** What the block did to the state, sorted by key; undefined deletes. For block 0: all of it. */
  readonly changes: readonly KeyChange[];
  readonly stateRoot: Uint8Array;
  /** The GRANDPA justification that the node keeps with the block, if any. */
  readonly justification?: Uint8Array;
  /** Unix time in milliseconds as in the block's timestamp inherent; 0 for block 0. */
  readonly timestampMs: number;
}

/** Number and hash, and the header's bytes. */
export interface BlockRef {
  readonly number: number;
  readonly hash: Uint8Array;
  readonly header: Uint8Array;
}

/** Runtime version as `state_getRuntimeVersion` answers it. */
export interface RuntimeVersionJson {
  specName: string;
  implName: string;
  authoringVersion: number;
  specVersion: number;
  implVersion: number;
  /** [8-byte api id as hex, version] */
  apis: [Hex, number][];
  transactionVersion: number;
  stateVersion: number;
}

/** What the node's RPC needs of a chain's runtime. */
export interface ChainRuntime {
  /** `RuntimeMetadataPrefixed` as `state_getMetadata` answers it. */
  readonly metadata: Uint8Array;
  readonly version: RuntimeVersionJson;
  /**
   * A runtime API call (`AccountNonceApi_account_nonce`, `Metadata_metadata`, …) on a state.
   *
   * @throws Error for a method that the runtime does not have.
   */
  call(method: string, args: Uint8Array, state: Trie): Uint8Array;
}

/** A transaction's status as `author_submitAndWatchExtrinsic` streams it. */
export type TxStatus =
  | 'future'
  | 'ready'
  | 'dropped'
  | 'invalid'
  | { broadcast: string[] }
  | { inBlock: Hex }
  | { retracted: Hex }
  | { finalized: Hex }
  | { finalityTimeout: Hex }
  | { usurped: Hex };

/** The transaction pool, as the RPC and the block author use it. */
export interface TransactionPool {
  /**
   * Validates and takes in an extrinsic (with its length prefix).
   *
   * @returns its hash
   * @throws RpcError 1010 and the like, as a Substrate node answers.
   */
  submit(extrinsic: Uint8Array): Uint8Array;
  /** Ready extrinsics in the order in which a block should try them. */
  ready(): Uint8Array[];
  /** Ready and future extrinsics, for `author_pendingExtrinsics`. */
  pending(): Uint8Array[];
  /**
   * Does a ready extrinsic provide this tag? Tags are SCALE of (account 32, nonce u32) for the nonce and of
   * ("PhalaMqOffchainMessages", sender, sequence u64) for messages, as in Substrate's pool.
   */
  readyProvides(tag: Uint8Array): boolean;
  /** Tells every status from now on, the current one first; returns how to stop. */
  watch(hash: Uint8Array, listener: (status: TxStatus) => void): () => void;
  /** A block became the best one (its parent was the best before, or was made so by `onRetracted`). */
  onBlock(block: Block): void;
  /** A block that was best is so no more: its extrinsics go back in. */
  onRetracted(block: Block): void;
  /** A block is final. */
  onFinalized(block: Block): void;
}

/** What a parachain block is made from. */
export interface ParaBlockInput {
  /** SCALE of the parent header. */
  parentHeader: Uint8Array;
  parentState: Trie;
  number: number;
  timestampMs: number;
  relayParentNumber: number;
  relayParentStorageRoot: Uint8Array;
  /** Candidates in the order in which they are tried. */
  extrinsics: readonly Uint8Array[];
}

/** A parachain block that was built. */
export interface BuiltParaBlock {
  /** SCALE of the header. */
  header: Uint8Array;
  /** Inherents first. */
  extrinsics: readonly Uint8Array[];
  changes: readonly KeyChange[];
}

/** Builds parachain blocks. */
export interface ParaBlockBuilder {
  buildBlock(input: ParaBlockInput): BuiltParaBlock;
}
