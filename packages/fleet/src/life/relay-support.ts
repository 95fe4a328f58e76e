import { BridgeError } from '@runtime-bridge/base';
import { isPRuntimeError, type PRuntimeInfo } from '@runtime-bridge/prpc-client';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { RelayEra } from '../sync/relay-era.js';
import { needsAuthorityProof } from './pruntime-version.js';

/**
 * What pRuntime says when the proof of a new authority set lacks the list (phala-blockchain 40ffcd1be
 * crates/phactory/src/light_validation). A para head's proof has the same words behind `StorageProofFailed`.
 */
const NO_LIST_IN_PROOF = /HeaderValidateFailed.*storage value unavailable/;

/** @throws FleetError RELAY_CHAIN_UNSUPPORTED for a pRuntime that cannot follow a relay chain of this era */
export function expectToFollow(info: PRuntimeInfo, era: RelayEra): void {
  if (era === 'new' && needsAuthorityProof(info.version)) throw unsupported(info);
}

/**
 * What went wrong, with a hint beside pRuntime's own words where they have two reasons: bad data, or a relay chain that
 * has given up the old key while the worker was on its way.
 */
export function explainRefusal(error: unknown, info: PRuntimeInfo | undefined): BridgeError {
  const told = BridgeError.from(error);
  const lacksList = isPRuntimeError(error) && NO_LIST_IN_PROOF.test(error.text ?? '');
  if (!lacksList || !info || !needsAuthorityProof(info.version)) return told;
  const remedy = 'If the relay chain has given up :grandpa_authorities, upgrade to 0.2.7 or later';
  return new BridgeError(told.code, told.message, {
    facts: { ...told.facts, version: info.version },
    remedy,
    cause: error,
  });
}

function unsupported({ version }: PRuntimeInfo): FleetError {
  return new FleetError(
    FleetErrorCode.RELAY_CHAIN_UNSUPPORTED,
    'this pRuntime cannot follow a relay chain without :grandpa_authorities; upgrade to 0.2.7 or later',
    { facts: { version } },
  );
}
