import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { ByteReader, skipHeader } from '../injector/byte-reader.js';

/** Kinds of rows that are compared: the first byte of their keys. */
const RELAY = 1;
const PARA = 2;
const GENESIS = 3;

/** All rows of a store, by their keys in hex; of each value a digest, and the bytes of relay rows. */
export type StoreRows = ReadonlyMap<string, { digest: string; bytes: Uint8Array }>;

/**
 * Reads the rows of a store that nobody has open. A copy is read: opening mends what a kill left, and that shall be up to
 * the provider.
 */
export async function readRows(storePath: string): Promise<StoreRows> {
  const folder = await mkdtemp(join(tmpdir(), 'rb-rows-'));
  try {
    await cp(storePath, join(folder, 'store'), { recursive: true });
    const database = new ClassicLevel<Uint8Array, Uint8Array>(join(folder, 'store'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
      createIfMissing: false,
    });
    await database.open();
    const rows = new Map<string, { digest: string; bytes: Uint8Array }>();
    for await (const [key, bytes] of database.iterator()) {
      const digest = createHash('sha256').update(bytes).digest('hex');
      const kept = key[0] === RELAY ? bytes.slice() : new Uint8Array();
      rows.set(Buffer.from(key).toString('hex'), { digest, bytes: kept });
    }
    await database.close();
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names the rows that one store has otherwise than another, or alone; at most twenty. */
export function differences(one: StoreRows, other: StoreRows): string[] {
  const keys = new Set([...one.keys(), ...other.keys()]);
  return [...keys].filter((key) => one.get(key)?.digest !== other.get(key)?.digest).slice(0, 20);
}

/** What has to be equal whenever two stores were filled, up to the height that both have. */
export interface ChainRows {
  genesis: Map<string, string>;
  relayHeaders: Map<number, string>;
  /** Whole rows of the headers that change the authority set: justification, set, proofs. */
  setChanges: Map<number, string>;
  /** Headers and storage changes. */
  paraBlocks: Map<number, string>;
}

/** Takes the rows of the chains apart; where ranges end at the head is up to what was announced when. */
export function chainRows(
  rows: StoreRows,
  upTo: { relay: number; para: number } = { relay: Infinity, para: Infinity },
): ChainRows {
  const found: ChainRows = {
    genesis: new Map(),
    relayHeaders: new Map(),
    setChanges: new Map(),
    paraBlocks: new Map(),
  };
  for (const [key, { bytes, digest }] of rows) {
    const kind = Number.parseInt(key.slice(0, 2), 16);
    const height = Number.parseInt(key.slice(2, 10), 16);
    if (kind === GENESIS) found.genesis.set(key, digest);
    if (kind === PARA && height <= upTo.para) found.paraBlocks.set(height, digest);
    if (kind !== RELAY || height > upTo.relay) continue;
    const reader = new ByteReader(bytes);
    skipHeader(reader);
    found.relayHeaders.set(
      height,
      Buffer.from(bytes.subarray(0, reader.position)).toString('base64'),
    );
    if (changesSet(reader)) found.setChanges.set(height, digest);
  }
  return found;
}

/** Behind the header: Option of justification, set id, Option of para head and proof, Option of the change. */
function changesSet(reader: ByteReader): boolean {
  if (reader.u8() === 0) return false;
  reader.bytes();
  reader.take(8);
  if (reader.u8() === 1) {
    reader.take(4);
    reader.bytes();
  }
  return reader.u8() === 1;
}

/** The heights of both chains that a set of rows goes up to. */
export function heightsOf(rows: StoreRows): { relay: number; para: number } {
  const highest = (kind: number) =>
    [...rows.keys()]
      .filter((key) => Number.parseInt(key.slice(0, 2), 16) === kind && key.length === 10)
      .reduce((most, key) => Math.max(most, Number.parseInt(key.slice(2), 16)), -1);
  return { relay: highest(RELAY), para: highest(PARA) };
}
