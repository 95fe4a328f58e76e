import { sleep, toHex } from '@runtime-bridge/base';
import { storageChangesFromJson } from '@runtime-bridge/blob-codec';
import { ChainClientErrorCode, hasCode } from '../errors.js';
import type { CallOptions } from '../rpc/endpoint.js';
import { ChainReader } from './chain-reader.js';
import { asArray, asBytes, asObject, badResponse } from './json.js';

/** One key and its value. */
export type StoragePair = [key: Uint8Array, value: Uint8Array];

/** Keys per page where pairs are read in pages; a node allows 1,000. */
const PAGE_KEYS = 1_000;

/** Pages whose values are read at once. */
const VALUES_PER_CALL = 250;

/** An answer above our own limit ends the connection: so long the next one is waited for. */
const RECONNECT_MS = 20_000;
const RECONNECT_STEP_MS = 200;

/** Reads the parachain. */
export class ParaReader extends ChainReader {
  /**
   * The storage changes that a block made, as SCALE StorageChanges. Nodes since 2021-11 answer bytes, which are
   * returned as they are; an older one answers JSON, which is encoded without losing the difference between an empty
   * value and a deleted key.
   * Source: phala-blockchain 654b1b699 crates/phala-node-rpc-ext/src/storage_changes.rs.
   * @throws ChainClientError BLOCK_UNKNOWN, METHOD_UNAVAILABLE when the node has neither method
   */
  async storageChanges(hash: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    try {
      const { value, of } = await this.ask('pha_getStorageChangesAt', [toHex(hash)], options);
      return asBytes(value, of, 'result');
    } catch (error) {
      if (!hasCode(error, ChainClientErrorCode.METHOD_UNAVAILABLE)) throw error;
    }
    const { value, of } = await this.ask(
      'pha_getStorageChanges',
      [toHex(hash), toHex(hash)],
      options,
    );
    const blocks = asArray(value, of, 'result');
    if (blocks.length !== 1) throw badResponse(of, 'result.length');
    try {
      return storageChangesFromJson(blocks[0]);
    } catch (error) {
      throw badResponse(of, 'result', error);
    }
  }

  /**
   * All pairs of the state of a block, without child tries: by `state_getPairs` where the node offers it and its
   * answer fits, else by pages of keys and their values.
   */
  async statePairs(hash: Uint8Array, options?: CallOptions): Promise<StoragePair[]> {
    try {
      const { value, of } = await this.ask('state_getPairs', ['0x', toHex(hash)], options);
      return asArray(value, of, 'result').map((entry) => {
        const [key, data] = asArray(entry, of, 'result');
        return [asBytes(key, of, 'key'), asBytes(data, of, 'value')];
      });
    } catch (error) {
      if (
        !hasCode(error, ChainClientErrorCode.METHOD_UNAVAILABLE) &&
        !hasCode(error, ChainClientErrorCode.RESPONSE_TOO_LARGE)
      ) {
        throw error;
      }
    }
    return this.#pagedPairs(hash, options);
  }

  /** The first page, for which a connection that a larger answer ended may have to be made anew. */
  async #askWhenConnected(method: string, params: readonly unknown[], options?: CallOptions) {
    for (let waitedMs = 0; ; waitedMs += RECONNECT_STEP_MS) {
      try {
        return await this.ask(method, params, options);
      } catch (error) {
        const isLost =
          hasCode(error, ChainClientErrorCode.NOT_CONNECTED) ||
          hasCode(error, ChainClientErrorCode.DISCONNECTED) ||
          // The same message may end calls that were made behind it.
          (hasCode(error, ChainClientErrorCode.RESPONSE_TOO_LARGE) && waitedMs === 0);
        if (!isLost || waitedMs >= RECONNECT_MS) throw error;
        await sleep(RECONNECT_STEP_MS, options?.signal);
      }
    }
  }

  async #pagedPairs(hash: Uint8Array, options?: CallOptions): Promise<StoragePair[]> {
    const at = toHex(hash);
    const pairs: StoragePair[] = [];
    let startKey: string | null = null;
    for (;;) {
      const page = await this.#askWhenConnected(
        'state_getKeysPaged',
        ['0x', PAGE_KEYS, startKey, at],
        options,
      );
      const keys = asArray(page.value, page.of, 'result').map((key) =>
        toHex(asBytes(key, page.of, 'key')),
      );
      for (let from = 0; from < keys.length; from += VALUES_PER_CALL) {
        pairs.push(...(await this.#values(keys.slice(from, from + VALUES_PER_CALL), at, options)));
      }
      const last = keys.at(-1);
      if (last === undefined || keys.length < PAGE_KEYS) return pairs;
      if (last === startKey) throw badResponse(page.of, 'result');
      startKey = last;
    }
  }

  /** Values of some keys; halves the call when its answer is larger than the node sends. */
  async #values(
    keys: readonly string[],
    at: string,
    options?: CallOptions,
  ): Promise<StoragePair[]> {
    try {
      const { value, of } = await this.ask('state_queryStorageAt', [keys, at], options);
      const [set] = asArray(value, of, 'result');
      const changes = asArray(asObject(set, of, 'result')['changes'], of, 'changes');
      if (changes.length !== keys.length) throw badResponse(of, 'changes.length');
      return changes.map((entry) => {
        const [key, data] = asArray(entry, of, 'changes');
        return [asBytes(key, of, 'key'), asBytes(data, of, 'value')];
      });
    } catch (error) {
      if (hasCode(error, ChainClientErrorCode.METHOD_UNAVAILABLE) || keys.length === 1) {
        return this.#singleValues(keys, at, options);
      }
      if (!hasCode(error, ChainClientErrorCode.RESPONSE_TOO_LARGE)) throw error;
      const half = Math.ceil(keys.length / 2);
      return [
        ...(await this.#values(keys.slice(0, half), at, options)),
        ...(await this.#values(keys.slice(half), at, options)),
      ];
    }
  }

  async #singleValues(
    keys: readonly string[],
    at: string,
    options?: CallOptions,
  ): Promise<StoragePair[]> {
    return Promise.all(
      keys.map(async (key): Promise<StoragePair> => {
        const { value, of } = await this.ask('state_getStorage', [key, at], options);
        return [asBytes(key, of, 'key'), asBytes(value, of, 'value')];
      }),
    );
  }
}
