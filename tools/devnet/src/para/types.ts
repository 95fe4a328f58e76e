import { Codecs } from '../metadata/codec.js';
import { commonTypes } from '../metadata/common-types.js';
import { enumeration, struct, TypeTable, wrapper } from '../metadata/type-lang.js';
import { PROXY_TYPES } from './values.js';

const ACCOUNT_PARAM = [['AccountId', 'AccountId']] as const;
const ACCOUNT_BALANCE_PARAMS = [
  ['AccountId', 'AccountId'],
  ['Balance', 'Balance'],
] as const;

const registration = {
  version: 'u32',
  machine_id: 'Bytes',
  pubkey: 'WorkerKey',
  ecdh_pubkey: 'WorkerKey',
  genesis_block_hash: 'H256',
  features: 'Vec<u32>',
  operator: 'Option<AccountId>',
};
const sgxIas = { ra_report: 'Bytes', signature: 'Bytes', raw_signing_cert: 'Bytes' };

/**
 * The parachain's own types: Khala's, by the paths that its metadata shows
 * (phala-blockchain 654b1b699 standalone/prb/artifacts/khala_metadata.scale).
 */
export const paraTypes = new TypeTable({
  ...commonTypes,
  WorkerKey: wrapper('sp_core::sr25519::Public', '[u8; 32]'),

  // cumulus
  ParaId: wrapper('polkadot_parachain::primitives::Id', 'u32'),
  HeadData: wrapper('polkadot_parachain::primitives::HeadData', 'Bytes'),
  PersistedValidationData: struct(
    'polkadot_primitives::v4::PersistedValidationData',
    {
      parent_head: 'HeadData',
      relay_parent_number: 'u32',
      relay_parent_storage_root: 'H256',
      max_pov_size: 'u32',
    },
    [
      ['H', 'H256'],
      ['N', 'u32'],
    ],
  ),
  StorageProof: struct('sp_trie::storage_proof::StorageProof', {
    trie_nodes: 'BTreeSet<Bytes>',
  }),
  InboundDownwardMessage: struct(
    'polkadot_core_primitives::InboundDownwardMessage',
    { sent_at: 'u32', msg: 'Bytes' },
    [['BlockNumber', 'u32']],
  ),
  InboundHrmpMessage: struct(
    'polkadot_core_primitives::InboundHrmpMessage',
    { sent_at: 'u32', data: 'Bytes' },
    [['BlockNumber', 'u32']],
  ),
  ParachainInherentData: struct('cumulus_primitives_parachain_inherent::ParachainInherentData', {
    validation_data: 'PersistedValidationData',
    relay_chain_state: 'StorageProof',
    downward_messages: 'Vec<InboundDownwardMessage>',
    horizontal_messages: 'BTreeMap<ParaId, Vec<InboundHrmpMessage>>',
  }),

  // proxy, assets, fees
  ProxyType: enumeration('khala_parachain_runtime::ProxyType', PROXY_TYPES),
  ProxyDefinition: struct(
    'pallet_proxy::ProxyDefinition',
    { delegate: 'AccountId', proxy_type: 'ProxyType', delay: 'u32' },
    [
      ['AccountId', 'AccountId'],
      ['ProxyType', 'ProxyType'],
      ['BlockNumber', 'u32'],
    ],
  ),
  BalanceStatus: enumeration('frame_support::traits::tokens::misc::BalanceStatus', [
    'Free',
    'Reserved',
  ]),
  FixedU128: wrapper('sp_arithmetic::fixed_point::FixedU128', 'u128'),
  FeeReleases: enumeration('pallet_transaction_payment::Releases', ['V1Ancient', 'V2']),
  Permill: wrapper('sp_arithmetic::per_things::Permill', 'u32'),
  AssetStatus: enumeration('pallet_assets::types::AssetStatus', ['Live', 'Frozen', 'Destroying']),
  AssetDetails: struct(
    'pallet_assets::types::AssetDetails',
    {
      owner: 'AccountId',
      issuer: 'AccountId',
      admin: 'AccountId',
      freezer: 'AccountId',
      supply: 'u128',
      deposit: 'u128',
      min_balance: 'u128',
      is_sufficient: 'bool',
      accounts: 'u32',
      sufficients: 'u32',
      approvals: 'u32',
      status: 'AssetStatus',
    },
    [
      ['Balance', 'Balance'],
      ['AccountId', 'AccountId'],
      ['DepositBalance', 'Balance'],
    ],
  ),
  ExistenceReason: enumeration(
    'pallet_assets::types::ExistenceReason',
    { Consumer: null, Sufficient: null, DepositHeld: 'u128', DepositRefunded: null },
    { params: [['Balance', 'Balance']] },
  ),
  AssetAccount: struct(
    'pallet_assets::types::AssetAccount',
    { balance: 'u128', is_frozen: 'bool', reason: 'ExistenceReason', extra: '()' },
    [
      ['Balance', 'Balance'],
      ['DepositBalance', 'Balance'],
      ['Extra', '()'],
    ],
  ),
  AssetMetadata: struct(
    'pallet_assets::types::AssetMetadata',
    { deposit: 'u128', name: 'Bytes', symbol: 'Bytes', decimals: 'u8', is_frozen: 'bool' },
    [
      ['DepositBalance', 'Balance'],
      ['BoundedString', 'Bytes'],
    ],
  ),

  // message queue
  MessageOrigin: enumeration(
    'phala_mq::types::MessageOrigin',
    {
      Pallet: 'Bytes',
      Contract: 'H256',
      Worker: 'WorkerKey',
      AccountId: 'H256',
      MultiLocation: 'Bytes',
      Gatekeeper: null,
      Cluster: 'H256',
      Reserved: null,
    },
    { indices: { Reserved: 255 } },
  ),
  Topic: wrapper('phala_mq::types::Topic', 'Bytes'),
  Message: struct('phala_mq::types::Message', {
    sender: 'MessageOrigin',
    destination: 'Topic',
    payload: 'Bytes',
  }),
  SignedMessage: struct('phala_mq::types::SignedMessage', {
    message: 'Message',
    sequence: 'u64',
    signature: 'Bytes',
  }),

  // registry
  WorkerRegistrationInfo: struct(
    'phala_types::WorkerRegistrationInfo',
    registration,
    ACCOUNT_PARAM,
  ),
  WorkerRegistrationInfoV2: struct(
    'phala_types::WorkerRegistrationInfoV2',
    { ...registration, para_id: 'u32', max_consensus_version: 'u32' },
    ACCOUNT_PARAM,
  ),
  LegacyAttestation: enumeration('phala_pallets::utils::attestation_legacy::Attestation', {
    SgxIas: sgxIas,
  }),
  AttestationReport: enumeration('phala_types::AttestationReport', { SgxIas: sgxIas }),
  AttestationProvider: enumeration('phala_types::AttestationProvider', ['Root', 'Ias']),
  WorkerInfoV2: struct(
    'phala_pallets::registry::pallet::WorkerInfoV2',
    {
      pubkey: 'WorkerKey',
      ecdh_pubkey: 'WorkerKey',
      runtime_version: 'u32',
      last_updated: 'u64',
      operator: 'Option<AccountId>',
      attestation_provider: 'Option<AttestationProvider>',
      confidence_level: 'u8',
      initial_score: 'Option<u32>',
      features: 'Vec<u32>',
    },
    ACCOUNT_PARAM,
  ),
  KnownConsensusVersion: struct('phala_pallets::registry::pallet::KnownConsensusVersion', {
    version: 'u32',
    count: 'u32',
  }),
  VersionedWorkerEndpoints: enumeration('phala_types::VersionedWorkerEndpoints', {
    V1: 'Vec<str>',
  }),
  WorkerEndpointPayload: struct('phala_types::WorkerEndpointPayload', {
    pubkey: 'WorkerKey',
    versioned_endpoints: 'VersionedWorkerEndpoints',
    signing_time: 'u64',
  }),

  // computation
  TokenomicParameters: struct('phala_types::messaging::TokenomicParameters', {
    pha_rate: 'u128',
    rho: 'u128',
    budget_per_block: 'u128',
    v_max: 'u128',
    cost_k: 'u128',
    cost_b: 'u128',
    slash_rate: 'u128',
    treasury_ratio: 'u128',
    heartbeat_window: 'u32',
    rig_k: 'u128',
    rig_b: 'u128',
    re: 'u128',
    k: 'u128',
    kappa: 'u128',
  }),
  WorkerState: enumeration('phala_pallets::compute::computation::pallet::WorkerState', [
    'Ready',
    'WorkerIdle',
    '_Unused',
    'WorkerUnresponsive',
    'WorkerCoolingDown',
  ]),
  Benchmark: struct('phala_pallets::compute::computation::pallet::Benchmark', {
    p_init: 'u32',
    p_instant: 'u32',
    iterations: 'u64',
    working_start_time: 'u64',
    challenge_time_last: 'u64',
  }),
  SessionStats: struct('phala_pallets::compute::computation::pallet::SessionStats', {
    total_reward: 'u128',
  }),
  SessionInfo: struct('phala_pallets::compute::computation::pallet::SessionInfo', {
    state: 'WorkerState',
    ve: 'u128',
    v: 'u128',
    v_updated_at: 'u64',
    benchmark: 'Benchmark',
    cool_down_start: 'u64',
    stats: 'SessionStats',
  }),

  // pools
  WithdrawInfo: struct(
    'phala_pallets::compute::base_pool::pallet::WithdrawInfo',
    { user: 'AccountId', start_time: 'u64', nft_id: 'u32' },
    ACCOUNT_PARAM,
  ),
  BasePool: struct(
    'phala_pallets::compute::base_pool::pallet::BasePool',
    {
      pid: 'u64',
      owner: 'AccountId',
      total_shares: 'u128',
      total_value: 'u128',
      withdraw_queue: 'Vec<WithdrawInfo>',
      value_subscribers: 'Vec<u64>',
      cid: 'u32',
      pool_account_id: 'AccountId',
    },
    ACCOUNT_BALANCE_PARAMS,
  ),
  StakePool: struct(
    'phala_pallets::compute::pool_proxy::StakePool',
    {
      basepool: 'BasePool',
      payout_commission: 'Option<Permill>',
      cap: 'Option<u128>',
      workers: 'Vec<WorkerKey>',
      cd_workers: 'Vec<WorkerKey>',
      lock_account: 'AccountId',
      owner_reward_account: 'AccountId',
    },
    ACCOUNT_BALANCE_PARAMS,
  ),
  Vault: struct(
    'phala_pallets::compute::pool_proxy::Vault',
    {
      basepool: 'BasePool',
      last_share_price_checkpoint: 'u128',
      commission: 'Option<Permill>',
      owner_shares: 'u128',
      invest_pools: 'Vec<u64>',
    },
    ACCOUNT_BALANCE_PARAMS,
  ),
  PoolProxy: enumeration(
    'phala_pallets::compute::pool_proxy::PoolProxy',
    { StakePool: 'StakePool', Vault: 'Vault' },
    { params: ACCOUNT_BALANCE_PARAMS },
  ),
  FinanceAccount: struct(
    'phala_pallets::compute::wrapped_balances::pallet::FinanceAccount',
    { invest_pools: 'Vec<(u64, u32)>', locked: 'u128' },
    [['Balance', 'Balance']],
  ),

  // signed extensions of Khala's own
  CheckMqSequence: struct('phala_pallets::mq::check_seq::CheckMqSequence', {}, [['T']]),
  ChargeTransactionPayment: wrapper(
    'pallet_transaction_payment::ChargeTransactionPayment',
    'Compact<u128>',
    [['T']],
  ),

  // payloads of messages; not part of the metadata
  WorkerEvent: enumeration('', {
    Registered: { confidence_level: 'u8' },
    BenchStart: { duration: 'u32' },
    BenchScore: 'u32',
    Started: { session_id: 'u32', init_v: 'u128', init_p: 'u32' },
    Stopped: null,
    EnterUnresponsive: null,
    ExitUnresponsive: null,
  }),
  SystemEvent: enumeration('', {
    WorkerEvent: { pubkey: 'WorkerKey', event: 'WorkerEvent' },
    HeartbeatChallenge: { seed: 'u256', online_target: 'u256' },
  }),
  RegistryEvent: enumeration('', {
    BenchReport: { start_time: 'u64', iterations: 'u64' },
    MasterPubkey: { master_pubkey: 'WorkerKey' },
  }),
  WorkingReportEvent: enumeration('', {
    Heartbeat: {
      session_id: 'u32',
      challenge_block: 'u32',
      challenge_time: 'u64',
      iterations: 'u64',
    },
    HeartbeatV2: {
      session_id: 'u32',
      challenge_block: 'u32',
      challenge_time: 'u64',
      iterations: 'u64',
      n_clusters: 'u32',
      n_contracts: 'u32',
    },
  }),
  SettleInfo: struct('', { pubkey: 'WorkerKey', v: 'u128', payout: 'u128', treasury: 'u128' }),
  WorkingInfoUpdateEvent: struct('', {
    block_number: 'u32',
    timestamp_ms: 'u64',
    offline: 'Vec<WorkerKey>',
    recovered_to_online: 'Vec<WorkerKey>',
    settle: 'Vec<SettleInfo>',
  }),
  GatekeeperIdentity: struct('', { pubkey: 'WorkerKey', ecdh_pubkey: 'WorkerKey' }),
  GatekeeperLaunch: enumeration('', {
    FirstGatekeeper: 'GatekeeperIdentity',
    MasterPubkeyOnChain: { master_pubkey: 'WorkerKey' },
  }),
  GatekeeperChange: enumeration('', {
    Registered: 'GatekeeperIdentity',
    Unregistered: { pubkey: 'WorkerKey' },
  }),
  GatekeeperEvent: enumeration(
    '',
    { TokenomicParametersChanged: 'TokenomicParameters' },
    { indices: { TokenomicParametersChanged: 1 } },
  ),
});

/** Codecs of {@link paraTypes}: everything but calls and events. */
export const paraCodecs = new Codecs(paraTypes);
