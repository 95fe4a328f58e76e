import { MessageChannel } from 'node:worker_threads';
import { abortedError, concatBytes } from '@runtime-bridge/base';

/** A blob whose bytes lie in several places, in this order: rows go out as they were read. */
export interface BlobParts {
  parts: readonly Uint8Array[];
  /** CRC-32C of all bytes. */
  crc32c: number;
  /** Whether the bytes stay as they are after the moment for which they are lent. */
  isKept?: boolean;
}

/** Looks at a blob that is lent for the moment of the call. True keeps its memory from being freed afterwards. */
export type BlobTaker = (blob: BlobParts) => boolean;

/** Below this, leaving memory to the garbage collector costs less than freeing it. */
const FREED_FROM_BYTES = 16 * 1024;

/**
 * Loads each blob once for all who want it at the same time, hands it to each of them, and then frees its memory unless
 * somebody keeps it. Left to the garbage collector, each 64 MiB of values read would make it walk the whole heap.
 */
export class BlobLoads {
  readonly #takers = new Map<string, BlobTaker[]>();
  readonly #results = new Map<string, Promise<boolean>>();
  readonly #freed: MessageChannel['port1'];

  constructor() {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    this.#freed = port1;
  }

  /**
   * Hands a blob to the taker, whoever loads it; false when there is none.
   * @param load makes the blob; its memory must belong to nobody else
   * @throws what loading throws; BridgeError ABORTED with the signal, the taker is not called then
   */
  async take(
    name: string,
    load: () => Promise<BlobParts | undefined>,
    taker: BlobTaker,
    signal?: AbortSignal,
  ): Promise<boolean> {
    if (signal?.aborted) throw abortedError(signal);
    const takers = this.#takers.get(name) ?? [];
    takers.push((blob) => !signal?.aborted && taker(blob));
    let result = this.#results.get(name);
    if (result === undefined) {
      this.#takers.set(name, takers);
      result = this.#load(name, load, takers);
      this.#results.set(name, result);
    }
    const isThere = await result;
    if (signal?.aborted) throw abortedError(signal);
    return isThere;
  }

  async #load(
    name: string,
    load: () => Promise<BlobParts | undefined>,
    takers: readonly BlobTaker[],
  ): Promise<boolean> {
    let blob: BlobParts | undefined;
    try {
      blob = await load();
    } finally {
      this.#takers.delete(name);
      this.#results.delete(name);
    }
    if (blob === undefined) return false;
    let isKept = false;
    for (const taker of takers) isKept = taker(blob) || isKept;
    if (!isKept) this.#free(blob);
    return true;
  }

  #free({ parts }: BlobParts): void {
    for (const { buffer, byteLength } of parts) {
      // Handed to a port that nobody listens to, memory is given back at once.
      if (byteLength >= FREED_FROM_BYTES && byteLength === buffer.byteLength) {
        this.#freed.postMessage(null, [buffer as ArrayBuffer]);
      }
    }
  }
}

/** The bytes of a blob in one piece. */
export function joined({ parts }: BlobParts): Uint8Array {
  return parts.length === 1 ? parts[0]! : concatBytes(parts);
}
