import type { InitRuntimeResponse, PhactoryInfo } from './gen/pruntime_rpc_pb.js';
import { GatekeeperRole } from './gen/pruntime_rpc_pb.js';

/** What GetInfo tells, plain enough to cross a process boundary; 64-bit values that can grow large are bigint. */
export interface PRuntimeInfo {
  initialized: boolean;
  registered: boolean;
  /** Hex without prefix, lower case, as pRuntime writes it; undefined before initialization. */
  publicKey: string | undefined;
  genesisBlockHash: string | undefined;
  /** Next relay header expected; 0 before initialization. */
  nextRelayHeader: number;
  /** Next para header expected. */
  nextParaHeader: number;
  /** Next block to dispatch. */
  nextBlock: number;
  /** A relay header was accepted and its para headers are missing; always false with 0.2.x of the first line. */
  waitingForParaHeaders: boolean;
  devMode: boolean;
  pendingMessages: bigint;
  version: string;
  gitRevision: string;
  /** The answer with 2022's JSON names: enums by name, 64-bit values as numbers, defaults filled in. */
  runtimeInfo: Record<string, unknown>;
}

/** What InitRuntime and GetRuntimeInfo answer. */
export interface RegistrationInfo {
  /** SCALE WorkerRegistrationInfo or WorkerRegistrationInfoV2. */
  encodedRuntimeInfo: Uint8Array;
  encodedPublicKey: Uint8Array;
  /** Absent where pRuntime runs without attestation. */
  attestation: PRuntimeAttestation | undefined;
}

/** The two forms in which pRuntimes hand out their attestation. */
export type PRuntimeAttestation =
  | {
      kind: 'payload';
      provider: string;
      /** UTF-8 JSON text of Intel's report. */
      report: string;
      signature: Uint8Array;
      /** DER. */
      signingCert: Uint8Array;
    }
  | {
      kind: 'encodedReport';
      provider: string;
      /** SCALE Option<AttestationReport>, the second argument of register_worker_v2 as it is. */
      encodedReport: Uint8Array;
    };

/** Turns the protobuf form into ours. */
export function toInfo(info: PhactoryInfo): PRuntimeInfo {
  // From 2.x on these live in `system`; the old places are still filled by all that we know of.
  const publicKey = nonEmpty(info.publicKey) ?? nonEmpty(info.system?.publicKey);
  return {
    initialized: info.initialized,
    registered: info.registered || (info.system?.registered ?? false),
    publicKey: publicKey?.replace(/^0x/, '').toLowerCase(),
    genesisBlockHash: nonEmpty(info.genesisBlockHash)?.replace(/^0x/, '').toLowerCase(),
    nextRelayHeader: info.headernum,
    nextParaHeader: info.paraHeadernum,
    nextBlock: info.blocknum,
    waitingForParaHeaders: info.waitingForParaheaders,
    devMode: info.devMode,
    pendingMessages: info.pendingMessages,
    version: info.version,
    gitRevision: info.gitRevision,
    runtimeInfo: runtimeInfoJson(info),
  };
}

/** Turns the protobuf form into ours. */
export function toRegistrationInfo(response: InitRuntimeResponse): RegistrationInfo {
  return {
    encodedRuntimeInfo: response.encodedRuntimeInfo,
    encodedPublicKey: response.encodedPublicKey,
    attestation: toAttestation(response),
  };
}

function toAttestation({ attestation }: InitRuntimeResponse): PRuntimeAttestation | undefined {
  if (!attestation) return undefined;
  const { provider, encodedReport, payload } = attestation;
  if (encodedReport.length > 0) return { kind: 'encodedReport', provider, encodedReport };
  if (!payload) return undefined;
  const { report, signature, signingCert } = payload;
  return { kind: 'payload', provider, report, signature, signingCert };
}

function runtimeInfoJson(info: PhactoryInfo): Record<string, unknown> {
  const { gatekeeper, memoryUsage, system } = info;
  const keeper = (status: PhactoryInfo['gatekeeper']) =>
    status && {
      role: GatekeeperRole[status.role] ?? String(status.role),
      masterPublicKey: status.masterPublicKey,
    };
  return {
    initialized: info.initialized,
    registered: info.registered,
    genesisBlockHash: info.genesisBlockHash ?? '',
    publicKey: info.publicKey ?? '',
    ecdhPublicKey: info.ecdhPublicKey ?? '',
    headernum: info.headernum,
    paraHeadernum: info.paraHeadernum,
    blocknum: info.blocknum,
    stateRoot: info.stateRoot,
    devMode: info.devMode,
    pendingMessages: Number(info.pendingMessages),
    score: Number(info.score),
    gatekeeper: keeper(gatekeeper) ?? null,
    version: info.version,
    gitRevision: info.gitRevision,
    runningSideTasks: Number(info.runningSideTasks),
    memoryUsage: memoryUsage
      ? {
          rustUsed: Number(memoryUsage.rustUsed),
          rustPeakUsed: Number(memoryUsage.rustPeakUsed),
          totalPeakUsed: Number(memoryUsage.totalPeakUsed),
        }
      : null,
    waitingForParaheaders: info.waitingForParaheaders,
    system: system
      ? {
          registered: system.registered,
          publicKey: system.publicKey,
          ecdhPublicKey: system.ecdhPublicKey,
          gatekeeper: keeper(system.gatekeeper) ?? null,
          numberOfClusters: Number(system.numberOfClusters),
          numberOfContracts: Number(system.numberOfContracts),
        }
      : null,
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
