import { PalletStorage } from '../../metadata/storage-item.js';
import { paraCodecs } from '../types.js';
import type { WorkerInfo, WorkerKey } from '../values.js';

const storage = new PalletStorage(paraCodecs, 'PhalaRegistry');

export const gatekeeper = storage.valueOr<WorkerKey[]>('Gatekeeper', 'Vec<WorkerKey>', []);
export const gatekeeperMasterPubkey = storage.value<Uint8Array>(
  'GatekeeperMasterPubkey',
  'WorkerKey',
);
/** Block and second. */
export const gatekeeperLaunchedAt = storage.value<[number, bigint]>(
  'GatekeeperLaunchedAt',
  '(u32, u64)',
);
export const workers = storage.map<WorkerKey, WorkerInfo>('Workers', 'WorkerKey', 'WorkerInfoV2');
export const workerAddedAt = storage.map<WorkerKey, number>('WorkerAddedAt', 'WorkerKey', 'u32');
export const contractKeys = storage.map<Uint8Array, Uint8Array>(
  'ContractKeys',
  'H256',
  'WorkerKey',
);
export const clusterKeys = storage.map<Uint8Array, Uint8Array>('ClusterKeys', 'H256', 'WorkerKey');
export const benchmarkDuration = storage.value<number>('BenchmarkDuration', 'u32');
export const pRuntimeAllowList = storage.valueOr<Uint8Array[]>(
  'PRuntimeAllowList',
  'Vec<Bytes>',
  [],
);
export const pRuntimeAddedAt = storage.map<Uint8Array, number>('PRuntimeAddedAt', 'Bytes', 'u32');
export const relaychainGenesisBlockHashAllowList = storage.valueOr<Uint8Array[]>(
  'RelaychainGenesisBlockHashAllowList',
  'Vec<H256>',
  [],
);
export const endpoints = storage.map<WorkerKey, unknown>(
  'Endpoints',
  'WorkerKey',
  'VersionedWorkerEndpoints',
);
export const minimumPRuntimeVersion = storage.valueOr<[number, number, number]>(
  'MinimumPRuntimeVersion',
  '(u32, u32, u32)',
  [0, 0, 0],
);
export const pRuntimeConsensusVersion = storage.valueOr<number>(
  'PRuntimeConsensusVersion',
  'u32',
  0,
);
export const maxKnownConsensusVersion = storage.valueOr<{ version: number; count: number }>(
  'MaxKnownPRuntimeConsensusVersion',
  'KnownConsensusVersion',
  { version: 0, count: 0 },
);

/** Every item, for the metadata. */
export const registryStorage = [
  gatekeeper,
  gatekeeperMasterPubkey,
  gatekeeperLaunchedAt,
  workers,
  workerAddedAt,
  contractKeys,
  clusterKeys,
  benchmarkDuration,
  pRuntimeAllowList,
  pRuntimeAddedAt,
  relaychainGenesisBlockHashAllowList,
  endpoints,
  minimumPRuntimeVersion,
  pRuntimeConsensusVersion,
  maxKnownConsensusVersion,
];
