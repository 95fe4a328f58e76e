import { concatBytes, toHex } from '@runtime-bridge/base';
import { compactLength } from '@runtime-bridge/blob-codec';
import type { RegistrationInfo } from '@runtime-bridge/prpc-client';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { WorkerJob } from '../runner/messages.js';

/** SCALE index of SgxIas in the legacy Attestation enum (phala-blockchain 40ffcd1be crates/phala-types/src/lib.rs). */
const SGX_IAS = new Uint8Array([0]);

/**
 * The registration of a worker from what its pRuntime gives: the call with the legacy attestation for 0.2.x, the second
 * version where pRuntime hands out an encoded report.
 * @throws FleetError NO_ATTESTATION, REGISTRATION_UNSUPPORTED
 */
export function registrationJob(
  info: RegistrationInfo,
  epoch: string,
  chain: { registerWorkerV2: boolean },
): WorkerJob {
  const { attestation } = info;
  const runtimeInfo = toHex(info.encodedRuntimeInfo);
  switch (attestation?.kind) {
    case undefined:
      throw new FleetError(FleetErrorCode.NO_ATTESTATION, 'pRuntime gives no attestation report', {
        remedy:
          'Check that its host reaches the attestation service, then refresh the remote attestation.',
      });
    case 'payload': {
      const { report, signature, signingCert } = attestation;
      const encoded = concatBytes([
        SGX_IAS,
        bytes(new TextEncoder().encode(report)),
        bytes(signature),
        bytes(signingCert),
      ]);
      return {
        action: 'REGISTER_WORKER',
        epoch,
        runtimeInfo,
        attestation: toHex(encoded),
        version: 'v1',
      };
    }
    case 'encodedReport':
      if (!chain.registerWorkerV2) {
        throw new FleetError(
          FleetErrorCode.REGISTRATION_UNSUPPORTED,
          'This pRuntime registers by register_worker_v2, which the chain does not have',
        );
      }
      return {
        action: 'REGISTER_WORKER',
        epoch,
        runtimeInfo,
        attestation: toHex(attestation.encodedReport),
        version: 'v2',
      };
  }
}

function bytes(content: Uint8Array): Uint8Array {
  return concatBytes([compactLength(content.length), content]);
}
