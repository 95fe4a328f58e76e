import { BridgeError } from '@runtime-bridge/base';

/** Codes of the errors of this package. */
export const ServiceErrorCode = {
  /** One or more environment variables have values that cannot be used; the message lists all of them. */
  BAD_SETTINGS: 'BAD_SETTINGS',
  /** The port for health and metrics could not be opened. */
  PORT_UNAVAILABLE: 'PORT_UNAVAILABLE',
  /** The service did not stop in time. */
  STOP_TIMEOUT: 'STOP_TIMEOUT',
} as const;
export type ServiceErrorCode = (typeof ServiceErrorCode)[keyof typeof ServiceErrorCode];

/** An error of starting, running or stopping a service. */
export class ServiceError extends BridgeError<ServiceErrorCode> {
  override readonly name = 'ServiceError';
}

/** Exit codes of a service. */
export const ExitCode = {
  OK: 0,
  /** It could not start, or failed while running. */
  FAILED: 1,
  /** Something that nobody foresaw. */
  UNEXPECTED: 70,
  /** The settings cannot be used (EX_CONFIG of sysexits.h). */
  BAD_SETTINGS: 78,
} as const;
