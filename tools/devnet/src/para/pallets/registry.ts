import { ReportRejected, verifyIasAttestation } from '../../attestation/index.js';
import { blake2b256, concatBytes } from '../../primitives/index.js';
import { ensure, rootHandler, signedHandler } from '../pallet.js';
import type { Ctx, Pallet } from '../pallet.js';
import { verifySr25519 } from '../signature.js';
import { paraCodecs } from '../types.js';
import type {
  AccountId,
  AttestationProvider,
  SgxIas,
  WorkerInfo,
  WorkerKey,
  WorkerRegistrationInfo,
  WorkerRegistrationInfoV2,
} from '../values.js';
import { pushPalletMessage, pushWorkerEvent } from './mq.js';
import * as storage from './registry-storage.js';
import { registryCalls, registryErrors, registryEvents } from './registry-decl.js';
import { now, nowSec } from './timestamp.js';

const PALLET = 'PhalaRegistry';

interface Attested {
  provider: AttestationProvider | undefined;
  confidenceLevel: number;
}

/** Confidence of a worker that nobody attests. */
const UNATTESTED_CONFIDENCE = 128;
/** How long a signed endpoint is good: 4 hours. */
const ENDPOINT_LIFE_MS = 4n * 60n * 60n * 1000n;

function checkReport(ctx: Ctx, report: SgxIas, encodedInfo: Uint8Array): Attested {
  const { state, config } = ctx;
  try {
    const { confidenceLevel } = verifyIasAttestation(report, {
      nowSec: Number(nowSec(ctx)),
      userDataHash: blake2b256(encodedInfo),
      allowList: config.verifyPRuntime ? storage.pRuntimeAllowList.get(state) : undefined,
      rootCert: config.attestationRoot,
    });
    return { provider: { type: 'Ias' }, confidenceLevel };
  } catch (e) {
    if (e instanceof ReportRejected) throw ctx.error(PALLET, e.fault);
    throw e;
  }
}

function checkGenesis(ctx: Ctx, info: WorkerRegistrationInfo): void {
  if (!ctx.config.verifyRelaychainGenesisBlockHash) return;
  const allowed = storage.relaychainGenesisBlockHashAllowList.get(ctx.state);
  ensure(ctx, contains(allowed, info.genesisBlockHash), PALLET, 'GenesisBlockHashRejected');
}

function update(ctx: Ctx, info: WorkerRegistrationInfo, attested: Attested): void {
  const { state } = ctx;
  const { pubkey } = info;
  const { confidenceLevel, provider } = attested;
  const known = storage.workers.get(state, pubkey);
  const record: WorkerInfo = {
    // A worker that registers again keeps its ECDH key and its score.
    ecdhPubkey: known?.ecdhPubkey ?? info.ecdhPubkey,
    initialScore: known?.initialScore,
    pubkey,
    runtimeVersion: info.version,
    lastUpdated: nowSec(ctx),
    operator: info.operator,
    attestationProvider: known ? known.attestationProvider : provider,
    confidenceLevel,
    features: info.features,
  };
  storage.workers.put(state, pubkey, record);
  pushWorkerEvent(ctx, PALLET, pubkey, { type: 'Registered', confidenceLevel });
  ctx.deposit(PALLET, known ? 'WorkerUpdated' : 'WorkerAdded', {
    pubkey,
    attestationProvider: provider,
    confidenceLevel: confidenceLevel,
  });
  if (!known) storage.workerAddedAt.put(state, pubkey, ctx.number);
  const duration = storage.benchmarkDuration.get(state) ?? 0;
  pushWorkerEvent(ctx, PALLET, pubkey, { type: 'BenchStart', duration });
}

function countConsensusVersion(ctx: Ctx, version: number): void {
  const known = storage.maxKnownConsensusVersion.get(ctx.state);
  if (known.version < version)
    storage.maxKnownConsensusVersion.put(ctx.state, { version, count: 1 });
  else if (known.version === version) {
    storage.maxKnownConsensusVersion.put(ctx.state, { version, count: known.count + 1 });
  }
}

const contains = (list: readonly Uint8Array[], one: Uint8Array): boolean =>
  list.some((item) => Buffer.compare(item, one) === 0);
const without = (list: readonly Uint8Array[], one: Uint8Array): Uint8Array[] =>
  list.filter((item) => Buffer.compare(item, one) !== 0);

interface EndpointArgs {
  endpointPayload: { pubkey: WorkerKey; versionedEndpoints: unknown; signingTime: bigint };
  signature: Uint8Array;
}

/** Workers, pRuntime builds, gatekeepers. Rules: phala-blockchain 654b1b699 pallets/phala/src/registry.rs. */
export const registry: Pallet = {
  name: PALLET,
  index: 86,
  path: 'phala_pallets::registry::pallet',
  storage: storage.registryStorage,
  calls: registryCalls,
  events: registryEvents,
  errors: registryErrors,
  constants: {
    NoneAttestationEnabled: ['bool', false],
    VerifyPRuntime: ['bool', true],
    VerifyRelaychainGenesisBlockHash: ['bool', true],
  },
  dispatch: {
    force_set_benchmark_duration: rootHandler<{ value: number }>((ctx, { value }) =>
      storage.benchmarkDuration.put(ctx.state, value),
    ),
    force_register_worker: rootHandler<{
      pubkey: WorkerKey;
      ecdhPubkey: Uint8Array;
      operator: AccountId | undefined;
    }>((ctx, { pubkey, ecdhPubkey, operator }) => {
      const confidenceLevel = UNATTESTED_CONFIDENCE;
      storage.workers.put(ctx.state, pubkey, {
        pubkey,
        ecdhPubkey,
        runtimeVersion: 0,
        lastUpdated: 1n,
        operator,
        attestationProvider: { type: 'Root' },
        confidenceLevel,
        initialScore: undefined,
        features: [1, 4],
      });
      storage.workerAddedAt.put(ctx.state, pubkey, ctx.number);
      pushWorkerEvent(ctx, PALLET, pubkey, { type: 'Registered', confidenceLevel });
      ctx.deposit(PALLET, 'WorkerAdded', {
        pubkey,
        attestationProvider: { type: 'Root' },
        confidenceLevel: confidenceLevel,
      });
    }),
    register_gatekeeper: rootHandler<{ gatekeeper: WorkerKey }>((ctx, { gatekeeper }) => {
      const { state } = ctx;
      const list = storage.gatekeeper.get(state);
      const hasMaster = storage.gatekeeperMasterPubkey.exists(state);
      ensure(ctx, list.length === 0 || hasMaster, PALLET, 'MasterKeyUninitialized');
      if (!contains(list, gatekeeper)) {
        const info = storage.workers.get(state, gatekeeper);
        ensure(ctx, info !== undefined, PALLET, 'WorkerNotFound');
        const identity = { pubkey: gatekeeper, ecdhPubkey: info.ecdhPubkey };
        if (list.length === 0) {
          push(ctx, 'phala/gatekeeper/launch', 'GatekeeperLaunch', 'FirstGatekeeper', identity);
        } else {
          push(ctx, 'phala/gatekeeper/change', 'GatekeeperChange', 'Registered', identity);
        }
        storage.gatekeeper.put(state, [...list, gatekeeper]);
      }
      ctx.deposit(PALLET, 'GatekeeperAdded', { pubkey: gatekeeper });
    }),
    unregister_gatekeeper: rootHandler<{ gatekeeper: WorkerKey }>((ctx, { gatekeeper }) => {
      const list = storage.gatekeeper.get(ctx.state);
      ensure(ctx, contains(list, gatekeeper), PALLET, 'InvalidGatekeeper');
      ensure(ctx, list.length > 1, PALLET, 'CannotRemoveLastGatekeeper');
      storage.gatekeeper.put(ctx.state, without(list, gatekeeper));
      pushPalletMessage(ctx, PALLET, 'phala/gatekeeper/change', 'GatekeeperChange', {
        type: 'Unregistered',
        pubkey: gatekeeper,
      });
    }),
    register_worker: signedHandler<{ pruntimeInfo: WorkerRegistrationInfo; attestation: SgxIas }>(
      (ctx, _, { pruntimeInfo, attestation }) => {
        const encoded = paraCodecs.encode('WorkerRegistrationInfo', pruntimeInfo);
        const attested = checkReport(ctx, attestation, encoded);
        checkGenesis(ctx, pruntimeInfo);
        update(ctx, pruntimeInfo, attested);
      },
    ),
    register_worker_v2: signedHandler<{
      pruntimeInfo: WorkerRegistrationInfoV2;
      attestation: SgxIas | undefined;
    }>((ctx, _, { pruntimeInfo, attestation }) => {
      const encoded = paraCodecs.encode('WorkerRegistrationInfoV2', pruntimeInfo);
      let attested: Attested = { provider: undefined, confidenceLevel: UNATTESTED_CONFIDENCE };
      if (attestation) attested = checkReport(ctx, attestation, encoded);
      else ensure(ctx, ctx.config.noneAttestationEnabled, PALLET, 'NoneAttestationDisabled');
      const isOurs = pruntimeInfo.paraId === ctx.config.paraId;
      ensure(ctx, isOurs, PALLET, 'ParachainIdMismatch');
      checkGenesis(ctx, pruntimeInfo);
      countConsensusVersion(ctx, pruntimeInfo.maxConsensusVersion);
      update(ctx, pruntimeInfo, attested);
    }),
    update_worker_endpoint: signedHandler<EndpointArgs>((ctx, _, args) => {
      const { endpointPayload: payload, signature } = args;
      ensure(ctx, signature.length === 64, PALLET, 'InvalidSignatureLength');
      const signed = concatBytes(
        ENDPOINT_CONTEXT,
        paraCodecs.encode('WorkerEndpointPayload', payload),
      );
      const isGood = verifySr25519(signed, signature, payload.pubkey);
      ensure(ctx, isGood, PALLET, 'InvalidSignature');
      const nowMs = now.get(ctx.state);
      const isFresh =
        payload.signingTime < nowMs && nowMs <= payload.signingTime + ENDPOINT_LIFE_MS;
      ensure(ctx, isFresh, PALLET, 'InvalidEndpointSigningTime');
      const isKnown = storage.workers.has(ctx.state, payload.pubkey);
      ensure(ctx, isKnown, PALLET, 'InvalidPubKey');
      storage.endpoints.put(ctx.state, payload.pubkey, payload.versionedEndpoints);
    }),
    add_pruntime: rootHandler<{ pruntimeHash: Uint8Array }>((ctx, { pruntimeHash }) => {
      const list = storage.pRuntimeAllowList.get(ctx.state);
      ensure(ctx, !contains(list, pruntimeHash), PALLET, 'PRuntimeAlreadyExists');
      storage.pRuntimeAllowList.put(ctx.state, [...list, pruntimeHash]);
      storage.pRuntimeAddedAt.put(ctx.state, pruntimeHash, ctx.number);
    }),
    remove_pruntime: rootHandler<{ pruntimeHash: Uint8Array }>((ctx, { pruntimeHash }) => {
      const list = storage.pRuntimeAllowList.get(ctx.state);
      ensure(ctx, contains(list, pruntimeHash), PALLET, 'PRuntimeNotFound');
      storage.pRuntimeAllowList.put(ctx.state, without(list, pruntimeHash));
      storage.pRuntimeAddedAt.remove(ctx.state, pruntimeHash);
    }),
    add_relaychain_genesis_block_hash: rootHandler<{ genesisBlockHash: Uint8Array }>(
      (ctx, { genesisBlockHash }) => {
        const list = storage.relaychainGenesisBlockHashAllowList.get(ctx.state);
        const isNew = !contains(list, genesisBlockHash);
        ensure(ctx, isNew, PALLET, 'GenesisBlockHashAlreadyExists');
        storage.relaychainGenesisBlockHashAllowList.put(ctx.state, [...list, genesisBlockHash]);
      },
    ),
    remove_relaychain_genesis_block_hash: rootHandler<{ genesisBlockHash: Uint8Array }>(
      (ctx, { genesisBlockHash }) => {
        const list = storage.relaychainGenesisBlockHashAllowList.get(ctx.state);
        ensure(ctx, contains(list, genesisBlockHash), PALLET, 'GenesisBlockHashNotFound');
        const left = without(list, genesisBlockHash);
        storage.relaychainGenesisBlockHashAllowList.put(ctx.state, left);
      },
    ),
    set_minimum_pruntime_version: rootHandler<{ major: number; minor: number; patch: number }>(
      (ctx, { major, minor, patch }) => {
        storage.minimumPRuntimeVersion.put(ctx.state, [major, minor, patch]);
        ctx.deposit(PALLET, 'MinimumPRuntimeVersionChangedTo', { values: [major, minor, patch] });
      },
    ),
    set_pruntime_consensus_version: rootHandler<{ version: number }>((ctx, { version }) => {
      storage.pRuntimeConsensusVersion.put(ctx.state, version);
      ctx.deposit(PALLET, 'PRuntimeConsensusVersionChangedTo', { value: version });
    }),
  },
};

/** Marks signed content as an endpoint (phala-blockchain 654b1b699 crates/phala-types, wrap_content_to_sign). */
const ENDPOINT_CONTEXT = Uint8Array.of(255, 2);

function push(ctx: Ctx, topic: string, type: string, variant: string, value: unknown): void {
  pushPalletMessage(ctx, PALLET, topic, type, { type: variant, value });
}
