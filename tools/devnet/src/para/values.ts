/** Values of the parachain's types, as the codecs of `types.ts` read and write them. */

export type AccountId = Uint8Array;
export type WorkerKey = Uint8Array;

export type DispatchError =
  | {
      type:
        | 'Other'
        | 'CannotLookup'
        | 'BadOrigin'
        | 'ConsumerRemaining'
        | 'NoProviders'
        | 'TooManyConsumers'
        | 'Exhausted'
        | 'Corruption'
        | 'Unavailable';
    }
  | { type: 'Module'; value: { index: number; error: Uint8Array } }
  | { type: 'Token' | 'Arithmetic' | 'Transactional'; value: { type: string } };

export type DispatchResult = { ok: undefined } | { err: DispatchError };

export interface Weight {
  refTime: bigint;
  proofSize: bigint;
}

/** A call: the pallet's name, and in `value` the call's name with its arguments beside. */
export interface RuntimeCall {
  type: string;
  value: { type: string } & Record<string, unknown>;
}

export type MultiAddress =
  | { type: 'Id'; value: AccountId }
  | { type: 'Index'; value: undefined }
  | { type: 'Raw' | 'Address32' | 'Address20'; value: Uint8Array };

export interface AccountData {
  free: bigint;
  reserved: bigint;
  frozen: bigint;
  flags: bigint;
}

export interface AccountInfo {
  nonce: number;
  consumers: number;
  providers: number;
  sufficients: number;
  data: AccountData;
}

export type MessageOrigin =
  | { type: 'Pallet' | 'MultiLocation'; value: Uint8Array }
  | { type: 'Contract' | 'AccountId' | 'Cluster'; value: Uint8Array }
  | { type: 'Worker'; value: WorkerKey }
  | { type: 'Gatekeeper' | 'Reserved' };

export interface Message {
  sender: MessageOrigin;
  destination: Uint8Array;
  payload: Uint8Array;
}

export interface SignedMessage {
  message: Message;
  sequence: bigint;
  signature: Uint8Array;
}

export interface SgxIas {
  type: 'SgxIas';
  raReport: Uint8Array;
  signature: Uint8Array;
  rawSigningCert: Uint8Array;
}

export interface WorkerRegistrationInfo {
  version: number;
  machineId: Uint8Array;
  pubkey: WorkerKey;
  ecdhPubkey: Uint8Array;
  genesisBlockHash: Uint8Array;
  features: number[];
  operator: AccountId | undefined;
}

export interface WorkerRegistrationInfoV2 extends WorkerRegistrationInfo {
  paraId: number;
  maxConsensusVersion: number;
}

export type AttestationProvider = { type: 'Root' | 'Ias' };

export interface WorkerInfo {
  pubkey: WorkerKey;
  ecdhPubkey: Uint8Array;
  runtimeVersion: number;
  lastUpdated: bigint;
  operator: AccountId | undefined;
  attestationProvider: AttestationProvider | undefined;
  confidenceLevel: number;
  initialScore: number | undefined;
  features: number[];
}

export type WorkerState =
  'Ready' | 'WorkerIdle' | '_Unused' | 'WorkerUnresponsive' | 'WorkerCoolingDown';

export interface SessionInfo {
  state: { type: WorkerState };
  /** U64F64 bits. */
  ve: bigint;
  /** U64F64 bits. */
  v: bigint;
  /** Seconds. */
  vUpdatedAt: bigint;
  benchmark: {
    pInit: number;
    pInstant: number;
    iterations: bigint;
    /** Seconds. */
    workingStartTime: bigint;
    /** Seconds. */
    challengeTimeLast: bigint;
  };
  /** Seconds. */
  coolDownStart: bigint;
  stats: { totalReward: bigint };
}

/** All u128 are U64F64 bits. */
export interface TokenomicParameters {
  phaRate: bigint;
  rho: bigint;
  budgetPerBlock: bigint;
  vMax: bigint;
  costK: bigint;
  costB: bigint;
  slashRate: bigint;
  treasuryRatio: bigint;
  heartbeatWindow: number;
  rigK: bigint;
  rigB: bigint;
  re: bigint;
  k: bigint;
  kappa: bigint;
}

export interface StakePool {
  basepool: {
    pid: bigint;
    owner: AccountId;
    totalShares: bigint;
    totalValue: bigint;
    withdrawQueue: { user: AccountId; startTime: bigint; nftId: number }[];
    valueSubscribers: bigint[];
    cid: number;
    poolAccountId: AccountId;
  };
  payoutCommission: number | undefined;
  cap: bigint | undefined;
  workers: WorkerKey[];
  cdWorkers: WorkerKey[];
  lockAccount: AccountId;
  ownerRewardAccount: AccountId;
}

export type PoolProxy = { type: 'StakePool'; value: StakePool } | { type: 'Vault'; value: unknown };

export const PROXY_TYPES = [
  'Any',
  'NonTransfer',
  'CancelProxy',
  'Governance',
  'Collator',
  'StakePoolManager',
] as const;
export type ProxyTypeName = (typeof PROXY_TYPES)[number];

export interface ProxyDefinition {
  delegate: AccountId;
  proxyType: { type: ProxyTypeName };
  delay: number;
}
