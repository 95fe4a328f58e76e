/**
 * A key of 2022's blob server that we answer. Heights are u32; `paraStart` and `paraEnd` are both -1 in a range without
 * para headers.
 * Source: runtime-bridge 80fde2c src/utils/constants.js, src/data_provider/io.
 */
export type BlobKey =
  | { kind: 'genesis'; paraId: number }
  | { kind: 'rangeByParentBlock'; relayHeight: number }
  | ({ kind: 'drySyncHeader' } & HeadersBlobRange)
  | ({ kind: 'blobRange' } & HeadersBlobRange)
  | { kind: 'dryParaBlock'; number: number }
  | { kind: 'rangeParaBlockKey'; number: number }
  | { kind: 'rangeParaBlockBuffer'; number: number }
  | { kind: 'para'; number: number }
  | { kind: 'parent'; number: number };

/** What a headers blob holds; all ends inclusive. */
export interface HeadersBlobRange {
  relayStart: number;
  relayEnd: number;
  /** -1 with no para headers */
  paraStart: number;
  /** -1 with no para headers */
  paraEnd: number;
}

/** Longest key: `blobRange`, four ten-digit numbers, `SyncHeaderReq`, and some white space around it. */
const MAX_KEY_CHARACTERS = 128;

const HEIGHT = '(0|[1-9][0-9]{0,9})';
const PARA_HEIGHT = '(-1|0|[1-9][0-9]{0,9})';
const RANGE = `${HEIGHT}:${HEIGHT}:${PARA_HEIGHT}:${PARA_HEIGHT}`;

type Parse = (numbers: readonly [number, number, number, number]) => BlobKey | undefined;

const FORMS: readonly (readonly [RegExp, Parse])[] = [
  [form(`genesis:${HEIGHT}:pb`), ([paraId]) => ({ kind: 'genesis', paraId })],
  [
    form(`rangeByParentBlock:${HEIGHT}:pb`),
    ([relayHeight]) => ({ kind: 'rangeByParentBlock', relayHeight }),
  ],
  [form(`drySyncHeader:${RANGE}`), (numbers) => rangeKey('drySyncHeader', numbers)],
  [form(`blobRange:${RANGE}:SyncHeaderReq`), (numbers) => rangeKey('blobRange', numbers)],
  [form(`dryParaBlock:${HEIGHT}`), ([number]) => ({ kind: 'dryParaBlock', number })],
  [form(`rangeParaBlock:key:${HEIGHT}`), ([number]) => ({ kind: 'rangeParaBlockKey', number })],
  [
    form(`rangeParaBlock:buffer:${HEIGHT}`),
    ([number]) => ({ kind: 'rangeParaBlockBuffer', number }),
  ],
  [form(`para:${HEIGHT}:pb`), ([number]) => ({ kind: 'para', number })],
  [form(`parent:${HEIGHT}:pb`), ([number]) => ({ kind: 'parent', number })],
];

/**
 * Reads a key as 2022 wrote it, white space around it allowed. Undefined for anything that we do not serve: other kinds,
 * numbers that are padded or above u32, ranges that end before they start.
 */
export function parseBlobKey(key: string): BlobKey | undefined {
  if (key.length > MAX_KEY_CHARACTERS) return undefined;
  const text = key.trim();
  for (const [pattern, parse] of FORMS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const numbers = match.slice(1).map(Number);
    if (numbers.some((number) => number > 0xffff_ffff)) return undefined;
    return parse([numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0, numbers[3] ?? 0]);
  }
  return undefined;
}

/** The text of a key; the reverse of {@link parseBlobKey}. */
export function formatBlobKey(key: BlobKey): string {
  switch (key.kind) {
    case 'genesis':
      return `genesis:${key.paraId}:pb`;
    case 'rangeByParentBlock':
      return `rangeByParentBlock:${key.relayHeight}:pb`;
    case 'drySyncHeader':
      return `drySyncHeader:${formatRange(key)}`;
    case 'blobRange':
      return `blobRange:${formatRange(key)}:SyncHeaderReq`;
    case 'dryParaBlock':
      return `dryParaBlock:${key.number}`;
    case 'rangeParaBlockKey':
      return `rangeParaBlock:key:${key.number}`;
    case 'rangeParaBlockBuffer':
      return `rangeParaBlock:buffer:${key.number}`;
    case 'para':
    case 'parent':
      return `${key.kind}:${key.number}:pb`;
  }
}

function form(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`);
}

function rangeKey(
  kind: 'drySyncHeader' | 'blobRange',
  [relayStart, relayEnd, paraStart, paraEnd]: readonly [number, number, number, number],
): BlobKey | undefined {
  const hasNoPara = paraStart === -1 && paraEnd === -1;
  if (relayEnd < relayStart) return undefined;
  if (!hasNoPara && (paraStart < 0 || paraEnd < paraStart)) return undefined;
  return { kind, relayStart, relayEnd, paraStart, paraEnd };
}

function formatRange({ relayStart, relayEnd, paraStart, paraEnd }: HeadersBlobRange): string {
  return `${relayStart}:${relayEnd}:${paraStart}:${paraEnd}`;
}
