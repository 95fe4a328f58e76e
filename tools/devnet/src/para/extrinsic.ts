import { blake2b256, concatBytes, scale, ScaleError, ScaleReader } from '../primitives/index.js';
import { decodeEra, isValidEra, type Era } from './era.js';
import { BadExtrinsic } from './errors.js';
import { runtimeCodecs } from './runtime-types.js';
import type { MultiAddress, RuntimeCall } from './values.js';
import type { Release } from './release.js';

const SIGNED_V4 = 0x84;
const UNSIGNED_V4 = 0x04;
/** Payloads longer than this are hashed before they are signed. */
const MAX_RAW_PAYLOAD_BYTES = 256;

/** CheckMetadataHash's part of the payload when its mode is Disabled: None. */
const NO_METADATA_HASH = Uint8Array.of(0);

/** Who signed an extrinsic, and the values of its signed extensions. */
export interface ExtrinsicSignature {
  address: MultiAddress;
  signature: { type: 'Ed25519' | 'Sr25519' | 'Ecdsa'; value: Uint8Array };
  era: Era;
  nonce: number;
  tip: bigint;
  /** The signer has put a hash of the metadata into what is signed. */
  wantsMetadataHash: boolean;
  /** SCALE of era, nonce, tip and what else the extensions hold: part of what is signed. */
  extra: Uint8Array;
}

/** A decoded extrinsic of version 4. */
export interface Extrinsic {
  /** With its length prefix. */
  encoded: Uint8Array;
  signed: ExtrinsicSignature | undefined;
  call: RuntimeCall;
  callBytes: Uint8Array;
}

/** Hash by which nodes know an extrinsic. */
export const extrinsicHash = (encoded: Uint8Array): Uint8Array => blake2b256(encoded);

/**
 * Decodes an extrinsic with its length prefix, as a runtime does.
 * @throws BadExtrinsic when the bytes are anything else
 */
export function decodeExtrinsic(encoded: Uint8Array, release: Release): Extrinsic {
  const reader = new ScaleReader(encoded);
  try {
    if (reader.compact() !== reader.remaining) throw new ScaleError('wrong length prefix');
    const version = reader.u8();
    if (version !== SIGNED_V4 && version !== UNSIGNED_V4) {
      throw new ScaleError(`extrinsic version ${version}`);
    }
    const signed = version === SIGNED_V4 ? readSignature(reader, release) : undefined;
    const callAt = reader.position;
    const call = runtimeCodecs.of<RuntimeCall>('RuntimeCall').read(reader);
    reader.end();
    return { encoded, signed, call, callBytes: encoded.slice(callAt) };
  } catch (e) {
    if (e instanceof ScaleError) throw new BadExtrinsic(e.message);
    throw e;
  }
}

function readSignature(reader: ScaleReader, release: Release): ExtrinsicSignature {
  const address = runtimeCodecs.of<MultiAddress>('MultiAddress').read(reader);
  const signature = runtimeCodecs
    .of<ExtrinsicSignature['signature']>('MultiSignature')
    .read(reader);
  const extraAt = reader.position;
  const era = decodeEra(runtimeCodecs.of<Uint8Array>('Era').read(reader));
  if (!isValidEra(era)) throw new ScaleError('no valid era');
  const nonce = reader.compact();
  const tip = runtimeCodecs.of<bigint>('Compact<u128>').read(reader);
  const wantsMetadataHash = release.checksMetadataHash && readMode(reader);
  const extra = reader.input.slice(extraAt, reader.position);
  return { address, signature, era, nonce, tip, wantsMetadataHash, extra };
}

/** CheckMetadataHash's mode: Disabled or Enabled. */
function readMode(reader: ScaleReader): boolean {
  const mode = reader.u8();
  if (mode > 1) throw new ScaleError('no mode of CheckMetadataHash');
  return mode === 1;
}

/** The bytes that the signer signed, given the hashes that only the chain knows. */
export function signedPayload(
  extrinsic: { callBytes: Uint8Array; extra: Uint8Array },
  chain: { genesisHash: Uint8Array; eraHash: Uint8Array; release: Release },
): Uint8Array {
  const { version, checksMetadataHash } = chain.release;
  const payload = concatBytes(
    extrinsic.callBytes,
    extrinsic.extra,
    scale.u32(version.specVersion),
    scale.u32(version.transactionVersion),
    chain.genesisHash,
    chain.eraHash,
    checksMetadataHash ? NO_METADATA_HASH : new Uint8Array(),
  );
  return payload.length > MAX_RAW_PAYLOAD_BYTES ? blake2b256(payload) : payload;
}

/** An unsigned extrinsic of a call, as inherents are. */
export function unsignedExtrinsic(call: RuntimeCall): Uint8Array {
  return scale.bytes(
    concatBytes(Uint8Array.of(UNSIGNED_V4), runtimeCodecs.encode('RuntimeCall', call)),
  );
}
