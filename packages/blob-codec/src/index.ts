export {
  decodeAuthorityList,
  decodeAuthoritySet,
  decodeAuthoritySetChange,
  decodeStorageProof,
  decodeVersionedAuthorityList,
  encodeAuthorityList,
  encodeAuthoritySet,
  encodeAuthoritySetChange,
  encodeStorageProof,
  encodeVersionedAuthorityList,
  type Authority,
  type AuthoritySet,
  type AuthoritySetChange,
} from './authorities.js';
export { formatBlobKey, parseBlobKey, type BlobKey, type HeadersBlobRange } from './blob-keys.js';
export { composeBlocks, peekBlocks, splitBlocks, type BlockWithChanges } from './blocks.js';
export {
  composeCombinedHeaders,
  composeParaHeaders,
  composeRelayHeaders,
  decodeHeadersToSync,
  decodeHeaderToSync,
  encodeHeaderToSync,
  splitCombinedHeaders,
  type CombinedHeadersParts,
  type HeaderToSync,
  type Span,
  type SplitCombinedHeaders,
} from './combined-headers.js';
export {
  decodeEgressMessages,
  decodeMessageOrigin,
  encodeEgressMessages,
  encodeWorkerOrigin,
  type EgressMessage,
  type EgressQueue,
  type MessageOrigin,
} from './egress.js';
export { CodecError, CodecErrorCode } from './errors.js';
export {
  decodeGenesisInfo,
  decodeGenesisState,
  encodeGenesisInfo,
  encodeGenesisState,
  type GenesisInfo,
  type StoragePair,
} from './genesis.js';
export {
  forcedChange,
  GRANDPA_ENGINE,
  hasForcedChange,
  scheduledChange,
  scheduledChangeLog,
  type ScheduledChange,
} from './grandpa-digest.js';
export { blake2b256, crc32c, twox128, twox64 } from './hashing.js';
export {
  decodeHeader,
  encodeHeader,
  headerHash,
  headerNumber,
  headerParentHash,
  headerStateRoot,
  readHeader,
  skipHeader,
  type DigestItem,
  type Header,
} from './header.js';
export {
  decodeFinalityProof,
  decodeJustification,
  encodeFinalityProof,
  encodeJustification,
  justificationTarget,
  precommitPayload,
  type FinalityProof,
  type Justification,
  type Precommit,
} from './justification.js';
export {
  NO_PARA_HEADERS,
  paraNextAfter,
  planBlocks,
  planParaHeaders,
  planRange,
  planWindow,
  refuseRangeKey,
  type KeyFacts,
  type KeyRefusal,
  type ParaSpan,
  type RangeAnswer,
  type RangeFacts,
  type RangePlan,
  type RangeWait,
} from './planning.js';
export { decodeAll, ScaleReader, type ScaleLimits } from './scale-reader.js';
export {
  compactLength,
  compactSize,
  ScaleWriter,
  u128Bytes,
  u32Bytes,
  u64Bytes,
  writeCompact,
} from './scale-writer.js';
export {
  decodeStorageChanges,
  encodeStorageChanges,
  storageChangesFromJson,
  type StorageChange,
  type StorageChanges,
} from './storage-changes.js';
export { storageKeys, storagePrefix, twox64ConcatKey } from './storage-keys.js';
export {
  decodeParaHead,
  decodeU32Value,
  decodeU64Value,
  decodeValidationData,
  encodeParaHead,
  type ValidationData,
} from './storage-values.js';
