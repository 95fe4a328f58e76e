import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { heightKey, RowKind } from '../rows/keys.js';
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

/** Parts of a kind of rows that are compacted one after the other, so that progress can be told and the work ended. */
const PARTS = 64;

/** Rewrites the tables so that what was deleted or replaced takes no room any more. */
export async function compactStore(
  store: BlockStore,
  options: { onProgress?: OnProgress; signal?: AbortSignal } = {},
): Promise<void> {
  for (const [name, kind] of Object.entries(RowKind)) {
    const what = `${name.toLowerCase().replace('_', ' ')} rows`;
    const borders = bordersOf(kind, store.meta);
    const total = borders.length - 1;
    for (let part = 0; part < total; part += 1) {
      options.signal?.throwIfAborted();
      await store.database.compactRange(borders[part]!, borders[part + 1]!);
      options.onProgress?.(what, part + 1, total);
    }
  }
}

/** Keys between which parts of about the same size lie. */
function bordersOf(kind: RowKind, meta: Readonly<Meta> | undefined): Uint8Array[] {
  const [first, last] = [Uint8Array.of(kind), Uint8Array.of(kind + 1)];
  const part = (index: number, from: number, to: number) =>
    from + Math.floor(((to - from) * index) / PARTS);
  const inner = Array.from({ length: PARTS - 1 }, (_, index) => index + 1);
  switch (kind) {
    case RowKind.RELAY:
    case RowKind.RANGE_END: {
      const { relayGenesisHeight: from = 0, relayHeight: to = 0 } = meta ?? {};
      return [first, ...inner.map((index) => heightKey(kind, part(index, from, to))), last];
    }
    case RowKind.PARA:
      return [
        first,
        ...inner.map((index) => heightKey(kind, part(index, 0, meta?.paraHeight ?? 0))),
        last,
      ];
    case RowKind.STATE:
      // Nodes lie by their paths, in which hashes make all nibbles about as frequent.
      return [first, ...inner.map((index) => Uint8Array.of(kind, part(index, 0, 256))), last];
    default:
      return [first, last];
  }
}
