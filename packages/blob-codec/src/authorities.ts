import { decodeAll, type ScaleReader } from './scale-reader.js';
import { expectLength, ScaleWriter } from './scale-writer.js';

/** One GRANDPA voter. */
export interface Authority {
  /** ed25519 public key, 32 bytes */
  id: Uint8Array;
  weight: bigint;
}

/** The GRANDPA voters in force and the number of their set. */
export interface AuthoritySet {
  authorities: Authority[];
  setId: bigint;
}

/** The next authority set and the storage proof of its list. */
export interface AuthoritySetChange {
  authoritySet: AuthoritySet;
  /** trie nodes, in any order */
  proof: Uint8Array[];
}

const AUTHORITY_BYTES = 32 + 8;

/** The only version of the value of `:grandpa_authorities` there ever was. */
const AUTHORITY_LIST_VERSION = 1;

/** AuthorityList: Vec<(id 32, weight u64)>, the value of `Grandpa.Authorities`. */
export function encodeAuthorityList(authorities: readonly Authority[]): Uint8Array {
  const writer = new ScaleWriter().compact(authorities.length);
  for (const { id, weight } of authorities) {
    writer.raw(expectLength(id, 32, 'authority.id')).u64(weight);
  }
  return writer.finish();
}

/** Reads an AuthorityList. */
export function readAuthorityList(reader: ScaleReader): Authority[] {
  return reader.vec(AUTHORITY_BYTES, 'authorities', () => ({
    id: reader.take(32, 'authority.id'),
    weight: reader.u64('authority.weight'),
  }));
}

/** Decodes an AuthorityList that fills `bytes`. */
export function decodeAuthorityList(bytes: Uint8Array): Authority[] {
  return decodeAll(bytes, 'authority list', readAuthorityList);
}

/** The value of `:grandpa_authorities`: a version byte 1, then the AuthorityList. */
export function encodeVersionedAuthorityList(authorities: readonly Authority[]): Uint8Array {
  return new ScaleWriter()
    .u8(AUTHORITY_LIST_VERSION)
    .raw(encodeAuthorityList(authorities))
    .finish();
}

/** Decodes the value of `:grandpa_authorities`. */
export function decodeVersionedAuthorityList(bytes: Uint8Array): Authority[] {
  return decodeAll(bytes, 'versioned authority list', (reader) => {
    const version = reader.u8('version');
    if (version !== AUTHORITY_LIST_VERSION) throw reader.badValue('version', version);
    return readAuthorityList(reader);
  });
}

/** AuthoritySet: the list, then the set id as u64. */
export function encodeAuthoritySet(set: AuthoritySet): Uint8Array {
  return new ScaleWriter().raw(encodeAuthorityList(set.authorities)).u64(set.setId).finish();
}

/** Reads an AuthoritySet. */
export function readAuthoritySet(reader: ScaleReader): AuthoritySet {
  return { authorities: readAuthorityList(reader), setId: reader.u64('setId') };
}

/** Decodes an AuthoritySet that fills `bytes`. */
export function decodeAuthoritySet(bytes: Uint8Array): AuthoritySet {
  return decodeAll(bytes, 'authority set', readAuthoritySet);
}

/** AuthoritySetChange without an Option byte: the set, then Vec<Vec<u8>> of trie nodes. */
export function encodeAuthoritySetChange(change: AuthoritySetChange): Uint8Array {
  return new ScaleWriter()
    .raw(encodeAuthoritySet(change.authoritySet))
    .byteStrings(change.proof)
    .finish();
}

/** Reads an AuthoritySetChange. */
export function readAuthoritySetChange(reader: ScaleReader): AuthoritySetChange {
  return { authoritySet: readAuthoritySet(reader), proof: readStorageProof(reader) };
}

/** Decodes an AuthoritySetChange (without Option byte) that fills `bytes`. */
export function decodeAuthoritySetChange(bytes: Uint8Array): AuthoritySetChange {
  return decodeAll(bytes, 'authority set change', readAuthoritySetChange);
}

/** Reads a StorageProof: Vec<Vec<u8>> of trie nodes. */
export function readStorageProof(reader: ScaleReader): Uint8Array[] {
  return reader.vec(1, 'proof', () => reader.bytes('proof.node'));
}

/** Vec<Vec<u8>> of trie nodes. */
export function encodeStorageProof(nodes: readonly Uint8Array[]): Uint8Array {
  return new ScaleWriter().byteStrings(nodes).finish();
}

/** Decodes a StorageProof that fills `bytes`. */
export function decodeStorageProof(bytes: Uint8Array): Uint8Array[] {
  return decodeAll(bytes, 'storage proof', readStorageProof);
}
