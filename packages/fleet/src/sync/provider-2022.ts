import { fromBinary } from '@bufbuild/protobuf';
import {
  composeCombinedHeaders,
  decodeStorageProof,
  formatBlobKey,
} from '@runtime-bridge/blob-codec';
import {
  ParaBlockSchema,
  ParentBlockSchema,
  RangeMetaSchema,
  type RangeMeta,
} from '@runtime-bridge/walkie-protocol/schema';

import type { Fetched } from './blob-fetcher.js';

// What a data provider of 2022 does not do for its workers: it has only the blobs that it wrote, each known by the first
// relay block of its range (Phala-Network/runtime-bridge 80fde2c src/data_provider/{blob.js,make_blob.ts}).

/** Asks for a blob; undefined when nobody has it. */
export type GetBlob = (key: string) => Promise<Fetched | undefined>;

/** Farther back no range begins that is looked for: on Kusama the longest run without a justification is below 600. */
const MAX_BACK_BLOCKS = 2_400;
/** Keys asked for at once. */
const CHUNK = 32;
/** Para headers that are put together in one blob. */
const MAX_PARA_HEADERS = 256;

/**
 * The range that a relay block lies within, for a worker that stands inside of it: pRuntime from 0.2.4 on drops the headers
 * that it has.
 * @param get asks for a key
 * @param relay a block that no range begins with
 * @returns undefined when no range holds it yet
 */
export async function enclosingRange(
  get: GetBlob,
  relay: number,
): Promise<{ meta: RangeMeta; key: string; from: string } | undefined> {
  const lowest = Math.max(0, relay - MAX_BACK_BLOCKS);
  for (let high = relay - 1; high >= lowest; high -= CHUNK) {
    const heights = Array.from(
      { length: Math.min(CHUNK, high - lowest + 1) },
      (_, at) => high - at,
    );
    const found = await Promise.all(
      heights.map(async (relayHeight) => {
        const key = formatBlobKey({ kind: 'rangeByParentBlock', relayHeight });
        const fetched = await get(key);
        return fetched && { key, fetched };
      }),
    );
    const nearest = found.find((one) => one !== undefined);
    if (!nearest) continue;
    const { key, fetched } = nearest;
    const meta = fromBinary(RangeMetaSchema, fetched.bytes);
    const end = Math.max(meta.parentStopBlock, meta.blobParentStopBlock);
    return end >= relay ? { meta, key, from: fetched.from } : undefined;
  }
  return undefined;
}

/**
 * Para headers under one relay header, put together from the rows that a provider made its own blobs of.
 * @returns a headers blob without relay headers; undefined when a row is missing, or there are more than one blob should hold
 */
export async function paraHeadersUnder(
  get: GetBlob,
  relay: number,
  para: { first: number; last: number },
): Promise<{ bytes: Uint8Array; from: string } | undefined> {
  const count = para.last - para.first + 1;
  if (count < 1 || count > MAX_PARA_HEADERS) return undefined;
  const parent = await get(formatBlobKey({ kind: 'parent', number: relay }));
  if (!parent) return undefined;
  const rows = await Promise.all(
    Array.from({ length: count }, (_, at) =>
      get(formatBlobKey({ kind: 'para', number: para.first + at })),
    ),
  );
  const paraHeaders = rows.flatMap((row) =>
    row ? [fromBinary(ParaBlockSchema, row.bytes).header] : [],
  );
  if (paraHeaders.length < count) return undefined;
  const proof = decodeStorageProof(fromBinary(ParentBlockSchema, parent.bytes).paraProof);
  const bytes = composeCombinedHeaders({ relayHeaders: [], paraHeaders, proof });
  return { bytes, from: parent.from };
}
