import { Codecs } from './codec.js';
import { palletType, type PalletDecl } from './pallet.js';
import { PortableTypes } from './portable.js';
import { ScaleWriter } from './scale-writer.js';
import type { StorageDecl } from './storage-item.js';
import type { TypeTable } from './type-lang.js';

/** A signed extension: its identifier, what it adds to the extrinsic, and what to the payload. */
export interface SignedExtensionDecl {
  readonly identifier: string;
  readonly type: string;
  readonly additionalSigned: string;
}

/** Everything that metadata is made of. */
export interface MetadataParts {
  table: TypeTable;
  pallets: readonly PalletDecl[];
  extrinsic: { type: string; version: number; signedExtensions: readonly SignedExtensionDecl[] };
  /** Type of the runtime itself. */
  runtimeType: string;
}

/** Order of `frame_metadata::v14::StorageHasher`. */
const HASHER_INDEX = { Blake2_128Concat: 2, Twox64Concat: 5 } as const;

/**
 * Encodes metadata V14, magic number included.
 * Source: paritytech/frame-metadata frame-metadata/src/v14.rs.
 */
export function encodeMetadataV14(parts: MetadataParts): Uint8Array {
  const codecs = new Codecs(parts.table);
  const types = new PortableTypes(parts.table);
  const body = new ScaleWriter();
  body.compact(parts.pallets.length);
  for (const pallet of parts.pallets) writePallet(body, pallet, types, codecs);
  body.compact(types.id(parts.extrinsic.type));
  body.u8(parts.extrinsic.version);
  body.compact(parts.extrinsic.signedExtensions.length);
  for (const extension of parts.extrinsic.signedExtensions) {
    body.text(extension.identifier);
    body.compact(types.id(extension.type));
    body.compact(types.id(extension.additionalSigned));
  }
  body.compact(types.id(parts.runtimeType));
  const to = new ScaleWriter();
  to.raw(new TextEncoder().encode('meta'));
  to.u8(14);
  to.raw(types.encode());
  to.raw(body.finish());
  return to.finish();
}

function writePallet(
  to: ScaleWriter,
  pallet: PalletDecl,
  types: PortableTypes,
  codecs: Codecs,
): void {
  const { name } = pallet;
  to.text(name);
  to.u8(pallet.storage ? 1 : 0);
  if (pallet.storage) {
    to.text(name);
    to.compact(pallet.storage.length);
    for (const item of pallet.storage) writeStorage(to, item, types);
  }
  writeOptionalType(to, types, pallet.calls && palletType.call(name));
  writeOptionalType(to, types, pallet.events && palletType.event(name));
  const constants = Object.entries(pallet.constants ?? {});
  to.compact(constants.length);
  for (const [constant, [type, value]] of constants) {
    to.text(constant);
    to.compact(types.id(type));
    to.bytes(codecs.encode(type, value));
    to.compact(0);
  }
  writeOptionalType(to, types, pallet.errors && palletType.error(name));
  to.u8(pallet.index);
}

function writeStorage(to: ScaleWriter, item: StorageDecl, types: PortableTypes): void {
  to.text(item.name);
  to.u8(item.modifier === 'Default' ? 1 : 0);
  if (item.map === undefined) {
    to.u8(0);
  } else {
    to.u8(1);
    to.compact(item.map.hashers.length);
    for (const hasher of item.map.hashers) to.u8(HASHER_INDEX[hasher]);
    to.compact(types.id(item.map.key));
  }
  to.compact(types.id(item.value));
  to.bytes(item.fallback());
  to.compact(0);
}

function writeOptionalType(to: ScaleWriter, types: PortableTypes, name: string | undefined): void {
  to.u8(name === undefined ? 0 : 1);
  if (name !== undefined) to.compact(types.id(name));
}
