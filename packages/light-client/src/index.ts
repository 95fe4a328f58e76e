export {
  AuthoritySetTracker,
  nextAuthoritySet,
  readAuthorityProof,
  verifyAuthoritySetChange,
  verifyGenesisInfo,
  type AuthorityKeyForm,
  type FinalizedHeader,
} from './authority-sets.js';
export { NodeEd25519, type SignatureVerifier } from './ed25519.js';
export { LightClientError, LightClientErrorCode } from './errors.js';
export { verifyHeaderChain, verifyHeaderHash, type ChainTip } from './header-chain.js';
export {
  verifyJustification,
  verifyJustificationAsync,
  type JustificationClaim,
  type JustificationDeps,
  type VerifiedJustification,
} from './justification.js';
export { readParaHead, verifyParaHead, type ParaHeadProof } from './para-head.js';
export { readProof, StorageProofReader } from './storage-proof.js';
export { MemoryNodeStore, type TrieNodeStore, type TrieWrites } from './trie/node-store.js';
export { StateTrie, type StateTrieOptions, type TrieCheckpoint } from './trie/state-trie.js';
export { EMPTY_TRIE_ROOT } from './trie/tree.js';
export { grandpaThreshold } from './voters.js';
