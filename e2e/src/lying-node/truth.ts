import type { BlobReader } from './blob-reader.js';
import { RecordFields } from './record-fields.js';

/** First and last height, both included. */
export type Span = readonly [first: number, last: number];

/** Rows of the record of a relay block. */
const PARENT = { header: 3, toSync: 6, setChange: 7 } as const;

/** SCALE None. */
const NONE = 0;

/** A row that two providers tell differently; undefined: it has none. */
export interface Difference {
  row: string;
  one: string | undefined;
  other: string | undefined;
}

/**
 * Compares what two providers hold, row by row: the genesis, relay headers with the justifications of set changes, para
 * blocks with their storage changes. Which other headers end a range, and by which votes, is up to what was announced when.
 */
export async function differencesOf(
  one: BlobReader,
  other: BlobReader,
  about: { paraId: number; relay: Span; para: Span },
): Promise<Difference[]> {
  const keys = [
    `genesis:${about.paraId}:pb`,
    ...span(about.relay).map((height) => `parent:${height}:pb`),
    ...span(about.para).map((height) => `para:${height}:pb`),
  ];
  const [own, theirs] = await Promise.all(
    [one, other].map((source) =>
      Promise.all(keys.map(async (key) => [key, await source.get(key)])),
    ),
  );
  return keys.flatMap((row, i) => {
    const [a, b] = [told(row, own![i]![1] as Bytes), told(row, theirs![i]![1] as Bytes)];
    return a === b && a !== undefined ? [] : [{ row, one: a, other: b }];
  });
}

type Bytes = Uint8Array | undefined;

/** What every honest provider tells in a row. */
function told(key: string, record: Bytes): string | undefined {
  if (record === undefined) return undefined;
  if (!key.startsWith('parent:')) return base64(record);
  const fields = new RecordFields(record);
  const header = base64(fields.bytes(PARENT.header));
  const change = fields.bytes(PARENT.setChange);
  if (change.length === 0 || change[0] === NONE) return header;
  return [header, base64(change), base64(fields.bytes(PARENT.toSync))].join(' ');
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

function span([first, last]: Span): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
