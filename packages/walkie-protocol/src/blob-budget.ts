/** The part of the room that those who hold nothing find even when the others have taken the rest. */
const RESERVED_PART = 1 / 8;
/** Half of the room is for reading ahead; the other half for values larger than anybody's share. */
const SHARED_PART = 1 / 2;

/**
 * Room for bytes that several sessions share; those who found none are called back, in turn, when there is some. Whoever
 * holds something leaves an eighth of it to those who hold nothing, and reads ahead within a fair share only.
 */
export class BlobBudget {
  #usedBytes = 0;
  #holders = 0;
  readonly #waiting = new Set<() => void>();
  #isCallingBack = false;
  /** What the last call back led to. */
  #hasTaken = false;
  #wasRefused = false;

  /** @param onFull called when somebody begins to wait for room */
  constructor(
    private readonly maxBytes: number,
    private readonly onFull: () => void = () => {},
  ) {}

  /** Bytes taken. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether somebody waits for room. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** What each of those who hold something may hold beyond one value. */
  get shareBytes(): number {
    return (this.maxBytes * SHARED_PART) / Math.max(1, this.#holders);
  }

  /**
   * Takes room; more than there is at all is given when nobody else has any.
   * @param heldBytes what the caller holds already
   * @param onRoom called once, later, when there was not enough
   */
  take(bytes: number, heldBytes: number, onRoom?: () => void): boolean {
    const room = heldBytes > 0 ? this.maxBytes * (1 - RESERVED_PART) : this.maxBytes;
    if (this.#usedBytes > heldBytes && this.#usedBytes + bytes > room) {
      if (onRoom !== undefined) {
        this.#wasRefused = true;
        this.#waiting.add(onRoom);
        this.onFull();
      }
      return false;
    }
    this.#hasTaken = true;
    if (heldBytes === 0 && bytes > 0) this.#holders += 1;
    this.#usedBytes += bytes;
    return true;
  }

  /** Gives room back. @param heldBytes what the caller still holds */
  give(bytes: number, heldBytes: number): void {
    if (bytes === 0) return;
    this.#usedBytes -= bytes;
    if (heldBytes === 0) this.#holders -= 1;
    if (this.#waiting.size === 0 || this.#isCallingBack) return;
    this.#isCallingBack = true;
    // Later, so that a session that gives and takes in one go does not run inside another's.
    setImmediate(() => {
      this.#isCallingBack = false;
      this.#callBack();
    });
  }

  /** Calls those who wait, in turn, until one finds no room even now. */
  #callBack(): void {
    for (const onRoom of [...this.#waiting]) {
      this.#hasTaken = this.#wasRefused = false;
      onRoom();
      // Whoever got nothing keeps the place; all others, if they want more, are behind those who wait already.
      if (this.#wasRefused && !this.#hasTaken) {
        if (this.#usedBytes >= this.maxBytes * (1 - RESERVED_PART)) break;
        continue;
      }
      this.#waiting.delete(onRoom);
      if (this.#wasRefused) this.#waiting.add(onRoom);
    }
  }

  /** Takes back the wish for room. */
  forget(onRoom: () => void): void {
    this.#waiting.delete(onRoom);
  }
}
