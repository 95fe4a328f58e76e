import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RowKind } from '../rows/keys.js';
import type { Meta } from '../rows/meta.js';
import type { BlockStore, StoreHeights } from '../store/block-store.js';
import type { OnProgress } from './verify-store.js';

/** What a store is and what it takes. */
export interface StoreSummary {
  meta: Readonly<Meta> | undefined;
  heights: StoreHeights | undefined;
  /** Ends of ranges that wait for para blocks. */
  unbuiltRanges: number;
  /** Bytes that each kind of rows takes on disk, about. */
  bytesByKind: Record<string, number>;
  /** Bytes of all files. */
  diskBytes: number;
}

/** Tells what a store holds without reading its rows. */
export async function inspectStore(store: BlockStore, path: string): Promise<StoreSummary> {
  const bytesByKind: Record<string, number> = {};
  for (const [name, kind] of Object.entries(RowKind)) {
    bytesByKind[name.toLowerCase()] = await store.database.approximateSize(
      Uint8Array.of(kind),
      Uint8Array.of(kind + 1),
    );
  }
  return {
    meta: store.meta,
    heights: store.heights.value,
    unbuiltRanges: store.unbuilt.length,
    bytesByKind,
    diskBytes: await bytesOf(path),
  };
}

/** Bytes of the files in a folder. */
export async function bytesOf(path: string): Promise<number> {
  let bytes = 0;
  // LevelDB may remove a file meanwhile.
  for (const name of await readdir(path)) {
    bytes += await stat(join(path, name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

/** Parts of a kind's heights that are compacted one after the other, so that progress can be told. */
const PARTS = 64;

/** Rewrites the tables so that what was deleted or replaced takes no room any more. */
export async function compactStore(
  store: BlockStore,
  options: { onProgress?: OnProgress; signal?: AbortSignal } = {},
): Promise<void> {
  const kinds = Object.values(RowKind);
  const total = kinds.length * PARTS;
  let done = 0;
  for (const kind of kinds) {
    for (let part = 0; part < PARTS; part += 1) {
      options.signal?.throwIfAborted();
      const step = 256 / PARTS;
      const end =
        part === PARTS - 1 ? Uint8Array.of(kind + 1) : Uint8Array.of(kind, (part + 1) * step);
      await store.database.compactRange(Uint8Array.of(kind, part * step), end);
      done += 1;
      options.onProgress?.('parts', done, total);
    }
  }
}
