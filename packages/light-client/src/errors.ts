import { BridgeError, type ErrorDetails } from '@runtime-bridge/base';

/** Codes of the errors that this package raises: what a node or a peer told is not true, or cannot be followed. */
export const LightClientErrorCode = {
  /** The authority set has no voter with weight. */
  EMPTY_AUTHORITY_SET: 'EMPTY_AUTHORITY_SET',
  /** The justification proves another block than the one it came with. */
  WRONG_TARGET: 'WRONG_TARGET',
  /** The justification holds more votes than its authority set could cast. */
  TOO_MANY_VOTES: 'TOO_MANY_VOTES',
  /** The votes of known authorities do not reach the threshold for the target. */
  BELOW_THRESHOLD: 'BELOW_THRESHOLD',
  /** The votes finalise a block above the target, so the commit does not state what they say. */
  NOT_THE_GHOST: 'NOT_THE_GHOST',
  /** More voters than GRANDPA tolerates voted twice. */
  TOO_MANY_EQUIVOCATIONS: 'TOO_MANY_EQUIVOCATIONS',
  /** A vote's block is not linked to the lowest voted block by the headers that came along. */
  BAD_ANCESTRY: 'BAD_ANCESTRY',
  /** Headers came along that no vote needs. */
  UNUSED_ANCESTRY: 'UNUSED_ANCESTRY',
  /** A vote's signature is not valid for this round and authority set. */
  BAD_SIGNATURE: 'BAD_SIGNATURE',
  /** A change of authorities does not follow on the current set. */
  UNEXPECTED_SET_ID: 'UNEXPECTED_SET_ID',
  /** A list of authorities is not the one proved or announced. */
  AUTHORITY_LIST_MISMATCH: 'AUTHORITY_LIST_MISMATCH',
  /** The state holds no list of authorities under a key that we know. */
  AUTHORITY_LIST_ABSENT: 'AUTHORITY_LIST_ABSENT',
  /** A change of authorities that takes effect later, which no worker can follow. */
  DELAYED_CHANGE: 'DELAYED_CHANGE',
  /** A forced change of authorities, which no worker can follow. */
  FORCED_CHANGE: 'FORCED_CHANGE',
  /** A trie node that is needed to read a key is not among the proof's nodes. */
  PROOF_NODE_MISSING: 'PROOF_NODE_MISSING',
  /** Bytes that hash as they should are no trie node. */
  BAD_TRIE_NODE: 'BAD_TRIE_NODE',
  /** A list of headers is empty where one is needed. */
  NO_HEADERS: 'NO_HEADERS',
  /** A header's parent is not the header before it. */
  BROKEN_CHAIN: 'BROKEN_CHAIN',
  /** A header's hash is not the one it was asked for. */
  HASH_MISMATCH: 'HASH_MISMATCH',
  /** The relay state holds no head for the parachain. */
  PARA_HEAD_ABSENT: 'PARA_HEAD_ABSENT',
  /** The para head in the relay state is another header. */
  PARA_HEAD_MISMATCH: 'PARA_HEAD_MISMATCH',
  /** Storage changes give another state root than the header states. */
  STATE_ROOT_MISMATCH: 'STATE_ROOT_MISMATCH',
  /** A trie node is needed that is not in memory; load it first. */
  TRIE_NODE_NOT_LOADED: 'TRIE_NODE_NOT_LOADED',
  /** The store has no trie node where the trie says there is one, or another one: the store is damaged. */
  TRIE_STORE_DAMAGED: 'TRIE_STORE_DAMAGED',
  /** A checkpoint of the trie is of no use any more, since its writes were taken. */
  CHECKPOINT_GONE: 'CHECKPOINT_GONE',
} as const;
export type LightClientErrorCode = (typeof LightClientErrorCode)[keyof typeof LightClientErrorCode];

/** Something that was told about a chain and is refused. */
export class LightClientError extends BridgeError<LightClientErrorCode> {
  override readonly name = 'LightClientError';

  constructor(code: LightClientErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
