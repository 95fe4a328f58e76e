import { BridgeError } from '@runtime-bridge/base';

/** Exit codes, which scripts may rely on. */
export const ExitCode = {
  OK: 0,
  /** Something failed. */
  FAILED: 1,
  /** The command line or an input file makes no sense. */
  USAGE: 2,
  /** A peer, pool or worker is not there. */
  NOT_FOUND: 3,
  /** The peer refused it. */
  REFUSED: 4,
} as const;

/** What the user wrote makes no sense. */
export class UsageError extends BridgeError<'USAGE'> {
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** What the user named is not there. */
export class MissingError extends BridgeError<'NOT_FOUND'> {
  constructor(message: string) {
    super('NOT_FOUND', message);
  }
}

/** Entries of a file that cannot be taken over; each was told. */
export class FaultyEntriesError extends BridgeError<'FAULTY_ENTRIES'> {
  constructor(count: number, applied: boolean) {
    super(
      'FAULTY_ENTRIES',
      `${count} entries are faulty${applied ? '' : ', so nothing was changed'}; --skip-faulty takes the others`,
      { facts: { count } },
    );
  }
}

/** An order that a manager did not take; why was told for each worker. */
export class NotPossibleError extends BridgeError<'NOT_POSSIBLE'> {
  constructor(action: string, reason: string) {
    super('NOT_POSSIBLE', `${action} is not possible ${reason}`, { facts: { action } });
  }
}

/** The webhook did not take a notice. */
export class WebhookError extends BridgeError<'WEBHOOK'> {
  constructor(reason: string) {
    super('WEBHOOK', `The webhook did not take the notice: ${reason}`);
  }
}

/** A PRBv3 did not do what was asked of it. */
export class Prbv3Error extends BridgeError<'PRBV3'> {
  constructor(command: string, reason: string, cause?: unknown) {
    super('PRBV3', `PRBv3 refused ${command}: ${reason}`, { facts: { command }, cause });
  }
}

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  const { code } = BridgeError.from(error);
  if (code === 'USAGE' || code === 'BAD_SECRET' || code === 'BAD_ADDRESS') return ExitCode.USAGE;
  if (code === 'NOT_FOUND') return ExitCode.NOT_FOUND;
  if (code === 'UNAUTHORIZED') return ExitCode.REFUSED;
  return ExitCode.FAILED;
}
