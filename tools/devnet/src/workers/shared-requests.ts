import { blake2b256 } from '../primitives/index.js';

const MAX_ITEMS = 32;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Decoded request bodies by their checksum, so that light workers that get the same bytes decode them
 * once. What is shared is never changed by anybody.
 */
export class SharedRequests {
  private readonly decoded = new Map<string, { value: unknown; bytes: number }>();
  private readonly ids = new Map<unknown, number>();
  private bytes = 0;

  /** What `decode` makes of the body; its errors are not kept. */
  get<T>(body: Uint8Array, decode: (body: Uint8Array) => T): T {
    const id = this.ids.get(decode) ?? this.ids.size;
    this.ids.set(decode, id);
    const key = `${id}/${Buffer.from(blake2b256(body)).toString('latin1')}`;
    const known = this.decoded.get(key);
    if (known !== undefined) return known.value as T;
    const value = decode(body);
    this.decoded.set(key, { value, bytes: body.length });
    this.bytes += body.length;
    for (const [oldest, entry] of this.decoded) {
      if (this.decoded.size <= MAX_ITEMS && this.bytes <= MAX_BYTES) break;
      this.decoded.delete(oldest);
      this.bytes -= entry.bytes;
    }
    return value;
  }

  /** How many bodies are held. */
  get size(): number {
    return this.decoded.size;
  }
}
