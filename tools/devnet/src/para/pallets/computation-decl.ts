import type { IndexedVariants } from '../../metadata/pallet.js';
import { PalletStorage } from '../../metadata/storage-item.js';
import { fromHex } from '../../primitives/index.js';
import { fromDecimal } from '../fixed-point.js';
import { paraCodecs } from '../types.js';
import type { AccountId, SessionInfo, TokenomicParameters, WorkerKey } from '../values.js';

const storage = new PalletStorage(paraCodecs, 'PhalaComputation');

export const tokenomicParameters = storage.value<TokenomicParameters>(
  'TokenomicParameters',
  'TokenomicParameters',
);
export const scheduledTokenomicUpdate = storage.value<TokenomicParameters>(
  'ScheduledTokenomicUpdate',
  'TokenomicParameters',
);
export const onlineWorkers = storage.valueOr<number>('OnlineWorkers', 'u32', 0);
export const expectedHeartbeatCount = storage.value<number>('ExpectedHeartbeatCount', 'u32');
export const heartbeatPaused = storage.valueOr<boolean>('HeartbeatPaused', 'bool', true);
export const maxBudgetLimit = storage.valueOr<bigint>(
  'MaxBudgetLimit',
  'u128',
  fromDecimal('93.75'),
);
export const budgetUpdateNonce = storage.valueOr<bigint>('BudgetUpdateNonce', 'u64', 0n);
/** The spelling is Khala's. */
export const lastBudgetUpdateBlock = storage.valueOr<number>('LastBugdetUpdateBlock', 'u32', 0);
const contractAccount = storage.valueOr<AccountId>(
  'ContractAccount',
  'AccountId',
  fromHex('9e6399cd577e8ac536bdc017675f747b2d1893ad9cc8c69fd17eef73d4e6e51e'),
);
export const sessions = storage.map<AccountId, SessionInfo>('Sessions', 'AccountId', 'SessionInfo');
export const sessionBindings = storage.map<AccountId, WorkerKey>(
  'SessionBindings',
  'AccountId',
  'WorkerKey',
);
export const workerBindings = storage.map<WorkerKey, AccountId>(
  'WorkerBindings',
  'WorkerKey',
  'AccountId',
);
/** Seconds. */
export const coolDownPeriod = storage.valueOr<bigint>('CoolDownPeriod', 'u64', 0n);
export const nextSessionId = storage.valueOr<number>('NextSessionId', 'u32', 0);
export const stakes = storage.map<AccountId, bigint>('Stakes', 'AccountId', 'u128');

/** Every item, for the metadata. */
export const computationStorage = [
  tokenomicParameters,
  scheduledTokenomicUpdate,
  onlineWorkers,
  expectedHeartbeatCount,
  heartbeatPaused,
  maxBudgetLimit,
  budgetUpdateNonce,
  lastBudgetUpdateBlock,
  contractAccount,
  sessions,
  sessionBindings,
  workerBindings,
  coolDownPeriod,
  nextSessionId,
  storage.value<number>('ComputingStartBlock', 'u32'),
  storage.value<number>('ComputingHalvingInterval', 'u32'),
  stakes,
];

/** Calls of PhalaComputation that the dev chain runs, under Khala's indices. */
export const computationCalls: IndexedVariants = {
  set_cool_down_expiration: [0, { period: 'u64' }],
  unbind: [1, { session: 'AccountId' }],
  force_heartbeat: [2, null],
  force_start_computing: [3, { session: 'AccountId', stake: 'u128' }],
  force_stop_computing: [4, { session: 'AccountId' }],
  update_tokenomic: [5, { new_params: 'TokenomicParameters' }],
  set_heartbeat_paused: [6, { paused: 'bool' }],
};

/** Events of PhalaComputation. */
export const computationEvents: IndexedVariants = {
  CoolDownExpirationChanged: [0, { period: 'u64' }],
  WorkerStarted: [1, { session: 'AccountId', init_v: 'u128', init_p: 'u32' }],
  WorkerStopped: [2, { session: 'AccountId' }],
  WorkerReclaimed: [3, { session: 'AccountId', original_stake: 'u128', slashed: 'u128' }],
  SessionBound: [4, { session: 'AccountId', worker: 'WorkerKey' }],
  SessionUnbound: [5, { session: 'AccountId', worker: 'WorkerKey' }],
  WorkerEnterUnresponsive: [6, { session: 'AccountId' }],
  WorkerExitUnresponsive: [7, { session: 'AccountId' }],
  SessionSettled: [8, { session: 'AccountId', v_bits: 'u128', payout_bits: 'u128' }],
  InternalErrorWorkerSettleFailed: [9, { worker: 'WorkerKey' }],
  SubsidyBudgetHalved: [10, null],
  InternalErrorWrongHalvingConfigured: [11, null],
  TokenomicParametersChanged: [12, null],
  SessionSettlementDropped: [13, { session: 'AccountId', v: 'u128', payout: 'u128' }],
  BenchmarkUpdated: [14, { session: 'AccountId', p_instant: 'u32' }],
  BudgetUpdated: [15, { nonce: 'u64', budget: 'u128' }],
};

/** Errors of PhalaComputation in order of their index. */
export const computationErrors: readonly string[] = [
  'BadSender',
  '_InvalidMessage',
  'WorkerNotRegistered',
  '_GatekeeperNotRegistered',
  'DuplicateBoundSession',
  'BenchmarkMissing',
  'SessionNotFound',
  'SessionNotBound',
  'WorkerNotReady',
  'WorkerNotComputing',
  'WorkerNotBound',
  'CoolDownNotReady',
  'InsufficientStake',
  'TooMuchStake',
  'InternalErrorBadTokenomicParameters',
  'DuplicateBoundWorker',
  'BenchmarkTooLow',
  'InternalErrorCannotStartWithExistingStake',
  'NotMigrationRoot',
  'NonceIndexInvalid',
  'BudgetUpdateBlockInvalid',
  'BudgetExceedMaxLimit',
  'WorkerReregisterNeeded',
];
