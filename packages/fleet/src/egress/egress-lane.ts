/** A message with its place in its sender's sequence. */
export interface LaneMessage {
  readonly sequence: bigint;
  readonly raw: Uint8Array;
}

/** What one batch may hold. */
export interface LaneLimits {
  maxMessages: number;
  maxBytes: number;
}

/** A batch under way: its messages have the sequences from `first` up to, but not including, `end`. */
export interface LaneBatch {
  readonly first: bigint;
  readonly end: bigint;
  readonly messages: readonly LaneMessage[];
  /** How often a batch with the same first sequence ended before, well or badly: makes another job of the same. */
  readonly repeat: number;
}

/**
 * The messages of one sender on their way to the chain. The chain takes each sequence once and in order, so that there is
 * at most one batch under way, it begins with the sequence that the chain expects, and it has no gap. Pure but for its
 * state; the desk around it submits.
 */
export class EgressLane {
  #batch: LaneBatch | undefined;
  /** After a success: what the chain will expect, and the block from whose facts on it must say so. */
  #settled: { end: bigint; block: number } | undefined;
  /** After a failure: facts of this block or an earlier one do not show yet what came of it. */
  #staleUntil = -1;
  /** Batches that ended with the same first sequence. */
  #ended: { first: bigint; count: number } | undefined;
  /** A batch whose fate is not known: only the very same job can be attached to. */
  #uncertain: LaneBatch | undefined;

  constructor(private readonly limits: LaneLimits) {}

  /** Whether a batch is under way. */
  get busy(): boolean {
    return this.#batch !== undefined;
  }

  /**
   * Takes what a worker reports and makes the next batch of it.
   * @param messages of this sender, in any order
   * @param ingress sequence that the chain expects as of `block`, a finalised one
   * @returns a batch to submit, to be ended by succeed() or fail(); undefined when there is nothing to do now
   */
  next(messages: readonly LaneMessage[], ingress: bigint, block: number): LaneBatch | undefined {
    if (this.#batch || block <= this.#staleUntil) return undefined;
    if (this.#settled) {
      // Facts of an earlier block than that of our own transaction do not count it.
      if (ingress < this.#settled.end && block < this.#settled.block) {
        return this.#begin(messages, this.#settled.end);
      }
      this.#settled = undefined;
    }
    return this.#begin(messages, ingress);
  }

  /** The batch under way took effect in a block. */
  succeed(block: number): void {
    if (!this.#batch) return;
    this.#settled = { end: this.#batch.end, block };
    this.#end(this.#batch);
  }

  /** The batch under way failed; whether part of it took effect will be seen after the block known now. */
  fail(block: number): void {
    this.#settled = undefined;
    this.#staleUntil = block;
    if (this.#batch) this.#end(this.#batch);
  }

  /** Whether the batch under way was or will be carried out is not known: if the chain still wants it, it is asked for again. */
  lose(block: number): void {
    this.#settled = undefined;
    this.#staleUntil = block;
    this.#uncertain = this.#batch;
    this.#batch = undefined;
  }

  #end({ first }: LaneBatch): void {
    this.#ended = { first, count: this.#ended?.first === first ? this.#ended.count + 1 : 1 };
    this.#batch = undefined;
    this.#uncertain = undefined;
  }

  #begin(messages: readonly LaneMessage[], from: bigint): LaneBatch | undefined {
    if (this.#uncertain?.first === from) {
      this.#batch = this.#uncertain;
      return this.#batch;
    }
    const bySequence = new Map(messages.map((message) => [message.sequence, message]));
    const batch: LaneMessage[] = [];
    let bytes = 0;
    for (let sequence = from; batch.length < this.limits.maxMessages; sequence += 1n) {
      const message = bySequence.get(sequence);
      if (!message) break;
      bytes += message.raw.length;
      if (bytes > this.limits.maxBytes && batch.length > 0) break;
      batch.push(message);
    }
    if (batch.length === 0) return undefined;
    const repeat = this.#ended?.first === from ? this.#ended.count : 0;
    this.#batch = { first: from, end: from + BigInt(batch.length), messages: batch, repeat };
    return this.#batch;
  }
}
