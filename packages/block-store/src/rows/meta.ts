import type { Hex } from '@runtime-bridge/base';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';

/** The layout of rows. A store with a larger number is refused; a smaller one is brought up to date when opened. */
export const SCHEMA = 1;

/** Which chain a store is of. */
export interface ChainId {
  paraId: number;
  /** Hash of para block 1: what Walkie calls the chain identity. */
  paraBlock1: Hex;
  /** Hash of para block 0. */
  paraGenesis: Hex;
  /** The relay block that the genesis info begins with. */
  relayGenesisHeight: number;
  relayGenesis: Hex;
}

/** The one row that says what the store is and how far it goes. It is rewritten in each step's batch. */
export interface Meta extends ChainId {
  schema: number;
  /** Last relay header stored; it ends a range, or is the genesis. */
  relayHeight: number;
  relayHash: Hex;
  /** Height of the relay header that put the authority set in force in force; the genesis height at first. */
  setHeight: number;
  /** Last para block stored. */
  paraHeight: number;
  paraHash: Hex;
  /** The height that the state rows stand at; below `paraHeight` after a time without state checks. */
  stateHeight: number;
}

/** The meta row's bytes: JSON, which any tool can read. */
export function encodeMeta(meta: Meta): Uint8Array {
  return Buffer.from(JSON.stringify(meta));
}

const numbers = [
  'paraId',
  'relayGenesisHeight',
  'relayHeight',
  'setHeight',
  'paraHeight',
  'stateHeight',
] as const;
const hashes = ['paraBlock1', 'paraGenesis', 'relayGenesis', 'relayHash', 'paraHash'] as const;

/**
 * The reverse of {@link encodeMeta}.
 * @throws BlockStoreError STORE_TOO_NEW, STORE_CORRUPT
 */
export function decodeMeta(bytes: Uint8Array): Meta {
  const meta = parse(bytes);
  const schema = meta['schema'];
  if (typeof schema === 'number' && schema > SCHEMA) {
    throw new BlockStoreError(
      BlockStoreErrorCode.STORE_TOO_NEW,
      `The store was written by a newer version (layout ${schema}, known up to ${SCHEMA})`,
      {
        facts: { schema, known: SCHEMA },
        remedy: 'Use that version again, or point PHALA_LOCAL_DB_PATH to an empty folder',
      },
    );
  }
  const bad =
    schema === SCHEMA
      ? (numbers.find((field) => !Number.isInteger(meta[field])) ??
        hashes.find((field) => !/^0x[0-9a-f]{64}$/.test(String(meta[field]))))
      : 'schema';
  if (bad !== undefined) throw corruptRow('meta', bad);
  return meta as unknown as Meta;
}

/** The STORE_CORRUPT error of a row. */
export function corruptRow(row: string, reason: string, cause?: unknown): BlockStoreError {
  return new BlockStoreError(
    BlockStoreErrorCode.STORE_CORRUPT,
    `A row of the store makes no sense: ${row} (${reason})`,
    {
      facts: { row, reason },
      cause,
      remedy: 'Move the store away and let it be filled again, or restore a backup',
    },
  );
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw corruptRow('meta', 'not JSON', error);
  }
  throw corruptRow('meta', 'not an object');
}
