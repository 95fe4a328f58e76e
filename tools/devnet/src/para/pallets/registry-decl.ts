import type { IndexedVariants } from '../../metadata/pallet.js';

/** Calls of PhalaRegistry that the dev chain runs, under Khala's indices. */
export const registryCalls: IndexedVariants = {
  force_set_benchmark_duration: [0, { value: 'u32' }],
  force_register_worker: [
    1,
    { pubkey: 'WorkerKey', ecdh_pubkey: 'WorkerKey', operator: 'Option<AccountId>' },
  ],
  register_gatekeeper: [3, { gatekeeper: 'WorkerKey' }],
  unregister_gatekeeper: [4, { gatekeeper: 'WorkerKey' }],
  register_worker: [
    6,
    { pruntime_info: 'WorkerRegistrationInfo', attestation: 'LegacyAttestation' },
  ],
  register_worker_v2: [
    7,
    { pruntime_info: 'WorkerRegistrationInfoV2', attestation: 'Option<AttestationReport>' },
  ],
  update_worker_endpoint: [8, { endpoint_payload: 'WorkerEndpointPayload', signature: 'Bytes' }],
  add_pruntime: [9, { pruntime_hash: 'Bytes' }],
  remove_pruntime: [10, { pruntime_hash: 'Bytes' }],
  add_relaychain_genesis_block_hash: [11, { genesis_block_hash: 'H256' }],
  remove_relaychain_genesis_block_hash: [12, { genesis_block_hash: 'H256' }],
  set_minimum_pruntime_version: [13, { major: 'u32', minor: 'u32', patch: 'u32' }],
  set_pruntime_consensus_version: [14, { version: 'u32' }],
};

const workerChange = {
  pubkey: 'WorkerKey',
  attestation_provider: 'Option<AttestationProvider>',
  confidence_level: 'u8',
};

/** Events of PhalaRegistry. */
export const registryEvents: IndexedVariants = {
  GatekeeperAdded: [0, { pubkey: 'WorkerKey' }],
  GatekeeperRemoved: [1, { pubkey: 'WorkerKey' }],
  WorkerAdded: [2, workerChange],
  WorkerUpdated: [3, workerChange],
  MasterKeyRotated: [4, { rotation_id: 'u64', master_pubkey: 'WorkerKey' }],
  MasterKeyRotationFailed: [5, { rotation_lock: 'Option<u64>', gatekeeper_rotation_id: 'u64' }],
  InitialScoreSet: [6, { pubkey: 'WorkerKey', init_score: 'u32' }],
  MinimumPRuntimeVersionChangedTo: [7, ['u32', 'u32', 'u32']],
  PRuntimeConsensusVersionChangedTo: [8, 'u32'],
  GatekeeperLaunched: [9, null],
};

/** Errors of PhalaRegistry in order of their index. */
export const registryErrors: readonly string[] = [
  'CannotHandleUnknownMessage',
  'InvalidSender',
  'InvalidPubKey',
  'MalformedSignature',
  'InvalidSignatureLength',
  'InvalidSignature',
  'UnknownContract',
  'InvalidIASSigningCert',
  'InvalidReport',
  'InvalidQuoteStatus',
  'BadIASReport',
  'OutdatedIASReport',
  'UnknownQuoteBodyFormat',
  'InvalidRuntimeInfoHash',
  'InvalidRuntimeInfo',
  'InvalidInput',
  'InvalidBenchReport',
  'WorkerNotFound',
  'NoneAttestationDisabled',
  'InvalidGatekeeper',
  'InvalidMasterPubkey',
  'MasterKeyMismatch',
  'MasterKeyUninitialized',
  'GenesisBlockHashRejected',
  'GenesisBlockHashAlreadyExists',
  'GenesisBlockHashNotFound',
  'PRuntimeRejected',
  'PRuntimeAlreadyExists',
  'PRuntimeNotFound',
  'UnknownCluster',
  'NotImplemented',
  'CannotRemoveLastGatekeeper',
  'MasterKeyInRotation',
  'InvalidRotatedMasterPubkey',
  'InvalidEndpointSigningTime',
  'NotMigrationRoot',
  'ParachainIdMismatch',
  'InvalidConsensusVersion',
];
