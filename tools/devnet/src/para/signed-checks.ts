import { blake2b256, concatBytes, scale } from '../primitives/index.js';
import type { BlockRun } from './block-run.js';
import { callWeight } from './block-run.js';
import { eraBirth, eraDeath } from './era.js';
import { InvalidTransaction } from './errors.js';
import { signedPayload, type Extrinsic, type ExtrinsicSignature } from './extrinsic.js';
import { messageTag, offchainIngress } from './pallets/mq.js';
import { account, blockHash, MAX_BLOCK_REF_TIME, MAX_NORMAL_LENGTH } from './pallets/system.js';
import { canPay, inclusionFee, totalFee } from './pallets/transaction-payment.js';
import { verifyEd25519, verifySr25519 } from './signature.js';
import type { AccountId, SignedMessage, Weight } from './values.js';

const MAX_EXTRINSIC_REF_TIME = 349_886_362_000n;
const MAX_PROOF_SIZE = 5_242_880n;
const MAX_U64 = (1n << 64n) - 1n;

/** A transaction that may go into the pool; `sp_runtime::ValidTransaction`. */
export interface TxValidity {
  priority: bigint;
  requires: Uint8Array[];
  provides: Uint8Array[];
  /** Blocks for which this holds, counted from the block it was found at; Infinity for ever. */
  longevity: number;
}

/** An extrinsic whose signature is good. */
export interface CheckedExtrinsic {
  extrinsic: Extrinsic;
  signed: ExtrinsicSignature;
  who: AccountId;
  weight: Weight;
  /** Picopha, tip included. */
  fee: bigint;
}

/** Remembers good signatures: the pool and then the block would check each twice or more. */
export class SignatureCache {
  private readonly good = new Set<string>();

  constructor(private readonly maxItems = 10_000) {}

  verify(payload: Uint8Array, signature: ExtrinsicSignature['signature'], who: AccountId): boolean {
    const key = Buffer.from(blake2b256(concatBytes(payload, signature.value, who))).toString(
      'latin1',
    );
    if (this.good.has(key)) return true;
    const isGood =
      signature.type === 'Sr25519'
        ? verifySr25519(payload, signature.value, who)
        : signature.type === 'Ed25519' && verifyEd25519(payload, signature.value, who);
    if (!isGood) return false;
    if (this.good.size >= this.maxItems) this.good.clear();
    this.good.add(key);
    return true;
  }
}

/** Tag of a transaction's place among its account's: account, then nonce. */
export const nonceTag = (who: AccountId, nonce: number): Uint8Array =>
  concatBytes(who, scale.u32(nonce));

/**
 * Checks who sent an extrinsic: address, era and signature, with the versions and hashes in it.
 * @throws InvalidTransaction
 */
export function checkSender(
  run: BlockRun,
  extrinsic: Extrinsic,
  signatures: SignatureCache,
): CheckedExtrinsic {
  const { signed } = extrinsic;
  if (!signed) throw new InvalidTransaction('NoUnsignedValidator');
  if (signed.address.type !== 'Id') throw new InvalidTransaction('CannotLookup');
  // Built without the hash of its metadata, a runtime cannot tell whether the signer's is right.
  if (signed.wantsMetadataHash) throw new InvalidTransaction('CannotLookup');
  const who = signed.address.value;
  const birth = eraBirth(signed.era, run.number);
  const eraHash = blockHash.get(run.state, birth);
  if (!run.state.get(blockHash.keyOf(birth))) throw new InvalidTransaction('AncientBirthBlock');
  const genesisHash = blockHash.get(run.state, 0);
  const payload = signedPayload(
    { callBytes: extrinsic.callBytes, extra: signed.extra },
    { genesisHash, eraHash, release: run.release },
  );
  if (!signatures.verify(payload, signed.signature, who)) throw new InvalidTransaction('BadProof');
  if (who.every((byte) => byte === 0)) throw new InvalidTransaction('BadSigner');
  const weight = callWeight(extrinsic.call);
  const fee = totalFee(inclusionFee(extrinsic.encoded.length, weight)) + signed.tip;
  return { extrinsic, signed, who, weight, fee };
}

/** Fits the extrinsic into any block at all? @throws InvalidTransaction ExhaustsResources */
export function checkSize({ extrinsic, weight }: CheckedExtrinsic): void {
  if (weight.refTime > MAX_EXTRINSIC_REF_TIME || extrinsic.encoded.length > MAX_NORMAL_LENGTH) {
    throw new InvalidTransaction('ExhaustsResources');
  }
}

/** The message in the outermost call, if that is what the call is. */
function syncedMessage({ extrinsic }: CheckedExtrinsic): SignedMessage | undefined {
  const { call } = extrinsic;
  if (call.type !== 'PhalaMq' || call.value.type !== 'sync_offchain_message') return undefined;
  return call.value['signedMessage'] as SignedMessage;
}

/** What the pool wants to know. @throws InvalidTransaction */
export function poolValidity(run: BlockRun, checked: CheckedExtrinsic): TxValidity {
  const { signed, who } = checked;
  checkSize(checked);
  const validity: TxValidity = {
    priority: priorityOf(checked),
    requires: [],
    provides: [nonceTag(who, signed.nonce)],
    longevity: eraDeath(signed.era, run.number) - run.number,
  };
  const expected = account.get(run.state, who).nonce;
  if (signed.nonce < expected) throw new InvalidTransaction('Stale');
  if (signed.nonce > expected) validity.requires.push(nonceTag(who, signed.nonce - 1));
  const synced = syncedMessage(checked);
  if (synced) {
    const { sender } = synced.message;
    const next = offchainIngress.get(run.state, sender) ?? 0n;
    if (synced.sequence < next) throw new InvalidTransaction('Stale');
    validity.provides.push(messageTag(sender, synced.sequence));
    if (synced.sequence > next) validity.requires.push(messageTag(sender, synced.sequence - 1n));
  }
  if (!canPay(run, who, checked.fee)) throw new InvalidTransaction('Payment');
  return validity;
}

/** What a block demands right before it runs the call. @throws InvalidTransaction */
export function checkBeforeDispatch(run: BlockRun, checked: CheckedExtrinsic): void {
  const { signed, who } = checked;
  checkSize(checked);
  const expected = account.get(run.state, who).nonce;
  if (signed.nonce !== expected) {
    throw new InvalidTransaction(signed.nonce < expected ? 'Stale' : 'Future');
  }
  const synced = syncedMessage(checked);
  if (synced) {
    const next = offchainIngress.get(run.state, synced.message.sender) ?? 0n;
    if (synced.sequence !== next) {
      throw new InvalidTransaction(synced.sequence < next ? 'Stale' : 'Future');
    }
  }
}

/**
 * Priority in the pool: the tip, times how many such transactions a block could hold.
 * Source: polkadot-sdk pallet-transaction-payment, ChargeTransactionPayment::get_priority.
 */
function priorityOf({ extrinsic, signed, weight }: CheckedExtrinsic): bigint {
  const atLeastOne = (n: bigint): bigint => (n > 0n ? n : 1n);
  const byTime = MAX_BLOCK_REF_TIME / atLeastOne(weight.refTime);
  const byProof = MAX_PROOF_SIZE / atLeastOne(weight.proofSize);
  const byLength = BigInt(Math.floor(MAX_NORMAL_LENGTH / extrinsic.encoded.length));
  const perBlock = atLeastOne([byTime, byProof, byLength].reduce((a, b) => (a < b ? a : b)));
  const priority = (signed.tip + 1n) * perBlock;
  return priority > MAX_U64 ? MAX_U64 : priority;
}
