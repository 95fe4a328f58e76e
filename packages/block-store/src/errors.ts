import { BridgeError, type ErrorDetails } from '@runtime-bridge/base';

/** Codes of the errors of the block store and of filling it. */
export const BlockStoreErrorCode = {
  /** Another process has the store open; facts: `path`. */
  STORE_LOCKED: 'STORE_LOCKED',
  /** The store cannot be opened or a row of it makes no sense; facts: `path` or `row`. */
  STORE_CORRUPT: 'STORE_CORRUPT',
  /** The store was filled from another chain; facts: `field`, `stored`, `given`. */
  STORE_OF_OTHER_CHAIN: 'STORE_OF_OTHER_CHAIN',
  /** The store was written by a newer version; facts: `schema`, `known`. */
  STORE_TOO_NEW: 'STORE_TOO_NEW',
  /** Rows could not be written, for example because the disk is full. Nothing of the step is stored. */
  STORE_WRITE_FAILED: 'STORE_WRITE_FAILED',
  /** Too little of the disk is free for going on; facts: `path`, `freeBytes`, `reserveBytes`. */
  DISK_FULL: 'DISK_FULL',
  /** A file with an exported store cannot be used; facts: `path`, `offset`. */
  FILE_DAMAGED: 'FILE_DAMAGED',
  /** Something of the name that a store was to be exported to is there already; facts: `path`. */
  FILE_EXISTS: 'FILE_EXISTS',
  /** A file cannot be read or written; facts: `path`. */
  FILE_UNUSABLE: 'FILE_UNUSABLE',
  /** A step does not continue what is stored; facts: `chain`, `block`, `expected`. */
  OUT_OF_ORDER: 'OUT_OF_ORDER',
  /** What a node served does not stand a check; facts: `chain`, `block`, `check`, `endpoint`. */
  BLOCK_REFUSED: 'BLOCK_REFUSED',
  /** A node does not go on although the chain does; facts: `chain`, `block`, `endpoint`. */
  NODE_STALLED: 'NODE_STALLED',
  /** A node does not have what the bridge needs of it; facts: `endpoint`, `block`. */
  NODE_UNSUITABLE: 'NODE_UNSUITABLE',
} as const;
export type BlockStoreErrorCode = (typeof BlockStoreErrorCode)[keyof typeof BlockStoreErrorCode];

/** An error of the block store. */
export class BlockStoreError extends BridgeError<BlockStoreErrorCode> {
  override readonly name = 'BlockStoreError';

  constructor(code: BlockStoreErrorCode, message: string, details?: ErrorDetails) {
    super(code, message, details);
  }
}

/** What is checked before a block is stored. */
export const Check = {
  /** The bytes have the form that they should have. */
  FORM: 'form',
  /** The header's number is the next one. */
  NUMBER: 'number',
  /** The header names the hash of the one before as its parent. */
  PARENT_LINK: 'parent link',
  /** The justification proves the last header final under the authority set in force. */
  JUSTIFICATION: 'justification',
  /** The range does not go on behind a change of authorities, and the change takes effect at once. */
  SET_CHANGE: 'set change',
  /** The proven authority list is the announced one. */
  AUTHORITY_PROOF: 'authority proof',
  /** The proof gives the para head under the relay header's state root. */
  PARA_HEAD_PROOF: 'para head proof',
  /** The para head does not go back. */
  PARA_HEAD: 'para head',
  /** The para headers end in the head that the relay chain holds. */
  PARA_FINALITY: 'para finality',
  /** The storage changes give the header's state root. */
  STATE_ROOT: 'state root',
  /** Two endpoints tell of the same storage changes. */
  SECOND_OPINION: 'second opinion',
  /** The pairs of the genesis state give the state root of para header 0. */
  GENESIS_STATE: 'genesis state',
  /** The proof gives the relay height that the parachain began at. */
  VALIDATION_DATA: 'validation data',
  /** The relay block that para block 1 was built on is the one in its validation data. */
  RELAY_PARENT: 'relay parent',
  /** Para block 1 is the one that the store was begun with. */
  CHAIN_IDENTITY: 'chain identity',
} as const;
export type Check = (typeof Check)[keyof typeof Check];

/** Where something refused came from. */
export interface Refused {
  chain: 'relay' | 'para';
  /** The block that the check failed at. */
  block: number;
  check: Check;
  endpoint: string;
}

/** The BLOCK_REFUSED error of a check. */
export function refused(about: Refused, reason: string, cause?: unknown): BlockStoreError {
  return new BlockStoreError(
    BlockStoreErrorCode.BLOCK_REFUSED,
    `Refused ${about.chain} block ${about.block} of ${about.endpoint} by its ${about.check}: ${reason}`,
    { facts: { ...about }, cause },
  );
}

/** Whether an error says that a node served something wrong. */
export function isRefusal(error: unknown): error is BlockStoreError {
  return error instanceof BlockStoreError && error.code === BlockStoreErrorCode.BLOCK_REFUSED;
}
