/** Blobs over plain TCP alone, for processes that have no peers: libp2p is not loaded. */
export { BlobClient, type BlobClientOptions } from './blob-client.js';
export { crc32c } from './blob-frames.js';
export { WalkieError, WalkieErrorCode } from './errors.js';
