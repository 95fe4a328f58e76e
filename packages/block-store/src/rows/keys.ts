/**
 * Kinds of rows: the first byte of each key. Numbers are never used again for something else.
 */
export const RowKind = {
  /** One row: schema version, what chain it is, heights. */
  META: 0,
  /** Per relay height: the header, and at the end of a range what proves it. */
  RELAY: 1,
  /** Per para height: header and storage changes. */
  PARA: 2,
  /** The genesis info (suffix 0) and the genesis state (suffix 1). */
  GENESIS: 3,
  /** Per end of a range: what is needed to find one without reading relay rows. */
  RANGE_END: 4,
  /** The nodes of the para state's trie at `stateHeight`, by the trie's own keys. */
  STATE: 5,
} as const;
export type RowKind = (typeof RowKind)[keyof typeof RowKind];

/** The key of the meta row. */
export const metaKey = Uint8Array.of(RowKind.META);

/** The keys of the two genesis rows. */
export const genesisKeys = {
  info: Uint8Array.of(RowKind.GENESIS, 0),
  state: Uint8Array.of(RowKind.GENESIS, 1),
} as const;

/** `[kind][height u32 BE]`: rows of a kind lie in order of height. */
export function heightKey(kind: RowKind, height: number): Uint8Array {
  return Uint8Array.of(kind, height >>> 24, height >>> 16, height >>> 8, height);
}

/** The height in a key made by {@link heightKey}. */
export function heightOfKey(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(1);
}

/** The key of a node of the para state's trie. */
export function stateKey(nodeKey: Uint8Array): Uint8Array {
  const row = new Uint8Array(1 + nodeKey.length);
  row[0] = RowKind.STATE;
  row.set(nodeKey, 1);
  return row;
}
