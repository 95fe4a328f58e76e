import type { StateReader, StateWriter } from '../metadata/storage-item.js';
import type { KeyChange } from '../primitives/index.js';

/** A key as a string of one character per byte; such strings sort as the bytes do. */
const textOf = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');

/**
 * What a block has changed so far, on top of its parent's state. Layers nest: every call runs in
 * one, and a call that fails leaves nothing behind.
 */
export class StateOverlay implements StateWriter {
  private readonly current = new Map<string, Uint8Array | null>();
  /** How to undo, newest last: what the overlay held under a key before (undefined: nothing). */
  private readonly undo: [key: string, before: Uint8Array | null | undefined][] = [];

  constructor(private readonly base: StateReader) {}

  get(key: Uint8Array): Uint8Array | undefined {
    const found = this.current.get(textOf(key));
    return found === undefined ? this.base.get(key) : (found ?? undefined);
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.write(key, value);
  }

  delete(key: Uint8Array): void {
    this.write(key, null);
  }

  private write(key: Uint8Array, value: Uint8Array | null): void {
    const text = textOf(key);
    this.undo.push([text, this.current.get(text)]);
    this.current.set(text, value);
  }

  /** Opens a layer; give the mark to {@link rollback} to undo everything since. */
  mark(): number {
    return this.undo.length;
  }

  /** Undoes everything since the mark. */
  rollback(mark: number): void {
    while (this.undo.length > mark) {
      const last = this.undo.pop();
      if (!last) break;
      const [key, before] = last;
      if (before === undefined) this.current.delete(key);
      else this.current.set(key, before);
    }
  }

  /** Everything written, sorted by key; undefined deletes. */
  changes(): KeyChange[] {
    return [...this.current]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, value]) => [new Uint8Array(Buffer.from(key, 'latin1')), value ?? undefined]);
  }
}
