import { ClassicLevel } from 'classic-level';
import { concatBytes, utf8 } from '../primitives/bytes.js';
import { ScaleReader, bytes, option, u32, u64, vec } from '../primitives/scale.js';
import type { KeyChange } from '../primitives/trie.js';

/** The LevelDB that holds both chains; keys and values are bytes. */
export type ChainDb = ClassicLevel<Uint8Array, Uint8Array>;

/** One write of a batch. */
export type RowOperation =
  { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array };

/** What a chain's rows are kept in. */
export interface ChainRows {
  getSync(key: Uint8Array): Uint8Array | undefined;
  batch(operations: RowOperation[]): Promise<void>;
  iterator(range: {
    gte: Uint8Array;
    lt: Uint8Array;
  }): AsyncIterable<[key: Uint8Array, value: Uint8Array]>;
}

/** The data directory cannot be used. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

/**
 * Opens (or creates) the database of the chains process in this directory.
 *
 * @throws DataDirectoryError when another process has it open, or it cannot be opened at all.
 */
export async function openChainDb(directory: string): Promise<ChainDb> {
  const db: ChainDb = new ClassicLevel(directory, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    cacheSize: 32 * 1024 * 1024,
    writeBufferSize: 16 * 1024 * 1024,
  });
  try {
    await db.open();
  } catch (error) {
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    const why =
      cause?.code === 'LEVEL_LOCKED'
        ? 'another process is using it'
        : (cause?.message ?? 'unknown');
    throw new DataDirectoryError(`cannot open ${directory}: ${why}`, { cause: error });
  }
  return db;
}

/** Numbers of rows' kinds: the second byte of a key, after the chain's. */
const Kind = { meta: 0, header: 1, body: 2, changes: 3, justification: 4, canonical: 5, node: 6 };

/** What a block holds besides its header. */
export interface BlockBody {
  timestampMs: number;
  extrinsics: Uint8Array[];
}

/** One atomic set of writes; nothing is visible before `write`. */
export interface StoreBatch {
  header(hash: Uint8Array, encoded: Uint8Array): void;
  body(hash: Uint8Array, body: BlockBody): void;
  changes(hash: Uint8Array, changes: readonly KeyChange[]): void;
  justification(hash: Uint8Array, encoded: Uint8Array): void;
  canonical(number: number, hash: Uint8Array | undefined): void;
  node(hash: Uint8Array, encoded: Uint8Array): void;
  meta(name: string, value: Uint8Array): void;
  write(): Promise<void>;
}

/**
 * Rows of one chain. Reads are synchronous. A batch is written in one piece, so that a process that is
 * killed at any moment leaves whole blocks only.
 */
export class ChainStore {
  constructor(
    private readonly db: ChainRows,
    private readonly chain: number,
  ) {}

  header(hash: Uint8Array): Uint8Array | undefined {
    return this.get(Kind.header, hash);
  }

  body(hash: Uint8Array): BlockBody | undefined {
    const row = this.get(Kind.body, hash);
    if (row === undefined) return undefined;
    const reader = new ScaleReader(row);
    return { timestampMs: Number(reader.u64()), extrinsics: reader.vec((r) => r.bytes()) };
  }

  changes(hash: Uint8Array): KeyChange[] | undefined {
    const row = this.get(Kind.changes, hash);
    if (row === undefined) return undefined;
    return new ScaleReader(row).vec((r): KeyChange => [r.bytes(), r.option((o) => o.bytes())]);
  }

  justification(hash: Uint8Array): Uint8Array | undefined {
    return this.get(Kind.justification, hash);
  }

  canonical(number: number): Uint8Array | undefined {
    return this.get(Kind.canonical, u32(number).reverse());
  }

  node(hash: Uint8Array): Uint8Array | undefined {
    return this.get(Kind.node, hash);
  }

  meta(name: string): Uint8Array | undefined {
    return this.get(Kind.meta, utf8(name));
  }

  /** Meta rows whose name begins with `prefix`, in order of their names. */
  async metaFrom(prefix: string): Promise<[name: string, value: Uint8Array][]> {
    const from = this.key(Kind.meta, utf8(prefix));
    const to = concatBytes(from, Uint8Array.of(0xff));
    const rows: [string, Uint8Array][] = [];
    for await (const [key, value] of this.db.iterator({ gte: from, lt: to })) {
      rows.push([Buffer.from(key.subarray(2)).toString('utf8'), value]);
    }
    return rows;
  }

  batch(): StoreBatch {
    const operations: RowOperation[] = [];
    const put = (kind: number, id: Uint8Array, value: Uint8Array) =>
      operations.push({ type: 'put', key: this.key(kind, id), value });
    return {
      header: (hash, encoded) => put(Kind.header, hash, encoded),
      body: (hash, { timestampMs, extrinsics }) =>
        put(Kind.body, hash, concatBytes(u64(timestampMs), vec(extrinsics.map(bytes)))),
      changes: (hash, changes) =>
        put(
          Kind.changes,
          hash,
          vec(changes.map(([k, v]) => concatBytes(bytes(k), option(v && bytes(v))))),
        ),
      justification: (hash, encoded) => put(Kind.justification, hash, encoded),
      canonical: (number, hash) => {
        const id = u32(number).reverse();
        if (hash === undefined) operations.push({ type: 'del', key: this.key(Kind.canonical, id) });
        else put(Kind.canonical, id, hash);
      },
      node: (hash, encoded) => put(Kind.node, hash, encoded),
      meta: (name, value) => put(Kind.meta, utf8(name), value),
      write: () => this.db.batch(operations),
    };
  }

  private get(kind: number, id: Uint8Array): Uint8Array | undefined {
    return this.db.getSync(this.key(kind, id));
  }

  private key(kind: number, id: Uint8Array): Uint8Array {
    return concatBytes(Uint8Array.of(this.chain, kind), id);
  }
}
