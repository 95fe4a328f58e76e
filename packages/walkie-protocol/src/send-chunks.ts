/** Large enough for full speed, small enough that a thousand clients that take nothing hold little. */
const CHUNK_BYTES = 64 * 1024;
/** Unused ones kept: 32 MiB, about what a hundred busy clients have waiting. */
const MAX_KEPT = 512;

/**
 * Pieces of memory that values are copied to on their way into a socket, and that are used again and again: the values
 * themselves can be freed at once, and a socket that is stuck keeps one piece and not a whole value.
 */
export class SendChunks {
  readonly #kept: Buffer[] = [];

  /** A piece for one write. */
  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /** Gives back a piece that no socket holds any more. */
  give(chunk: Buffer): void {
    if (this.#kept.length < MAX_KEPT) this.#kept.push(chunk);
  }
}
