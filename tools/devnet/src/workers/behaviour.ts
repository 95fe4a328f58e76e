/** The three pRuntimes that are in the field, as far as a bridge can tell them apart. */
export const PRUNTIME_VERSIONS = ['0.2.6', '0.2.7', '2.x'] as const;
export type PruntimeVersion = (typeof PRUNTIME_VERSIONS)[number];

const KIB = 1024;
const MIB = 1024 * 1024;

/**
 * What differs between the pRuntimes, as one table, so that no other file asks for a version.
 *
 * Sources: phala-blockchain 40ffcd1be (0.2.6), e6743fcea (0.2.7, branch pruntime-v0.2.x), 654b1b699
 * (2.x): crates/phactory/api/src/storage_sync.rs, crates/phactory/src/{light_validation/mod,
 * light_validation/storage_proof,prpc_service,bin_api_service,lib}.rs.
 */
export interface WorkerBehaviour {
  readonly pruntime: PruntimeVersion;
  /** `orderOnly`: signatures and proofs are believed; numbers, hashes and state roots are not. */
  readonly checks: 'all' | 'orderOnly';
  /** GetInfo.version and, in 2.x, the packed version of the registration info. */
  readonly appVersion: string;
  readonly gitRevision: string;
  /** Next authority set: from the request with a proof, or from the last header's digest. */
  readonly authorityChangeFrom: 'request' | 'digest';
  /** Which relay storage keys may prove the authorities of the genesis info. */
  readonly genesisAuthorities: 'old' | 'newOrOld';
  /** Texts of a storage proof that does not lead to a value. */
  readonly proofTexts: 'short' | 'trieError';
  /** Is a proof without its root node told apart, as `storage root mismatch`? */
  readonly checksProofRoot: boolean;
  /** The last finalized header moves before the authority change was checked. */
  readonly finalizedMovesBeforeChange: boolean;
  /** First para header number expected after init. */
  readonly firstParaHeader: 0 | 1;
  /** First relay header number expected after init on a solo chain. */
  readonly firstSoloHeader: 0 | 1;
  /** Is the genesis state held against the state root of the first header at the first dispatch? */
  readonly validatesGenesisState: boolean;
  /** Where the para id of the `Paras.Heads` key comes from. */
  readonly paraIdFrom: 'state' | 'init';
  /** What a block without `Timestamp.Now` does. */
  readonly missingTimestamp: 'refuse' | 'zero';
  /** Layout of the registration info: V1, or V2 with para id and consensus version. */
  readonly registrationInfo: 1 | 2;
  /** Where an attestation report is put in the answer. */
  readonly attestationIn: 'payload' | 'encodedReport';
  /** What decides whether there is remote attestation. */
  readonly attestationBy: 'skipRa' | 'provider';
  /** Text when runtime info is asked for before init. */
  readonly runtimeInfoBeforeInit: string;
  /** Init with another relay genesis than the sealed one, or a bad bridge: dies or refuses. */
  readonly otherGenesis: 'panic' | 'refuse';
  /** Does GetInfo tell `waiting_for_paraheaders`, `system` and the other fields of later protocols? */
  readonly laterInfoFields: boolean;
  /** What the signature of a `/bin_api` answer covers. */
  readonly signsPayload: 'raw' | 'wrapped';
  /** Variant of the working report. */
  readonly heartbeat: 1 | 2;
  /** Most bytes of egress messages in one answer; newest are left out above it. */
  readonly maxEgressBytes: number | undefined;
  /** Bodies above the limit: cut off silently, or refused with 413. */
  readonly bodyAboveLimit: 'truncate' | 'refuse';
  /** Limit for a pRPC body. */
  readonly maxPrpcBodyBytes: (method: string) => number;
  readonly maxBinApiBodyBytes: number;
  /** JSON in and out on `/prpc`. */
  readonly jsonPrpc: boolean;
  /** Methods that exist, whether simulated or not. */
  readonly methods: ReadonlySet<string>;
}

const METHODS_0_2: readonly string[] = [
  'GetInfo',
  'SyncHeader',
  'SyncParaHeader',
  'SyncCombinedHeaders',
  'DispatchBlocks',
  'InitRuntime',
  'GetRuntimeInfo',
  'GetEgressMessages',
  'ContractQuery',
  'GetWorkerState',
  'Echo',
];

const METHODS_2: readonly string[] = [
  ...METHODS_0_2,
  'AddEndpoint',
  'RefreshEndpointSigningTime',
  'GetEndpointInfo',
  'SignEndpointInfo',
  'DerivePhalaI2pKey',
  'HandoverCreateChallenge',
  'HandoverStart',
  'HandoverAcceptChallenge',
  'HandoverReceive',
  'DcapHandoverCreateChallenge',
  'DcapHandoverStart',
  'DcapHandoverAcceptChallenge',
  'DcapHandoverReceive',
  'ConfigNetwork',
  'HttpFetch',
  'GetContractInfo',
  'GetClusterInfo',
  'UploadSidevmCode',
  'CalculateContractId',
  'GetNetworkConfig',
  'LoadChainState',
  'Stop',
  'LoadStorageProof',
  'TakeCheckpoint',
  'Statistics',
  'GenerateClusterStateRequest',
  'SaveClusterState',
  'LoadClusterState',
  'TryUpgradePinkRuntime',
];

/** Limits of 2.x with the Rocket.toml it is shipped with (standalone/pruntime/gramine-build). */
function maxBodyBytes2(method: string): number {
  switch (method) {
    case 'SyncHeader':
    case 'SyncParaHeader':
    case 'SyncCombinedHeaders':
    case 'DispatchBlocks':
    case 'InitRuntime':
    case 'HttpFetch':
      return 100 * MIB;
    case 'LoadChainState':
      return 500 * MIB;
    case 'UploadSidevmCode':
      return 32 * MIB;
    case 'LoadStorageProof':
      return 10 * MIB;
    case 'ContractQuery':
      return 500 * KIB;
    case 'GetContractInfo':
    case 'Statistics':
      return 100 * KIB;
    case 'SignEndpointInfo':
      return 32 * KIB;
    case 'GetInfo':
    case 'GetRuntimeInfo':
    case 'GetEgressMessages':
    case 'GetWorkerState':
    case 'GetEndpointInfo':
    case 'GetClusterInfo':
    case 'CalculateContractId':
    case 'GetNetworkConfig':
    case 'Stop':
    case 'TakeCheckpoint':
    case 'GenerateClusterStateRequest':
    case 'SaveClusterState':
    case 'LoadClusterState':
    case 'TryUpgradePinkRuntime':
      return KIB;
    case 'Echo':
      return MIB;
    default:
      return METHODS_2.includes(method) ? 10 * KIB : MIB;
  }
}

const V0_2_6: WorkerBehaviour = {
  pruntime: '0.2.6',
  checks: 'all',
  appVersion: '0.2.6',
  gitRevision: '40ffcd1be-simulated',
  authorityChangeFrom: 'request',
  genesisAuthorities: 'old',
  proofTexts: 'short',
  checksProofRoot: true,
  finalizedMovesBeforeChange: true,
  firstParaHeader: 1,
  firstSoloHeader: 1,
  validatesGenesisState: false,
  paraIdFrom: 'state',
  missingTimestamp: 'refuse',
  registrationInfo: 1,
  attestationIn: 'payload',
  attestationBy: 'skipRa',
  runtimeInfoBeforeInit: 'Uninitiated runtime info',
  otherGenesis: 'panic',
  laterInfoFields: false,
  signsPayload: 'raw',
  heartbeat: 1,
  maxEgressBytes: 20 * MIB - KIB,
  bodyAboveLimit: 'truncate',
  maxPrpcBodyBytes: () => 100 * MIB,
  maxBinApiBodyBytes: 100 * MIB,
  jsonPrpc: false,
  methods: new Set(METHODS_0_2),
};

const V0_2_7: WorkerBehaviour = {
  ...V0_2_6,
  pruntime: '0.2.7',
  appVersion: '0.2.7',
  gitRevision: 'e6743fcea-simulated',
  authorityChangeFrom: 'digest',
  genesisAuthorities: 'newOrOld',
  proofTexts: 'trieError',
  finalizedMovesBeforeChange: false,
};

const V2: WorkerBehaviour = {
  ...V0_2_7,
  pruntime: '2.x',
  appVersion: '2.2.0',
  gitRevision: '654b1b699-simulated',
  checksProofRoot: false,
  firstParaHeader: 0,
  firstSoloHeader: 0,
  validatesGenesisState: true,
  paraIdFrom: 'init',
  missingTimestamp: 'zero',
  registrationInfo: 2,
  attestationIn: 'encodedReport',
  attestationBy: 'provider',
  runtimeInfoBeforeInit: 'Runtime not initialized',
  otherGenesis: 'refuse',
  laterInfoFields: true,
  signsPayload: 'wrapped',
  heartbeat: 2,
  maxEgressBytes: undefined,
  bodyAboveLimit: 'refuse',
  maxPrpcBodyBytes: maxBodyBytes2,
  jsonPrpc: true,
  methods: new Set(METHODS_2),
};

const TABLE: Readonly<Record<PruntimeVersion, WorkerBehaviour>> = {
  '0.2.6': V0_2_6,
  '0.2.7': V0_2_7,
  '2.x': V2,
};

/**
 * The row of the table for a version.
 *
 * @param isLight of a light worker: it says so in the version that it tells
 */
export function behaviourOf(version: PruntimeVersion, isLight = false): WorkerBehaviour {
  const row = TABLE[version];
  if (!isLight) return row;
  return { ...row, checks: 'orderOnly', appVersion: `${row.appVersion}+light` };
}
