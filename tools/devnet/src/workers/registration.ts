import { create } from '@bufbuild/protobuf';
import { makeDevIasReport } from '../attestation/index.js';
import { blake2b256, concatBytes, scale } from '../primitives/index.js';
import type { WorkerBehaviour } from './behaviour.js';
import { AttestationSchema, InitRuntimeResponseSchema } from './gen/pruntime_rpc_pb.js';
import type { Attestation, InitRuntimeResponse } from './gen/pruntime_rpc_pb.js';

/** What a worker says about itself when it registers. */
export interface RegistrationFacts {
  readonly machineId: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly ecdhPublicKey: Uint8Array;
  readonly genesisBlockHash: Uint8Array;
  readonly features: readonly number[];
  readonly operator: Uint8Array | undefined;
  readonly paraId: number;
}

/** Who attests: nobody, or Intel's attestation service (here the dev one). */
export type AttestationProvider = 'ias' | undefined;

const MAX_ATTESTATION_AGE_SEC = 3600;
const MAX_CONSENSUS_VERSION = 0;

/** `WorkerRegistrationInfo` or `WorkerRegistrationInfoV2` (phala-blockchain crates/phala-types/src/lib.rs). */
export function encodeRegistrationInfo(
  facts: RegistrationFacts,
  behaviour: WorkerBehaviour,
): Uint8Array {
  const isV2 = behaviour.registrationInfo === 2;
  return concatBytes(
    scale.u32(isV2 ? packedVersion(behaviour.appVersion) : 1),
    scale.bytes(facts.machineId),
    facts.publicKey,
    facts.ecdhPublicKey,
    facts.genesisBlockHash,
    scale.vec(facts.features.map((feature) => scale.u32(feature))),
    scale.option(facts.operator),
    isV2
      ? concatBytes(scale.u32(facts.paraId), scale.u32(MAX_CONSENSUS_VERSION))
      : new Uint8Array(),
  );
}

function packedVersion(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return (major << 16) + (minor << 8) + patch;
}

/** The cached answer of GetRuntimeInfo, with its attestation. */
export class RegistrationDesk {
  private facts: RegistrationFacts;
  private attestation: Attestation | undefined;

  constructor(
    options: { readonly facts: RegistrationFacts; readonly provider: AttestationProvider },
    private readonly behaviour: WorkerBehaviour,
    private readonly nowMs: () => number,
  ) {
    this.facts = options.facts;
    this.provider = options.provider;
  }

  readonly provider: AttestationProvider;

  /** For a checkpoint; the attestation is made again when needed. */
  snapshot(): RegistrationFacts {
    return this.facts;
  }

  /** Answer of InitRuntime and, with its attestation, of GetRuntimeInfo. */
  response(): InitRuntimeResponse {
    const { facts } = this;
    return create(InitRuntimeResponseSchema, {
      encodedRuntimeInfo: encodeRegistrationInfo(facts, this.behaviour),
      encodedGenesisBlockHash: facts.genesisBlockHash,
      encodedPublicKey: facts.publicKey,
      encodedEcdhPublicKey: facts.ecdhPublicKey,
      ...(this.attestation === undefined ? {} : { attestation: this.attestation }),
    });
  }

  /**
   * Answer of GetRuntimeInfo. A report is reused for an hour unless a new one is asked for; another
   * operator always drops it, since the report commits to the encoded info.
   */
  runtimeInfo(request: {
    readonly forceRefresh: boolean;
    readonly operator: Uint8Array | undefined;
    readonly mayAttest: boolean;
  }): InitRuntimeResponse {
    if (request.operator !== undefined) {
      this.facts = { ...this.facts, operator: new Uint8Array(request.operator) };
      this.attestation = undefined;
    }
    const nowSec = Math.floor(this.nowMs() / 1000);
    const expiresSec = Number(this.attestation?.timestamp ?? 0) + MAX_ATTESTATION_AGE_SEC;
    if (request.forceRefresh || nowSec > expiresSec) this.attestation = undefined;
    if (request.mayAttest) this.attestation ??= this.attest(nowSec);
    return this.response();
  }

  private attest(nowSec: number): Attestation {
    const timestamp = BigInt(nowSec);
    const inPayload = this.behaviour.attestationIn === 'payload';
    if (this.provider === undefined) {
      return create(AttestationSchema, {
        version: 1,
        provider: 'null',
        encodedReport: Uint8Array.of(0),
        timestamp,
      });
    }
    const reportData = blake2b256(encodeRegistrationInfo(this.facts, this.behaviour));
    const report = makeDevIasReport({ reportData, timestampMs: this.nowMs() });
    if (inPayload) {
      return create(AttestationSchema, {
        version: 1,
        provider: 'SGX',
        payload: {
          report: Buffer.from(report.raReport).toString('utf8'),
          signature: report.signature,
          signingCert: report.rawSigningCert,
        },
        timestamp,
      });
    }
    // SCALE `Option<AttestationReport>`: Some, variant 0 `SgxIas`.
    const encodedReport = concatBytes(
      Uint8Array.of(1, 0),
      scale.bytes(report.raReport),
      scale.bytes(report.signature),
      scale.bytes(report.rawSigningCert),
    );
    return create(AttestationSchema, { version: 1, provider: '"ias"', encodedReport, timestamp });
  }
}
