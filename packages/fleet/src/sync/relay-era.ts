import { concatBytes } from '@runtime-bridge/base';
import { compactLength, encodeAuthorityList, type GenesisInfo } from '@runtime-bridge/blob-codec';

/**
 * Where a relay chain keeps its GRANDPA authorities: `old` under `:grandpa_authorities`, `new` under Grandpa.Authorities
 * alone; `unknown` when the genesis does not show it.
 */
export type RelayEra = 'old' | 'new' | 'unknown';

/** `:grandpa_authorities` holds a version before the list (paritytech/substrate, fg_primitives::VersionedAuthorityList). */
const LIST_VERSION = Uint8Array.of(1);

/**
 * Tells the era by the value that the genesis proof shows, which is the list with or without its version: in a trie node
 * behind its length, or as a node of its own in state version 1. Whether the proof is right was the data provider's to check.
 */
export function relayEraOf({ authoritySet, proof }: GenesisInfo): RelayEra {
  const list = encodeAuthorityList(authoritySet.authorities);
  if (shows(proof, concatBytes([LIST_VERSION, list]))) return 'old';
  return shows(proof, list) ? 'new' : 'unknown';
}

function shows(nodes: readonly Uint8Array[], value: Uint8Array): boolean {
  const whole = Buffer.from(value);
  const inline = Buffer.concat([compactLength(value.length), whole]);
  return nodes.some((node) => whole.equals(node) || Buffer.from(node).includes(inline));
}
