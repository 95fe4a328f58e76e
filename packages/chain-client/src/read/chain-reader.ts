import { toHex } from '@runtime-bridge/base';
import { ChainClientError, ChainClientErrorCode, hasCode } from '../errors.js';
import type { CallOptions, RpcCaller } from '../rpc/endpoint.js';
import { expectHeaderHash, headerFromJson, type RawHeader } from './header-json.js';
import { asArray, asBytes, asObject, badResponse, type AnswerOf } from './json.js';

/** What nodes say that keep only the newest states. It comes as an unknown block as well, so it is looked for first. */
const STATE_DISCARDED = /state already discarded/i;

/** What nodes say about a block that they do not have. */
const UNKNOWN_BLOCK = /unknown ?block|cannot resolve a block|header was not found|not found in db/i;

/** Reads what both kinds of chain have. Everything comes out as bytes; nothing is proved yet but header hashes. */
export class ChainReader {
  readonly #rpc: RpcCaller;

  constructor(collaborators: { rpc: RpcCaller }) {
    this.#rpc = collaborators.rpc;
  }

  /** The endpoint that is asked. */
  get url(): string {
    return this.#rpc.url;
  }

  /**
   * The hash of the block at a height on the node's best chain.
   * @throws ChainClientError BLOCK_UNKNOWN
   */
  async blockHash(height: number, options?: CallOptions): Promise<Uint8Array> {
    const { value, of } = await this.ask('chain_getBlockHash', [height], options);
    return this.#hashOf(value, height, of);
  }

  /**
   * The hashes of several heights in one call.
   * @throws ChainClientError BLOCK_UNKNOWN when one is not there
   */
  async blockHashes(heights: readonly number[], options?: CallOptions): Promise<Uint8Array[]> {
    const { value, of } = await this.ask('chain_getBlockHash', [heights], options);
    const list = asArray(value, of, 'result');
    if (list.length !== heights.length) throw badResponse(of, 'result.length');
    return list.map((hash, index) => this.#hashOf(hash, heights[index]!, of));
  }

  /**
   * The header with a hash, checked against that hash.
   * @throws ChainClientError BLOCK_UNKNOWN, HEADER_HASH_MISMATCH
   */
  async header(hash: Uint8Array, options?: CallOptions): Promise<RawHeader> {
    const { value, of } = await this.ask('chain_getHeader', [toHex(hash)], options);
    if (value === null || value === undefined) throw this.blockUnknown(toHex(hash), of);
    return expectHeaderHash(headerFromJson(value, of), hash, of);
  }

  /** The header of the newest finalised block. */
  async finalizedHeader(options?: CallOptions): Promise<RawHeader> {
    const { value, of } = await this.ask('chain_getFinalizedHead', [], options);
    return this.header(asBytes(value, of, 'result', 32), options);
  }

  /** A storage value in the state of a block; null when the key is not there. */
  async storage(
    key: Uint8Array,
    at: Uint8Array,
    options?: CallOptions,
  ): Promise<Uint8Array | null> {
    const { value, of } = await this.ask('state_getStorage', [toHex(key), toHex(at)], options);
    return value === null || value === undefined ? null : asBytes(value, of, 'result');
  }

  /** The trie nodes that prove some keys (or that they are not there) in the state of a block. */
  async readProof(
    keys: readonly Uint8Array[],
    at: Uint8Array,
    options?: CallOptions,
  ): Promise<Uint8Array[]> {
    const { value, of } = await this.ask(
      'state_getReadProof',
      [keys.map((key) => toHex(key)), toHex(at)],
      options,
    );
    const { proof } = asObject(value, of, 'result');
    return asArray(proof, of, 'result.proof').map((node) => asBytes(node, of, 'result.proof'));
  }

  /** Asks, and turns the many ways to say so into BLOCK_UNKNOWN or STATE_DISCARDED. */
  protected async ask(
    method: string,
    params: readonly unknown[],
    options?: CallOptions,
  ): Promise<{ value: unknown; of: AnswerOf }> {
    const of = { url: this.#rpc.url, method };
    try {
      return { value: await this.#rpc.call(method, params, options), of };
    } catch (error) {
      if (!hasCode(error, ChainClientErrorCode.RPC_ERROR)) throw error;
      const text = String(error.facts['rpcMessage']);
      const block = String(params.at(-1));
      if (STATE_DISCARDED.test(text)) throw this.#stateDiscarded(block, of, error);
      if (UNKNOWN_BLOCK.test(text)) throw this.blockUnknown(block, of, error);
      throw error;
    }
  }

  /** The BLOCK_UNKNOWN error. */
  protected blockUnknown(block: string | number, of: AnswerOf, cause?: unknown): ChainClientError {
    return new ChainClientError(
      ChainClientErrorCode.BLOCK_UNKNOWN,
      `The node ${of.url} does not know block ${block}`,
      { facts: { endpoint: of.url, method: of.method, block }, cause },
    );
  }

  #stateDiscarded(block: string, of: AnswerOf, cause: unknown): ChainClientError {
    return new ChainClientError(
      ChainClientErrorCode.STATE_DISCARDED,
      `The node ${of.url} has thrown the state of block ${block} away`,
      {
        facts: { endpoint: of.url, method: of.method, block },
        cause,
        remedy: 'Use an archive node (--state-pruning archive, or --pruning archive before 2022)',
      },
    );
  }

  #hashOf(value: unknown, height: number, of: AnswerOf): Uint8Array {
    if (value === null || value === undefined) throw this.blockUnknown(height, of);
    return asBytes(value, of, 'result', 32);
  }
}
