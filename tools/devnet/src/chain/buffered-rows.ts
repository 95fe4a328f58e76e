import type { ChainDb, ChainRows, RowOperation } from './store.js';

const MAX_BUFFERED_BYTES = 24 * 1024 * 1024;

/**
 * Rows that are written many blocks at a time, for making history: what is written is seen at once, is on
 * disk later, in order and in whole blocks. After `settle` each batch is written when it comes.
 */
export class BufferedRows implements ChainRows {
  private filling = new Map<string, RowOperation>();
  private fillingBytes = 0;
  private writing = new Map<string, RowOperation>();
  private written: Promise<void> = Promise.resolve();
  private isDirect = false;

  constructor(private readonly db: ChainDb) {}

  getSync(key: Uint8Array): Uint8Array | undefined {
    const name = nameOf(key);
    const operation = this.filling.get(name) ?? this.writing.get(name);
    if (operation === undefined) return this.db.getSync(key);
    return operation.type === 'put' ? operation.value : undefined;
  }

  async batch(operations: RowOperation[]): Promise<void> {
    if (this.isDirect) return this.db.batch(operations);
    for (const operation of operations) {
      this.filling.set(nameOf(operation.key), operation);
      this.fillingBytes += operation.type === 'put' ? operation.value.length + 80 : 80;
    }
    if (this.fillingBytes > MAX_BUFFERED_BYTES) await this.flush();
  }

  async *iterator(range: {
    gte: Uint8Array;
    lt: Uint8Array;
  }): AsyncGenerator<[Uint8Array, Uint8Array]> {
    await this.flush();
    await this.written;
    yield* this.db.iterator(range);
  }

  /** Everything is on disk, and from now on each batch at once. */
  async settle(): Promise<void> {
    await this.flush();
    await this.written;
    this.writing.clear();
    this.isDirect = true;
  }

  /** Hands the buffer to the database once the one before is written. */
  private async flush(): Promise<void> {
    await this.written;
    this.writing = this.filling;
    this.filling = new Map();
    this.fillingBytes = 0;
    if (this.writing.size > 0) this.written = this.db.batch([...this.writing.values()]);
    // Told to whoever flushes next.
    this.written.catch(() => undefined);
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
