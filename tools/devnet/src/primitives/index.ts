export * from './bytes.js';
export * from './hash.js';
export * from './header.js';
export { ProofError, readProof } from './proof.js';
export * as scale from './scale.js';
export { ScaleError, ScaleReader } from './scale.js';
export { RelayKey, storageMapKey, storagePrefix } from './storage-key.js';
export {
  EMPTY_ROOT,
  Trie,
  TrieDb,
  TrieNodeMissing,
  orderedTrieRoot,
  type KeyChange,
  type StateVersion,
} from './trie.js';
