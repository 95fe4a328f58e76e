import { ScaleReader } from '../primitives/index.js';
import { paraCodecs } from './types.js';

/** Reads a message's payload; bytes after it are ignored, as the chain does. @throws ScaleError */
export function decodePayload<T>(type: string, payload: Uint8Array): T {
  return paraCodecs.of<T>(type).read(new ScaleReader(payload));
}
