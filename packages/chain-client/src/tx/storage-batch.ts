import type { Hex } from '@runtime-bridge/base';
import type { CallOptions } from '../rpc/endpoint.js';
import { TxError, TxErrorCode } from './errors.js';
import type { ParaApi } from './para-api.js';

/** Keys in one call: an answer of session infos then stays far below the 15 MiB that nodes allow. */
const MAX_KEYS_PER_CALL = 4_000;

/**
 * Reads many storage values as of one block.
 * @returns the raw values by key; keys without a value are missing
 * @throws ChainClientError; TxError BAD_ANSWER
 */
export async function readStorage(
  para: Pick<ParaApi, 'call'>,
  keys: readonly Hex[],
  at: Hex,
  options: CallOptions = {},
): Promise<Map<Hex, Hex>> {
  const values = new Map<Hex, Hex>();
  const calls: Promise<void>[] = [];
  for (let from = 0; from < keys.length; from += MAX_KEYS_PER_CALL) {
    calls.push(readChunk(para, keys.slice(from, from + MAX_KEYS_PER_CALL), at, values, options));
  }
  await Promise.all(calls);
  return values;
}

async function readChunk(
  para: Pick<ParaApi, 'call'>,
  keys: readonly Hex[],
  at: Hex,
  values: Map<Hex, Hex>,
  options: CallOptions,
): Promise<void> {
  const answer = await para.call('state_queryStorageAt', [keys, at], options);
  const sets: unknown = answer;
  if (!Array.isArray(sets)) throw badAnswer();
  for (const set of sets as unknown[]) {
    const changes = (set as { changes?: unknown } | null)?.changes;
    if (!Array.isArray(changes)) throw badAnswer();
    for (const change of changes as unknown[]) {
      if (!Array.isArray(change)) throw badAnswer();
      const [key, value] = change as unknown[];
      if (typeof key === 'string' && typeof value === 'string')
        values.set(key as Hex, value as Hex);
    }
  }
}

function badAnswer(): TxError {
  return new TxError(
    TxErrorCode.BAD_ANSWER,
    'The node answered a storage query with something else',
    {
      facts: { method: 'state_queryStorageAt' },
    },
  );
}
