import type { ClassicLevel } from 'classic-level';

/** One write of a batch. */
export type Operation = { type: 'put'; key: string; value: unknown } | { type: 'del'; key: string };

/** Rows of one kind in the order in which they came, the oldest of which make room for new ones. */
export class BoundedRows {
  /** Numbers of the rows there are, oldest first. */
  #numbers: number[] = [];
  #next = 1;

  constructor(private readonly options: { /** Ends in `!`. */ prefix: string; maxRows: number }) {}

  /** The writes that add rows, and take out those beyond the limit. */
  add(values: readonly unknown[]): Operation[] {
    const operations: Operation[] = [];
    for (const value of values) {
      const number = this.#next++;
      this.#numbers.push(number);
      operations.push({ type: 'put', key: this.keyOf(number), value });
    }
    const tooMany = Math.max(0, this.#numbers.length - this.options.maxRows);
    for (const number of this.#numbers.splice(0, tooMany)) {
      operations.push({ type: 'del', key: this.keyOf(number) });
    }
    return operations;
  }

  /** Learns which rows there are. */
  async open(db: ClassicLevel<string, unknown>): Promise<void> {
    this.#numbers = [];
    for await (const key of db.keys(this.#range())) this.#numbers.push(this.#numberOf(key));
    this.#next = (this.#numbers.at(-1) ?? 0) + 1;
  }

  /** All rows, oldest first. */
  async all(db: ClassicLevel<string, unknown>): Promise<unknown[]> {
    return await db.values(this.#range()).all();
  }

  /** Rows from new to old, below a number if one is given. */
  async *newestFirst(
    db: ClassicLevel<string, unknown>,
    before?: number,
  ): AsyncIterable<[number: number, value: unknown]> {
    const range = this.#range();
    const lt = before === undefined ? range.lt : this.keyOf(Math.max(0, before));
    for await (const [key, value] of db.iterator({ gt: range.gt, lt, reverse: true })) {
      yield [this.#numberOf(key), value];
    }
  }

  keyOf(number: number): string {
    return this.options.prefix + String(number).padStart(15, '0');
  }

  #numberOf(key: string): number {
    return Number(key.slice(this.options.prefix.length));
  }

  #range(): { gt: string; lt: string } {
    const { prefix } = this.options;
    // The character after `!` ends the range.
    return { gt: prefix, lt: `${prefix.slice(0, -1)}"` };
  }
}
