import type { StateReader } from '../metadata/storage-item.js';
import { concatBytes, scale, ScaleReader } from '../primitives/index.js';
import { callWeight, isMandatory } from './block-run.js';
import { INVALID_TRANSACTION, InvalidTransaction, UNKNOWN_TRANSACTION } from './errors.js';
import { decodeExtrinsic } from './extrinsic.js';
import { account, blockNumber } from './pallets/system.js';
import {
  inclusionFee,
  lengthToFee,
  totalFee,
  weightToFee,
  type InclusionFee,
} from './pallets/transaction-payment.js';
import { runtimeCodecs } from './runtime-types.js';
import type { TxValidity } from './signed-checks.js';
import type { Weight } from './values.js';
import { releaseIn, versionValue } from './release.js';

/** What the API needs of the runtime. */
export interface ApiHost {
  readonly metadata: Uint8Array;
  validate(
    extrinsic: Uint8Array,
    state: StateReader,
    at: { number: number; hash: Uint8Array },
  ): TxValidity;
}

const MAX_U64 = (1n << 64n) - 1n;
const NORMAL_CLASS = 0;
const MANDATORY_CLASS = 2;

type Method = (args: ScaleReader, state: StateReader, host: ApiHost) => Uint8Array;

const METHODS: Readonly<Record<string, Method>> = {
  Core_version: (_args, state) =>
    runtimeCodecs.encode('RuntimeVersion', versionValue(releaseIn(state))),
  Metadata_metadata: (_args, _state, host) => scale.bytes(host.metadata),
  Metadata_metadata_versions: () => scale.vec([scale.u32(14)]),
  Metadata_metadata_at_version: (args, _state, host) =>
    scale.option(args.u32() === 14 ? scale.bytes(host.metadata) : undefined),
  AccountNonceApi_account_nonce: (args, state) =>
    scale.u32(account.get(state, args.take(32)).nonce),
  TransactionPaymentApi_query_info: (args, state) => {
    const { weight, fee, isFree } = costOf(args, state);
    return concatBytes(
      encodeWeight(weight),
      scale.u8(isFree ? MANDATORY_CLASS : NORMAL_CLASS),
      scale.u128(isFree ? 0n : totalFee(fee)),
    );
  },
  TransactionPaymentApi_query_fee_details: (args, state) => {
    const { fee, isFree, tip } = costOf(args, state);
    const parts = [fee.baseFee, fee.lenFee, fee.adjustedWeightFee].map((part) => scale.u128(part));
    return concatBytes(scale.option(isFree ? undefined : concatBytes(...parts)), scale.u128(tip));
  },
  TransactionPaymentApi_query_weight_to_fee: (args) =>
    scale.u128(weightToFee(runtimeCodecs.of<Weight>('Weight').read(args))),
  TransactionPaymentApi_query_length_to_fee: (args) => scale.u128(lengthToFee(args.u32())),
  TaggedTransactionQueue_validate_transaction: (args, state, host) => {
    args.u8(); // source
    const extrinsic = takeExtrinsic(args);
    const hash = args.take(32);
    return encodeValidity(() =>
      host.validate(extrinsic, state, { number: blockNumber.get(state), hash }),
    );
  },
};

/**
 * Answers a runtime API call.
 * @throws Error for a method that the runtime does not have, and for undecodable arguments
 */
export function callRuntimeApi(
  method: string,
  args: Uint8Array,
  state: StateReader,
  host: ApiHost,
): Uint8Array {
  const run = METHODS[method];
  if (!run) throw new Error(`Exported method ${method} is not found`);
  return run(new ScaleReader(args), state, host);
}

/** Undecoded extrinsic with its length prefix. */
function takeExtrinsic(args: ScaleReader): Uint8Array {
  const start = args.position;
  args.bytes();
  return args.input.slice(start, args.position);
}

interface Cost {
  weight: Weight;
  fee: InclusionFee;
  tip: bigint;
  isFree: boolean;
}

function costOf(args: ScaleReader, state: StateReader): Cost {
  const extrinsic = decodeExtrinsic(takeExtrinsic(args), releaseIn(state));
  const lengthBytes = args.u32();
  const weight = callWeight(extrinsic.call);
  return {
    weight,
    fee: inclusionFee(lengthBytes, weight),
    tip: extrinsic.signed?.tip ?? 0n,
    isFree: !extrinsic.signed && isMandatory(extrinsic.call),
  };
}

const encodeWeight = (weight: Weight): Uint8Array => runtimeCodecs.encode('Weight', weight);

function encodeValidity(validate: () => TxValidity): Uint8Array {
  try {
    const valid = validate();
    const longevity = Number.isFinite(valid.longevity) ? BigInt(valid.longevity) : MAX_U64;
    return concatBytes(
      scale.u8(0),
      scale.u64(valid.priority),
      scale.vec(valid.requires.map((tag) => scale.bytes(tag))),
      scale.vec(valid.provides.map((tag) => scale.bytes(tag))),
      scale.u64(longevity),
      scale.bool(true),
    );
  } catch (e) {
    if (!(e instanceof InvalidTransaction)) throw e;
    const { reason } = e;
    if (reason in UNKNOWN_TRANSACTION) {
      return Uint8Array.of(1, 1, UNKNOWN_TRANSACTION[reason as keyof typeof UNKNOWN_TRANSACTION]);
    }
    return Uint8Array.of(1, 0, INVALID_TRANSACTION[reason as keyof typeof INVALID_TRANSACTION]);
  }
}
