import { blake2b256, concatBytes, scale } from '../../primitives/index.js';
import { PalletStorage } from '../../metadata/storage-item.js';
import { DB_WRITE, ensure, rootHandler, signedHandler, weight, type Ctx } from '../pallet.js';
import type { Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountId, AccountInfo } from '../values.js';
import { CODE_KEY, parseCode, releaseOf, versionValue } from '../release.js';

const PALLET = 'System';
const storage = new PalletStorage(paraCodecs, PALLET);

/** Blocks that System.BlockHash remembers. */
export const BLOCK_HASH_COUNT = 1200;
/** Khala's limits of a block (recorded metadata, System.BlockWeights and BlockLength). */
export const MAX_BLOCK_REF_TIME = 500_000_000_000n;
export const MAX_NORMAL_REF_TIME = 375_000_000_000n;
export const BASE_BLOCK_REF_TIME = 392_184_000n;
export const BASE_EXTRINSIC_REF_TIME = 113_638_000n;
const MAX_PROOF_SIZE = 5_242_880n;
/** Bytes that normal extrinsics may fill of a block. */
export const MAX_NORMAL_LENGTH = 3_932_160;
/** Bytes that all extrinsics together may fill. */
export const MAX_LENGTH = 5_242_880;

/** Every account of Khala's is of the newer kind, also one that does not exist. */
export const NEW_LOGIC_FLAG = 1n << 127n;

const emptyAccount: AccountInfo = {
  nonce: 0,
  consumers: 0,
  providers: 0,
  sufficients: 0,
  data: { free: 0n, reserved: 0n, frozen: 0n, flags: NEW_LOGIC_FLAG },
};

export const account = storage.mapOr<AccountId, AccountInfo>(
  'Account',
  'AccountId',
  'AccountInfo',
  emptyAccount,
  'Blake2_128Concat',
);
export const blockHash = storage.mapOr<number, Uint8Array>(
  'BlockHash',
  'u32',
  'H256',
  new Uint8Array(32),
);
export const blockNumber = storage.valueOr<number>('Number', 'u32', 0);
export const parentHash = storage.valueOr<Uint8Array>('ParentHash', 'H256', new Uint8Array(32));
export const digest = storage.valueOr<{ logs: unknown[] }>('Digest', 'Digest', { logs: [] });
export const eventCount = storage.valueOr<number>('EventCount', 'u32', 0);
export const lastRuntimeUpgrade = storage.value<{ specVersion: number; specName: string }>(
  'LastRuntimeUpgrade',
  'LastRuntimeUpgradeInfo',
);
/** Its values are written as encoded bytes: the codec of events is made later than this pallet. */
export const events = storage.valueOr<unknown[]>('Events', 'Vec<EventRecord>', []);

const zeroWeight = { refTime: 0n, proofSize: 0n };
const classLimits = (maxExtrinsic: bigint, maxTotal: bigint, proof: [bigint, bigint]) => ({
  baseExtrinsic: { refTime: BASE_EXTRINSIC_REF_TIME, proofSize: 0n },
  maxExtrinsic: { refTime: maxExtrinsic, proofSize: proof[0] },
  maxTotal: { refTime: maxTotal, proofSize: proof[1] },
  reserved: zeroWeight,
});

export const system: Pallet = {
  name: PALLET,
  index: 0,
  path: 'frame_system::pallet',
  storage: [
    account,
    storage.value('ExtrinsicCount', 'u32'),
    storage.valueOr('BlockWeight', 'PerClassWeight', {
      normal: zeroWeight,
      operational: zeroWeight,
      mandatory: zeroWeight,
    }),
    storage.value('AllExtrinsicsLen', 'u32'),
    blockHash,
    storage.mapOr('ExtrinsicData', 'u32', 'Bytes', new Uint8Array()),
    blockNumber,
    parentHash,
    digest,
    { ...declOf(events), fallback: () => Uint8Array.of(0) },
    eventCount,
    storage.mapOr('EventTopics', 'H256', 'Vec<(u32, u32)>', [], 'Blake2_128Concat'),
    lastRuntimeUpgrade,
    storage.valueOr('UpgradedToU32RefCount', 'bool', false),
    storage.valueOr('UpgradedToTripleRefCount', 'bool', false),
    storage.value('ExecutionPhase', 'Phase'),
  ],
  calls: {
    remark: [0, { remark: 'Bytes' }],
    set_code: [2, { code: 'Bytes' }],
    set_code_without_checks: [3, { code: 'Bytes' }],
    set_storage: [4, { items: 'Vec<(Bytes, Bytes)>' }],
    kill_storage: [5, { keys: 'Vec<Bytes>' }],
    remark_with_event: [7, { remark: 'Bytes' }],
  },
  dispatch: {
    remark: signedHandler(() => undefined),
    remark_with_event: signedHandler<{ remark: Uint8Array }>((ctx, who, { remark }) =>
      ctx.deposit(PALLET, 'Remarked', { sender: who, hash: blake2b256(remark) }),
    ),
    set_code: rootHandler<{ code: Uint8Array }>((ctx, { code }) => {
      const found = parseCode(code);
      const { specName, specVersion } = ctx.release.version;
      ensure(ctx, found !== undefined, PALLET, 'FailedToExtractRuntimeVersion');
      ensure(ctx, found.specName === specName, PALLET, 'InvalidSpecName');
      const isNewer = found.release.version.specVersion > specVersion;
      ensure(ctx, isNewer, PALLET, 'SpecVersionNeedsToIncrease');
      setCode(ctx, code);
    }),
    set_code_without_checks: rootHandler<{ code: Uint8Array }>((ctx, { code }) => {
      // A runtime that this package does not have could make no block any more.
      ensure(ctx, parseCode(code) !== undefined, PALLET, 'FailedToExtractRuntimeVersion');
      setCode(ctx, code);
    }),
    set_storage: rootHandler<{ items: [Uint8Array, Uint8Array][] }>((ctx, { items }) => {
      for (const [key, value] of items) ctx.state.set(key, value);
    }),
    kill_storage: rootHandler<{ keys: Uint8Array[] }>((ctx, { keys }) => {
      for (const key of keys) ctx.state.delete(key);
    }),
  },
  weights: {
    set_storage: (args) =>
      weight(DB_WRITE * BigInt((args as { items: readonly unknown[] }).items.length)),
    kill_storage: (args) =>
      weight(DB_WRITE * BigInt((args as { keys: readonly unknown[] }).keys.length)),
  },
  events: {
    ExtrinsicSuccess: [0, { dispatch_info: 'DispatchInfo' }],
    ExtrinsicFailed: [1, { dispatch_error: 'DispatchError', dispatch_info: 'DispatchInfo' }],
    CodeUpdated: [2, null],
    NewAccount: [3, { account: 'AccountId' }],
    KilledAccount: [4, { account: 'AccountId' }],
    Remarked: [5, { sender: 'AccountId', hash: 'H256' }],
  },
  errors: [
    'InvalidSpecName',
    'SpecVersionNeedsToIncrease',
    'FailedToExtractRuntimeVersion',
    'NonDefaultComposite',
    'NonZeroRefCount',
    'CallFiltered',
  ],
  constants: {
    BlockWeights: [
      'BlockWeights',
      {
        baseBlock: { refTime: BASE_BLOCK_REF_TIME, proofSize: 0n },
        maxBlock: { refTime: MAX_BLOCK_REF_TIME, proofSize: MAX_PROOF_SIZE },
        perClass: {
          normal: classLimits(349_886_362_000n, MAX_NORMAL_REF_TIME, [3_670_016n, 3_932_160n]),
          operational: {
            ...classLimits(474_886_362_000n, MAX_BLOCK_REF_TIME, [4_980_736n, MAX_PROOF_SIZE]),
            reserved: { refTime: 125_000_000_000n, proofSize: 1_310_720n },
          },
          mandatory: {
            baseExtrinsic: { refTime: BASE_EXTRINSIC_REF_TIME, proofSize: 0n },
            maxExtrinsic: undefined,
            maxTotal: undefined,
            reserved: undefined,
          },
        },
      },
    ],
    BlockLength: [
      'BlockLength',
      { max: { normal: MAX_NORMAL_LENGTH, operational: MAX_LENGTH, mandatory: MAX_LENGTH } },
    ],
    BlockHashCount: ['u32', BLOCK_HASH_COUNT],
    DbWeight: ['RuntimeDbWeight', { read: 25_000_000n, write: DB_WRITE }],
    Version: ['RuntimeVersion', versionValue(releaseOf())],
    SS58Prefix: ['u16', 30],
  },
};

function declOf(item: typeof events) {
  return { name: item.name, modifier: item.modifier, value: item.value };
}

/** New code for the blocks after this one; `frame_system::Pallet::update_code_in_storage`. */
function setCode(ctx: Ctx, code: Uint8Array): void {
  ctx.state.set(CODE_KEY, code);
  const { logs } = digest.get(ctx.state);
  digest.put(ctx.state, { logs: [...logs, { type: 'RuntimeEnvironmentUpdated' }] });
  ctx.deposit(PALLET, 'CodeUpdated');
}

/** Starts a block: what `frame_system::initialize` writes. */
export function initializeBlock(
  ctx: Ctx,
  block: { number: number; parentHash: Uint8Array; digest: { logs: unknown[] } },
): void {
  const { state } = ctx;
  state.delete(events.key);
  eventCount.remove(state);
  blockNumber.put(state, block.number);
  digest.put(state, block.digest);
  parentHash.put(state, block.parentHash);
  blockHash.put(state, block.number - 1, block.parentHash);
  const forgotten = block.number - 1 - BLOCK_HASH_COUNT;
  // The genesis hash is kept: CheckGenesis reads it.
  if (forgotten > 0) blockHash.remove(state, forgotten);
  const upgraded = lastRuntimeUpgrade.get(state);
  const { specName, specVersion } = ctx.release.version;
  if (upgraded?.specVersion !== specVersion)
    lastRuntimeUpgrade.put(state, { specVersion, specName });
}

/** Writes the block's events. */
export function finalizeEvents(ctx: Ctx, records: readonly Uint8Array[]): void {
  ctx.state.set(events.key, concatBytes(scale.compact(records.length), ...records));
  eventCount.put(ctx.state, records.length);
}

/** The account after a change; NewAccount and KilledAccount follow its reference counts. */
export function mutateAccount(
  ctx: Ctx,
  who: AccountId,
  change: (info: AccountInfo) => void,
): AccountInfo {
  const info = account.get(ctx.state, who);
  const existed = info.providers + info.sufficients > 0;
  change(info);
  const exists = info.providers + info.sufficients > 0;
  if (exists) {
    account.put(ctx.state, who, info);
    if (!existed) ctx.deposit(PALLET, 'NewAccount', { account: who });
  } else if (existed) {
    account.remove(ctx.state, who);
    ctx.deposit(PALLET, 'KilledAccount', { account: who });
  }
  return info;
}
