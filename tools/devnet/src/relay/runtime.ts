import type { ChainRuntime, RuntimeVersionJson } from '../chain/types.js';
import { concatBytes, fromHex, type Hex } from '../primitives/bytes.js';
import { bytes, compact, option, text, u128, u32, u64, u8, vec } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import type { StateVersion, Trie } from '../primitives/trie.js';
import type { RelayEra } from './state.js';
import { relayNonce } from './transactions.js';

/** The relay chain's runtime as far as the RPC can ask it. */
export class RelayRuntime implements ChainRuntime {
  readonly metadata: Uint8Array;
  readonly version: RuntimeVersionJson;
  private readonly era: RelayEra;

  constructor(options: { era: RelayEra; metadata: Uint8Array; stateVersion: StateVersion }) {
    this.era = options.era;
    this.metadata = options.metadata;
    this.version = {
      specName: 'kusama',
      implName: 'runtime-bridge-devnet',
      authoringVersion: 2,
      specVersion: options.era === 'old' ? 9430 : 1_002_000,
      implVersion: 0,
      apis: APIS,
      transactionVersion: 22,
      stateVersion: options.stateVersion,
    };
  }

  call(method: string, args: Uint8Array, state: Trie): Uint8Array {
    switch (method) {
      case 'Core_version':
        return encodeVersion(this.version);
      case 'Metadata_metadata':
        return bytes(this.metadata);
      case 'GrandpaApi_current_set_id':
        return state.get(RelayKey.grandpaCurrentSetId) ?? u64(0);
      case 'GrandpaApi_grandpa_authorities':
        return this.era === 'old'
          ? (state.get(RelayKey.grandpaAuthoritiesOld)?.subarray(1) ?? vec([]))
          : (state.get(RelayKey.grandpaAuthorities) ?? vec([]));
      case 'AccountNonceApi_account_nonce':
        return u32(relayNonce(state, args));
      // Remarks are all that is accepted, and they cost nothing.
      case 'TransactionPaymentApi_query_info':
        return concatBytes(compact(0), compact(0), u8(0), u128(0n));
      case 'TransactionPaymentApi_query_fee_details':
        return concatBytes(option(undefined), u128(0n));
      default:
        throw new Error(`Exported method ${method} is not found`);
    }
  }
}

/** Runtime API ids (blake2b with 64 bits of output, of the API's name) and versions. */
const APIS: [Hex, number][] = [
  ['0xdf6acb689907609b', 4], // Core
  ['0x37e397fc7c91f5e4', 1], // Metadata
  ['0xed99c5acb25eedf5', 3], // GrandpaApi
  ['0xbc9d89904f5b923f', 1], // AccountNonceApi
  ['0x37c8bb1350a9a2a8', 4], // TransactionPaymentApi
];

function encodeVersion(version: RuntimeVersionJson): Uint8Array {
  return concatBytes(
    text(version.specName),
    text(version.implName),
    u32(version.authoringVersion),
    u32(version.specVersion),
    u32(version.implVersion),
    vec(version.apis.map(([id, v]) => concatBytes(fromHex(id), u32(v)))),
    u32(version.transactionVersion),
    u8(version.stateVersion),
  );
}
