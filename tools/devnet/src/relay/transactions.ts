import { concatBytes } from '../primitives/bytes.js';
import { blake2b256, blake2b128Concat, twox64Concat } from '../primitives/hash.js';
import { ScaleError, ScaleReader, u128, u32 } from '../primitives/scale.js';
import { storageMapKey } from '../primitives/storage-key.js';
import type { KeyChange, Trie } from '../primitives/trie.js';
import type { StateReader } from '../metadata/storage-item.js';
import { decodeEra, eraBirth, eraDeath, isValidEra, type Era } from '../para/era.js';
import { BadExtrinsic, InvalidTransaction } from '../para/errors.js';
import { nonceTag, type TxValidity } from '../para/signed-checks.js';
import { verifyEd25519, verifySr25519 } from '../para/signature.js';
import type { RuntimeVersionJson } from '../chain/types.js';
import { RelayPallet } from './pallets.js';

const SIGNED_V4 = 0x84;
/** Payloads longer than this are hashed before they are signed. */
const MAX_RAW_PAYLOAD_BYTES = 256;
/** Bytes that the transactions of one block may fill; Kusama's limit of normal extrinsics. */
const MAX_BLOCK_BYTES = 3_932_160;

/** A signed remark, decoded. */
interface Remark {
  who: Uint8Array;
  signature: { kind: number; bytes: Uint8Array };
  era: Era;
  nonce: number;
  tip: bigint;
  extra: Uint8Array;
  call: Uint8Array;
  remark: Uint8Array;
  withEvent: boolean;
}

const accountKey = (who: Uint8Array): Uint8Array =>
  storageMapKey('System', 'Account', blake2b128Concat(who));
const blockHashKey = (number: number): Uint8Array =>
  storageMapKey('System', 'BlockHash', twox64Concat(u32(number)));

/** The next nonce of an account on the relay chain. */
export function relayNonce(state: StateReader, who: Uint8Array): number {
  const info = state.get(accountKey(who));
  return info === undefined ? 0 : new ScaleReader(info).u32();
}

/** One transaction that is in a block: what it changes and the event it has of its own. */
export interface AppliedRemark {
  who: Uint8Array;
  nonce: number;
  /** blake2-256 of the remark, when an event tells it. */
  eventHash: Uint8Array | undefined;
}

/**
 * Transactions of the relay chain: `system.remark` and `system.remark_with_event`, signed, with nonce and era,
 * and free of charge, as accounts here hold nothing.
 */
export class RelayTransactions {
  constructor(private readonly version: RuntimeVersionJson) {}

  /**
   * May the pool take this extrinsic? `at` is the best block, whose state is given.
   *
   * @throws BadExtrinsic for bytes that are none, or another call
   * @throws InvalidTransaction when it can never be applied from here
   */
  validate(
    extrinsic: Uint8Array,
    state: StateReader,
    at: { number: number; hash: Uint8Array },
  ): TxValidity {
    const decoded = decode(extrinsic);
    this.checkSignature(decoded, state, at);
    const expected = relayNonce(state, decoded.who);
    if (decoded.nonce < expected) throw new InvalidTransaction('Stale');
    return {
      priority: decoded.tip,
      requires: decoded.nonce > expected ? [nonceTag(decoded.who, decoded.nonce - 1)] : [],
      provides: [nonceTag(decoded.who, decoded.nonce)],
      longevity: eraDeath(decoded.era, at.number + 1) - at.number - 1,
    };
  }

  /** Those of a list that fit into the block on top of `parent`, in order, each applied to what came before. */
  select(
    candidates: readonly Uint8Array[],
    state: Trie,
    parent: { number: number; hash: Uint8Array },
  ): { extrinsics: Uint8Array[]; applied: AppliedRemark[]; changes: KeyChange[] } {
    const nonces = new Map<string, { who: Uint8Array; next: number }>();
    const extrinsics: Uint8Array[] = [];
    const applied: AppliedRemark[] = [];
    let bytes = 0;
    for (const candidate of candidates) {
      const remark = this.tryDecode(candidate, state, parent);
      if (remark === undefined || bytes + candidate.length > MAX_BLOCK_BYTES) continue;
      const name = Buffer.from(remark.who).toString('latin1');
      const expected = nonces.get(name)?.next ?? relayNonce(state, remark.who);
      if (remark.nonce !== expected) continue;
      nonces.set(name, { who: remark.who, next: expected + 1 });
      bytes += candidate.length;
      extrinsics.push(candidate);
      applied.push({
        who: remark.who,
        nonce: remark.nonce,
        eventHash: remark.withEvent ? blake2b256(remark.remark) : undefined,
      });
    }
    const changes = [...nonces.values()].map(({ who, next }): KeyChange => [
      accountKey(who),
      accountInfo(next),
    ]);
    return { extrinsics, applied, changes };
  }

  private tryDecode(
    extrinsic: Uint8Array,
    state: StateReader,
    at: { number: number; hash: Uint8Array },
  ): Remark | undefined {
    try {
      const decoded = decode(extrinsic);
      this.checkSignature(decoded, state, at);
      return decoded;
    } catch (error) {
      if (error instanceof InvalidTransaction || error instanceof BadExtrinsic) return undefined;
      throw error;
    }
  }

  private checkSignature(
    { who, signature, era, extra, call }: Remark,
    state: StateReader,
    at: { number: number; hash: Uint8Array },
  ): void {
    const hashOf = (number: number) =>
      number === at.number ? at.hash : state.get(blockHashKey(number));
    const birthHash = hashOf(eraBirth(era, at.number + 1));
    const genesisHash = hashOf(0);
    if (birthHash === undefined || genesisHash === undefined) {
      throw new InvalidTransaction('AncientBirthBlock');
    }
    const { specVersion, transactionVersion } = this.version;
    const versions = concatBytes(u32(specVersion), u32(transactionVersion));
    const payload = concatBytes(call, extra, versions, genesisHash, birthHash);
    const signed = payload.length > MAX_RAW_PAYLOAD_BYTES ? blake2b256(payload) : payload;
    const isGood =
      signature.kind === 1
        ? verifySr25519(signed, signature.bytes, who)
        : verifyEd25519(signed, signature.bytes, who);
    if (!isGood) throw new InvalidTransaction('BadProof');
  }
}

function accountInfo(nonce: number): Uint8Array {
  const [consumers, providers, sufficients] = [0, 1, 0];
  const data = concatBytes(u128(0n), u128(0n), u128(0n), u128(0n));
  return concatBytes(u32(nonce), u32(consumers), u32(providers), u32(sufficients), data);
}

function decode(encoded: Uint8Array): Remark {
  const reader = new ScaleReader(encoded);
  try {
    if (reader.compact() !== reader.remaining) throw new ScaleError('wrong length prefix');
    if (reader.u8() !== SIGNED_V4) throw new ScaleError('not a signed extrinsic of version 4');
    if (reader.u8() !== 0) throw new ScaleError('the signer is not named by its account id');
    const who = reader.take(32);
    const kind = reader.u8();
    if (kind > 1) throw new ScaleError('neither an ed25519 nor an sr25519 signature');
    const bytes = reader.take(64);
    const extraAt = reader.position;
    const era = readEra(reader);
    const nonce = reader.compact();
    const tip = reader.compactBig();
    const extra = encoded.slice(extraAt, reader.position);
    const callAt = reader.position;
    const { index, call } = RelayPallet.system;
    const [pallet, method] = [reader.u8(), reader.u8()];
    if (pallet !== index || (method !== call.remark && method !== call.remarkWithEvent)) {
      throw new ScaleError('this relay chain takes remarks only');
    }
    const remark = reader.bytes();
    reader.end();
    const withEvent = method === call.remarkWithEvent;
    const signature = { kind, bytes };
    return {
      who,
      signature,
      era,
      nonce,
      tip,
      extra,
      call: encoded.slice(callAt),
      remark,
      withEvent,
    };
  } catch (error) {
    if (error instanceof ScaleError) throw new BadExtrinsic(error.message);
    throw error;
  }
}

/** One byte for ever, two for a while. */
function readEra(reader: ScaleReader): Era {
  const first = reader.u8();
  const era = decodeEra(first === 0 ? Uint8Array.of(0) : Uint8Array.of(first, reader.u8()));
  if (!isValidEra(era)) throw new ScaleError('no valid era');
  return era;
}
