export { Codecs, type Codec } from './codec.js';
export { encodeMetadataV14, type MetadataParts } from './metadata-v14.js';
export type { PalletDecl } from './pallet.js';
export { relayMetadata } from './relay.js';
export type { StateReader, StateWriter } from './storage-item.js';
