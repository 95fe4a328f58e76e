import type { KeyringPair } from '@polkadot/keyring/types';
import type { Extrinsic, FrameSystemAccountInfo } from './polkadot-types.js';
import { blake2AsHex, encodeAddress } from '@polkadot/util-crypto';
import { fromHex, type Hex, type Watched } from '@runtime-bridge/base';
import type { CallOptions } from '../rpc/endpoint.js';
import { CallBuilder, type CallSource } from './calls.js';
import type { MortalEra } from './era.js';
import { decodeProblem, missingPallet, TxError, TxErrorCode } from './errors.js';
import { readBatchOutcome, type BatchOutcome, type EventLike } from './outcome.js';
import type { Head, ParaApi, RuntimeVersion } from './para-api.js';
import { refusalOf } from './refusal.js';

/** What the pool of the node says of a watched extrinsic. A hint, never the truth: that is in blocks. */
export type PoolStatus =
  | 'future'
  | 'ready'
  | 'broadcast'
  | 'inBlock'
  | 'retracted'
  | 'finalityTimeout'
  | 'finalized'
  | 'usurped'
  | 'dropped'
  | 'invalid';

/** An extrinsic ready to send. */
export interface SignedTx {
  bytes: Hex;
  /** blake2-256 of the bytes, by which it is found in blocks. */
  hash: Hex;
}

/** Everything that a signature covers. */
export interface SignRequest {
  call: Hex;
  signer: KeyringPair;
  nonce: number;
  era: MortalEra;
  /** Hash of the block at `era.birth`. */
  eraHash: Hex;
  tip: bigint;
}

/** The extrinsics of a block, by their hashes. */
export interface BlockTxs {
  number: number;
  hash: Hex;
  parentHash: Hex;
  /** In order; the place in the list is the extrinsic's index. */
  txHashes: Hex[];
}

/** What an account has, in the smallest unit. */
export interface AccountBalance {
  nonce: number;
  free: bigint;
  /** Free and not locked by anything: what fees can be paid from. */
  spendable: bigint;
}

/** What a batch may be at most, by the runtime's constants for normal extrinsics. */
export interface BlockLimits {
  maxBytes: number;
  maxRefTime: bigint;
  maxProofSize: bigint;
}

/** Weight of a call, in the runtime's two dimensions. */
export interface CallWeight {
  refTime: bigint;
  proofSize: bigint;
}

/** Extrinsics of the parachain: built, signed, sent, found again. */
export class TxGateway {
  readonly #para: ParaApi;
  #calls: { source: CallSource; spec: number; builder: CallBuilder } | undefined;

  constructor(_options: Record<string, never>, collaborators: { para: ParaApi }) {
    this.#para = collaborators.para;
  }

  get bestHead(): Watched<Head | undefined> {
    return this.#para.bestHead;
  }

  get finalizedHead(): Watched<Head | undefined> {
    return this.#para.finalizedHead;
  }

  get connected(): Watched<boolean> {
    return this.#para.connected;
  }

  get runtimeVersion(): Watched<RuntimeVersion | undefined> {
    return this.#para.runtimeVersion;
  }

  get genesisHash(): Hex {
    return this.#para.genesisHash;
  }

  /** Builds calls for the runtime that is in force now. */
  get calls(): CallBuilder {
    const spec = this.#para.runtimeVersion.value?.specVersion ?? 0;
    if (this.#calls?.spec !== spec) {
      const source = this.#para.api as unknown as CallSource;
      this.#calls = { source, spec, builder: new CallBuilder(source) };
    }
    return this.#calls.builder;
  }

  /** What one extrinsic may be at most. @throws TxError MISSING_PALLET */
  get blockLimits(): BlockLimits {
    const { consts } = this.#para.api;
    const length = consts['system']?.['blockLength'] as unknown as
      { max: { normal: { toNumber(): number } } } | undefined;
    const weights = consts['system']?.['blockWeights'] as unknown as
      { perClass: { normal: { maxExtrinsic: { toJSON(): unknown } } } } | undefined;
    if (!length || !weights) throw missingPallet('system', 'blockWeights');
    const weight = readWeight(weights.perClass.normal.maxExtrinsic.toJSON());
    return {
      maxBytes: length.max.normal.toNumber(),
      maxRefTime: weight?.refTime ?? 0n,
      maxProofSize: weight?.proofSize ?? 0n,
    };
  }

  async blockHash(number: number, options?: CallOptions): Promise<Hex> {
    return await this.#para.blockHash(number, options);
  }

  /** The next free nonce as the node sees it, its pool included. */
  async nextNonce(account: Hex, options?: CallOptions): Promise<number> {
    const address = encodeAddress(account, this.#para.ss58Prefix);
    const nonce = await this.#para.call('system_accountNextIndex', [address], options);
    if (typeof nonce === 'number' && Number.isSafeInteger(nonce) && nonce >= 0) return nonce;
    throw badAnswer('system_accountNextIndex');
  }

  /** Nonce and balance of an account as of a block. @default the best block */
  async balance(account: Hex, at?: Hex, options?: CallOptions): Promise<AccountBalance> {
    const { api } = this.#para;
    const entry = api.query['system']?.['account'];
    if (!entry) throw missingPallet('system', 'account');
    const params = at === undefined ? [entry.key(account)] : [entry.key(account), at];
    const raw = await this.#para.call('state_getStorage', params, options);
    if (typeof raw !== 'string') return { nonce: 0, free: 0n, spendable: 0n };
    const type = api.registry.createLookupType(entry.creator.meta.type.asMap.value);
    const info = api.registry.createTypeUnsafe<FrameSystemAccountInfo, string>(type, [
      fromHex(raw),
    ]);
    const { free, frozen, feeFrozen, miscFrozen } = info.data;
    const locked = [frozen, feeFrozen, miscFrozen]
      .filter((value) => value !== undefined)
      .map((value) => value.toBigInt())
      .reduce<bigint>((most, value) => (value > most ? value : most), 0n);
    const total = free.toBigInt();
    return {
      nonce: info.nonce.toNumber(),
      free: total,
      spendable: total > locked ? total - locked : 0n,
    };
  }

  /** Whether a stake pool (or vault) of this id exists; true where the runtime has no such list. */
  async poolExists(pool: bigint, options?: CallOptions): Promise<boolean> {
    const entry = this.#para.api.query['phalaBasePool']?.['pools'];
    if (!entry) return true;
    const raw = await this.#para.call('state_getStorage', [entry.key(pool)], options);
    return typeof raw === 'string';
  }

  /** Signs with the runtime version in force now. */
  sign(request: SignRequest): SignedTx {
    const { api } = this.#para;
    const extrinsic = this.#extrinsic(request.call);
    extrinsic.sign(request.signer, {
      blockHash: request.eraHash,
      era: api.registry.createType('ExtrinsicEra', {
        current: request.era.birth,
        period: request.era.period,
      }),
      genesisHash: api.genesisHash,
      nonce: request.nonce,
      runtimeVersion: api.runtimeVersion,
      signedExtensions: api.registry.signedExtensions,
      tip: request.tip,
    });
    const bytes = extrinsic.toHex();
    return { bytes, hash: hashOfTx(bytes) };
  }

  /**
   * Weight and fee that the runtime expects of a call, without sending anything.
   * @throws ChainClientError; TxError BAD_ANSWER
   */
  async estimate(
    call: Hex,
    account: Hex,
    options?: CallOptions,
  ): Promise<{ weight: CallWeight; fee: bigint }> {
    const { api } = this.#para;
    const extrinsic = this.#extrinsic(call);
    extrinsic.signFake(account, {
      blockHash: api.genesisHash,
      genesisHash: api.genesisHash,
      nonce: 0,
      runtimeVersion: api.runtimeVersion,
      signedExtensions: api.registry.signedExtensions,
    });
    const answer = (await this.#para.call('payment_queryInfo', [extrinsic.toHex()], options)) as {
      weight?: unknown;
      partialFee?: unknown;
    } | null;
    const weight = readWeight(answer?.weight);
    const fee = answer?.partialFee;
    if (!weight || (typeof fee !== 'string' && typeof fee !== 'number')) {
      throw badAnswer('payment_queryInfo');
    }
    return { weight, fee: BigInt(fee) };
  }

  /**
   * Hands an extrinsic to the node and follows what its pool says until the signal is aborted.
   * @throws TxError REFUSED with the node's verdict; anything else means that nobody knows whether the node has it
   */
  async submit(
    bytes: Hex,
    onStatus: (status: PoolStatus) => void,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#para.subscribeOnce(
        'author_submitAndWatchExtrinsic',
        [bytes],
        (item) => {
          const status = readPoolStatus(item);
          if (status) onStatus(status);
        },
        signal,
      );
    } catch (error) {
      throw refusalOf(error) ?? error;
    }
  }

  /** The extrinsics of a block. @throws ChainClientError; TxError BAD_ANSWER */
  async blockTxs(hash: Hex, options?: CallOptions): Promise<BlockTxs> {
    const answer = (await this.#para.call('chain_getBlock', [hash], options)) as {
      block?: { header?: { number?: unknown; parentHash?: unknown }; extrinsics?: unknown };
    } | null;
    const { header, extrinsics } = answer?.block ?? {};
    const number = Number(header?.number);
    if (
      !Number.isSafeInteger(number) ||
      typeof header?.parentHash !== 'string' ||
      !Array.isArray(extrinsics)
    ) {
      throw badAnswer('chain_getBlock');
    }
    return {
      number,
      hash,
      parentHash: header.parentHash as Hex,
      txHashes: extrinsics.map((bytes: unknown) => hashOfTx(String(bytes) as Hex)),
    };
  }

  /**
   * What became of a batch that is in a block.
   * @param index place of the extrinsic in the block
   * @param calls how many calls it has
   * @throws TxError OUTCOME_UNREADABLE; ChainClientError
   */
  async outcome(
    block: Hex,
    index: number,
    calls: number,
    options?: CallOptions,
  ): Promise<BatchOutcome> {
    const at = await this.#para.at(block);
    const entry = at.query['system']?.['events'];
    if (!entry) throw missingPallet('system', 'events');
    const raw = await this.#para.call('state_getStorage', [entry.key(), block], options);
    if (typeof raw !== 'string') throw unreadable(block, index);
    try {
      const type = at.registry.createLookupType(entry.creator.meta.type.asPlain);
      const records = at.registry.createTypeUnsafe(type, [fromHex(raw)]) as unknown as Iterable<{
        phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: { toNumber(): number } };
        event: EventLike;
      }>;
      const events = [...records]
        .filter(
          ({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.toNumber() === index,
        )
        .map(({ event }) => event);
      return readBatchOutcome(events, calls, at.registry);
    } catch (error) {
      throw unreadable(block, index, error);
    }
  }

  #extrinsic(call: Hex): Extrinsic {
    const { registry } = this.#para.api;
    // Version 5 is not what wallets and this bridge sign; every runtime in use takes 4.
    return registry.createType<Extrinsic>('Extrinsic', registry.createType('Call', call), {
      version: 4,
    });
  }
}

/** Hash by which an extrinsic is known. */
export function hashOfTx(bytes: Hex): Hex {
  return blake2AsHex(bytes, 256);
}

/** Reads the JSON form of a status of a watched extrinsic; undefined for one that is new to us. */
export function readPoolStatus(item: unknown): PoolStatus | undefined {
  const name =
    typeof item === 'string'
      ? item
      : typeof item === 'object' && item !== null
        ? Object.keys(item)[0]
        : undefined;
  const known: readonly string[] = [
    'future',
    'ready',
    'broadcast',
    'inBlock',
    'retracted',
    'finalityTimeout',
    'finalized',
    'usurped',
    'dropped',
    'invalid',
  ] satisfies PoolStatus[];
  return name !== undefined && known.includes(name) ? (name as PoolStatus) : undefined;
}

/** Reads both forms of a weight: a number, and since 2022 two numbers. */
function readWeight(value: unknown): CallWeight | undefined {
  if (typeof value === 'number' || typeof value === 'string') {
    return { refTime: BigInt(value), proofSize: 0n };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = value as Record<string, unknown>;
  const refTime = entries['refTime'] ?? entries['ref_time'];
  const proofSize = entries['proofSize'] ?? entries['proof_size'] ?? 0;
  const isNumber = (one: unknown) => typeof one === 'number' || typeof one === 'string';
  if (!isNumber(refTime) || !isNumber(proofSize)) return undefined;
  return { refTime: BigInt(refTime), proofSize: BigInt(proofSize) };
}

function badAnswer(method: string): TxError {
  return new TxError(TxErrorCode.BAD_ANSWER, `The node answered ${method} with something else`, {
    facts: { method },
  });
}

function unreadable(block: Hex, index: number, cause?: unknown): TxError {
  return new TxError(
    TxErrorCode.OUTCOME_UNREADABLE,
    'The events of the transaction do not say what became of its calls',
    { facts: { block, index }, cause: cause === undefined ? undefined : decodeProblem(cause) },
  );
}
