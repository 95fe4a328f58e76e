import { BridgeError } from '@runtime-bridge/base';
import { isPRuntimeError, type PRuntimeInfo } from '@runtime-bridge/prpc-client';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { RelayEra } from '../sync/relay-era.js';
import { needsAuthorityProof } from './pruntime-version.js';

/** What pRuntime says of a proof without the value (phala-blockchain 40ffcd1be crates/phactory/src/light_validation). */
const NO_VALUE_IN_PROOF = 'storage value unavailable';

/** @throws FleetError RELAY_CHAIN_UNSUPPORTED for a pRuntime that cannot follow a relay chain of this era */
export function expectToFollow(info: PRuntimeInfo, era: RelayEra): void {
  if (era === 'new' && needsAuthorityProof(info.version)) throw unsupported(info);
}

/**
 * What went wrong, in the words for it: a relay chain may give up the old key while a worker is on its way, and pRuntime
 * then finds no value in the proof.
 */
export function explainRefusal(error: unknown, info: PRuntimeInfo | undefined): BridgeError {
  const unproved = isPRuntimeError(error) && error.text?.includes(NO_VALUE_IN_PROOF) === true;
  return unproved && info && needsAuthorityProof(info.version)
    ? unsupported(info, error)
    : BridgeError.from(error);
}

function unsupported({ version }: PRuntimeInfo, cause?: unknown): FleetError {
  return new FleetError(
    FleetErrorCode.RELAY_CHAIN_UNSUPPORTED,
    'this pRuntime cannot follow a relay chain without :grandpa_authorities; upgrade to 0.2.7 or later',
    { facts: { version }, cause },
  );
}
