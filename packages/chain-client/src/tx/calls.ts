import type { Registry } from '@polkadot/types/types';
import { decodeAddress } from '@polkadot/util-crypto';
import { concatBytes, fromHex, toHex, type Hex } from '@runtime-bridge/base';
import { compactLength } from './compact.js';
import { decodeProblem, missingPallet, TxError, TxErrorCode } from './errors.js';

/** What is needed of the runtime to build calls: @polkadot/api has it as `api.registry` and `api.tx`. */
export interface CallSource {
  readonly registry: Registry;
  readonly tx: Readonly<
    Record<string, Readonly<Record<string, { readonly callIndex: Uint8Array }>> | undefined>
  >;
}

/** Arguments of a registration, each the SCALE bytes of the call's own argument. */
export interface RegisterWorkerArgs {
  runtimeInfo: Hex;
  attestation: Hex;
  /** `v1`: register_worker with a legacy attestation; `v2`: register_worker_v2 with an Option of a report. */
  version: 'v1' | 'v2';
}

/**
 * SCALE bytes of the calls that the bridge sends. Pallet and call indices come from the metadata, since they differ
 * between Khala, Phala and their test networks; arguments are checked against the runtime's own types.
 *
 * @throws TxError MISSING_PALLET, BAD_CALL (each method)
 */
export class CallBuilder {
  constructor(private readonly source: CallSource) {}

  /** Whether there is a register_worker_v2. */
  get supportsRegisterWorkerV2(): boolean {
    return this.source.tx['phalaRegistry']?.['registerWorkerV2'] !== undefined;
  }

  /** phalaMq.syncOffchainMessage. @param message a SCALE SignedMessage */
  syncOffchainMessage(message: Hex): Hex {
    return this.#call('phalaMq', 'syncOffchainMessage', [fromHex(message)]);
  }

  /** phalaRegistry.registerWorker or registerWorkerV2, as the arguments say. */
  registerWorker(args: RegisterWorkerArgs): Hex {
    return this.#call(
      'phalaRegistry',
      args.version === 'v2' ? 'registerWorkerV2' : 'registerWorker',
      [fromHex(args.runtimeInfo), fromHex(args.attestation)],
    );
  }

  addWorker(pool: bigint, worker: Hex): Hex {
    return this.#call('phalaStakePoolv2', 'addWorker', [u64(pool), key32(worker)]);
  }

  /** @param stake in the smallest unit */
  startComputing(pool: bigint, worker: Hex, stake: bigint): Hex {
    return this.#call('phalaStakePoolv2', 'startComputing', [
      u64(pool),
      key32(worker),
      u128(stake),
    ]);
  }

  stopComputing(pool: bigint, worker: Hex): Hex {
    return this.#call('phalaStakePoolv2', 'stopComputing', [u64(pool), key32(worker)]);
  }

  /** phalaStakePoolv2.reclaimPoolWorker: ends a cool-down that is over and frees the stake. */
  reclaimPoolWorker(pool: bigint, worker: Hex): Hex {
    return this.#call('phalaStakePoolv2', 'reclaimPoolWorker', [u64(pool), key32(worker)]);
  }

  /** @param stake in the smallest unit */
  restartComputing(pool: bigint, worker: Hex, stake: bigint): Hex {
    return this.#call('phalaStakePoolv2', 'restartComputing', [
      u64(pool),
      key32(worker),
      u128(stake),
    ]);
  }

  /** utility.forceBatch: every call runs, whatever becomes of the others. The calls were checked when they were built. */
  forceBatch(calls: readonly Hex[]): Hex {
    return toHex(
      concatBytes([
        this.#index('utility', 'forceBatch'),
        compactLength(calls.length),
        ...calls.map((call) => fromHex(call)),
      ]),
    );
  }

  /** proxy.proxy without a forced type. @param real account id on whose behalf the call runs */
  proxy(real: Hex, call: Hex): Hex {
    const multiAddressId = Uint8Array.of(0);
    const noForcedType = Uint8Array.of(0);
    return toHex(
      concatBytes([
        this.#index('proxy', 'proxy'),
        multiAddressId,
        key32(real),
        noForcedType,
        fromHex(call),
      ]),
    );
  }

  #call(pallet: string, name: string, args: readonly Uint8Array[]): Hex {
    const bytes = concatBytes([this.#index(pallet, name), ...args]);
    const call = toHex(bytes);
    let again: string;
    try {
      again = this.source.registry.createType('Call', bytes).toHex();
    } catch (error) {
      throw badCall(pallet, name, decodeProblem(error));
    }
    // Bytes behind the last argument would be read as the next call of the batch.
    if (again !== call) throw badCall(pallet, name);
    return call;
  }

  #index(pallet: string, name: string): Uint8Array {
    const call = this.source.tx[pallet]?.[name];
    if (!call) throw missingPallet(pallet, name);
    return call.callIndex;
  }
}

/**
 * Account id of an SS58 address of any network.
 * @throws TxError BAD_ADDRESS
 */
export function accountOfAddress(address: string): Hex {
  try {
    const id = decodeAddress(address);
    if (id.length === 32) return toHex(id);
  } catch {
    // Told below.
  }
  throw new TxError(TxErrorCode.BAD_ADDRESS, 'Not an SS58 address', { facts: { address } });
}

function badCall(pallet: string, name: string, cause?: unknown): TxError {
  return new TxError(
    TxErrorCode.BAD_CALL,
    `The arguments do not fit ${pallet}.${name} of this runtime`,
    { facts: { call: `${pallet}.${name}` }, cause },
  );
}

function key32(key: Hex): Uint8Array {
  const bytes = fromHex(key);
  if (bytes.length !== 32) {
    throw new TxError(TxErrorCode.BAD_CALL, 'A key or account id must be 32 bytes', {
      facts: { bytes: bytes.length },
    });
  }
  return bytes;
}

function u64(value: bigint): Uint8Array {
  return littleEndian(value, 8);
}

function u128(value: bigint): Uint8Array {
  return littleEndian(value, 16);
}

function littleEndian(value: bigint, length: number): Uint8Array {
  if (value < 0n || value >> BigInt(length * 8) !== 0n) {
    throw new TxError(TxErrorCode.BAD_CALL, `A number does not fit ${length * 8} bits`, {
      facts: { value },
    });
  }
  const bytes = new Uint8Array(length);
  for (let index = 0, rest = value; index < length; index += 1, rest >>= 8n) {
    bytes[index] = Number(rest & 0xffn);
  }
  return bytes;
}
