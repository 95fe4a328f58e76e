import {
  type AuthoritySet,
  encodeAuthoritySet,
  readAuthoritySet,
  readStorageProof,
} from './authorities.js';
import { skipHeader } from './header.js';
import { decodeAll } from './scale-reader.js';
import { compactSize, ScaleWriter, writeCompact } from './scale-writer.js';

/** The trusted start that a worker is initialised with. */
export interface GenesisInfo {
  /** encoded relay header */
  header: Uint8Array;
  /** the authority set in force behind that header */
  authoritySet: AuthoritySet;
  /** trie nodes that prove the authority list under the header's state root */
  proof: Uint8Array[];
}

/** A key and its value in a chain's state. */
export type StoragePair = [key: Uint8Array, value: Uint8Array];

/**
 * GenesisBlockInfo: header, authority set, proof.
 * Source: phala-blockchain 40ffcd1be crates/phactory/api/src/blocks.rs.
 */
export function encodeGenesisInfo(info: GenesisInfo): Uint8Array {
  return new ScaleWriter()
    .raw(info.header)
    .raw(encodeAuthoritySet(info.authoritySet))
    .byteStrings(info.proof)
    .finish();
}

/**
 * The reverse of {@link encodeGenesisInfo}.
 * @throws CodecError
 */
export function decodeGenesisInfo(bytes: Uint8Array): GenesisInfo {
  return decodeAll(bytes, 'genesis info', (reader) => ({
    header: skipHeader(reader).raw,
    authoritySet: readAuthoritySet(reader),
    proof: readStorageProof(reader),
  }));
}

/** StorageState: Vec<(key, value)>, the whole state of para block 0. One allocation, however large it is. */
export function encodeGenesisState(pairs: readonly StoragePair[]): Uint8Array {
  const size = (bytes: Uint8Array): number => compactSize(bytes.length) + bytes.length;
  const length = pairs.reduce<number>(
    (sum, [key, value]) => sum + size(key) + size(value),
    compactSize(pairs.length),
  );
  const out = new Uint8Array(length);
  let position = writeCompact(out, 0, pairs.length);
  for (const pair of pairs) {
    for (const bytes of pair) {
      position = writeCompact(out, position, bytes.length);
      out.set(bytes, position);
      position += bytes.length;
    }
  }
  return out;
}

/**
 * The reverse of {@link encodeGenesisState}; keys and values are views.
 * @throws CodecError
 */
export function decodeGenesisState(bytes: Uint8Array): StoragePair[] {
  return decodeAll(bytes, 'genesis state', (reader) =>
    reader.vec(2, 'pairs', (): StoragePair => [reader.bytes('key'), reader.bytes('value')]),
  );
}
