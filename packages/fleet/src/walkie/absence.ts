import { FleetError, FleetErrorCode } from '../errors.js';

/** Why no worker is driven. */
export interface FleetAbsence {
  /** Said of each worker. */
  readonly message: string;
  /** Thrown where something was asked of a worker. */
  error(): FleetError;
}

/** The operator wants it so. */
export const configMode: FleetAbsence = {
  message: 'Config mode, workers are not driven.',
  error: () =>
    new FleetError(
      FleetErrorCode.CONFIG_MODE,
      'Workers are not driven in config mode (PHALA_LIFECYCLE_CONFIG_MODE)',
    ),
};

/** Workers can be driven once the parachain is there. */
export const waitingForChain: FleetAbsence = {
  message: 'Waiting for the parachain node.',
  error: () =>
    new FleetError(
      FleetErrorCode.CHAIN_MISSING,
      'Workers are not driven yet: waiting for the parachain node',
      { remedy: 'See that a node of PHALA_CHAIN_ENDPOINT answers; all goes on by itself then.' },
    ),
};
