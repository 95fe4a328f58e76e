import { toHex } from '../primitives/index.js';
import type { WorkerBehaviour } from './behaviour.js';
import type { PhactoryInfo } from './gen/pruntime_rpc_pb.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** JSON text with the keys of every object in order, as serde_json's maps have them. */
export function sortedJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sortedJson(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}

/**
 * GetInfo as JSON: the hand-picked object of 0.2.x, or all fields of 2.x (phala-blockchain 40ffcd1be
 * and 654b1b699 crates/phactory/src/bin_api_service.rs `get_info_json`).
 */
export function infoJson(
  info: PhactoryInfo,
  machineId: Uint8Array,
  behaviour: WorkerBehaviour,
): Json {
  const gatekeeper = {
    role: info.gatekeeper?.role ?? 0,
    master_public_key: info.gatekeeper?.masterPublicKey ?? '',
  };
  const common = {
    initialized: info.initialized,
    registered: info.registered,
    gatekeeper,
    genesis_block_hash: info.genesisBlockHash ?? null,
    public_key: info.publicKey ?? null,
    ecdh_public_key: info.ecdhPublicKey ?? null,
    headernum: info.headernum,
    para_headernum: info.paraHeadernum,
    blocknum: info.blocknum,
    state_root: info.stateRoot,
    dev_mode: info.devMode,
    pending_messages: Number(info.pendingMessages),
    score: Number(info.score),
    version: info.version,
    git_revision: info.gitRevision,
  };
  const memory = {
    total_peak_used: Number(info.memoryUsage?.totalPeakUsed ?? 0),
    rust_used: Number(info.memoryUsage?.rustUsed ?? 0),
    rust_peak_used: Number(info.memoryUsage?.rustPeakUsed ?? 0),
  };
  if (!behaviour.laterInfoFields) {
    return {
      ...common,
      machine_id: toHex(machineId).slice(2),
      running_side_tasks: Number(info.runningSideTasks),
      memory_usage: memory,
    };
  }
  return {
    ...common,
    memory_usage: { ...memory, free: 0, rust_spike: 0 },
    waiting_for_paraheaders: info.waitingForParaheaders,
    system:
      info.system === undefined
        ? null
        : {
            registered: info.system.registered,
            public_key: info.system.publicKey,
            ecdh_public_key: info.system.ecdhPublicKey,
            gatekeeper,
            number_of_clusters: Number(info.system.numberOfClusters),
            number_of_contracts: Number(info.system.numberOfContracts),
            max_supported_consensus_version: info.system.maxSupportedConsensusVersion,
            genesis_block: info.system.genesisBlock,
          },
    can_load_chain_state: info.canLoadChainState,
    safe_mode_level: info.safeModeLevel,
    current_block_time: Number(info.currentBlockTime),
    max_supported_pink_runtime_version: info.maxSupportedPinkRuntimeVersion,
    supported_attestation_methods: info.supportedAttestationMethods,
    live_sidevm_instances: info.liveSidevmInstances,
    query_timeout: info.queryTimeout,
  };
}
