/** Room for bytes that several sessions share; those who found none are called back, in turn, when there is some. */
export class BlobBudget {
  #usedBytes = 0;
  readonly #waiting = new Set<() => void>();
  #isCallingBack = false;

  constructor(private readonly maxBytes: number) {}

  /** Bytes taken. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether somebody waits for room. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Takes room; more than there is at all is given when nobody else has any.
   * @param onRoom called once, later, when there was not enough
   */
  take(bytes: number, onRoom?: () => void): boolean {
    if (this.#usedBytes > 0 && this.#usedBytes + bytes > this.maxBytes) {
      if (onRoom !== undefined) this.#waiting.add(onRoom);
      return false;
    }
    this.#usedBytes += bytes;
    return true;
  }

  /** Gives room back. */
  give(bytes: number): void {
    this.#usedBytes -= bytes;
    if (bytes === 0 || this.#waiting.size === 0 || this.#isCallingBack) return;
    this.#isCallingBack = true;
    // Later, so that a session that gives and takes in one go does not run inside another's.
    setImmediate(() => {
      this.#isCallingBack = false;
      const callbacks = [...this.#waiting];
      this.#waiting.clear();
      for (const onRoom of callbacks) onRoom();
    });
  }

  /** Takes back the wish for room. */
  forget(onRoom: () => void): void {
    this.#waiting.delete(onRoom);
  }
}
