import { randomUUID } from 'node:crypto';
import type { ErrorObject, Hex } from '@runtime-bridge/base';
import { z } from 'zod';
import { TxQueueError, TxQueueErrorCode } from './errors.js';

/**
 * What a job may ask for. Names and payload fields are those of the 2022 system, so that either side may be the older
 * one (source: Phala-Network/runtime-bridge 80fde2c src/trade).
 */
export const JobAction = {
  BATCH_SYNC_MQ_MESSAGE: 'BATCH_SYNC_MQ_MESSAGE',
  REGISTER_WORKER: 'REGISTER_WORKER',
  ADD_WORKER: 'ADD_WORKER',
  START_COMPUTING: 'START_COMPUTING',
  STOP_COMPUTING: 'STOP_COMPUTING',
  RESTART_COMPUTING: 'RESTART_COMPUTING',
  /** Not of 2022: gives the stake of a worker that has cooled down back to its pool. */
  RECLAIM_WORKER: 'RECLAIM_WORKER',
} as const;
export type JobAction = (typeof JobAction)[keyof typeof JobAction];

/** How large jobs may be. */
export const jobLimits = {
  /** Egress messages in one job: what one batch can hold on Khala with room to spare. */
  maxMessages: 1_000,
  /** Bytes of a job as JSON: an attestation with collateral is about 20 KiB, a thousand messages about 0.5 MiB. */
  maxBytes: 2 * 1024 * 1024,
  /** Characters of an id. */
  maxIdLength: 200,
} as const;

const hex = z
  .string()
  .regex(/^(0x)?([0-9a-fA-F]{2})*$/, 'must be hex')
  .transform((text): Hex => `0x${text.toLowerCase().replace(/^0x/, '')}`);
const publicKey = hex.refine((text) => text.length === 66, 'must be 32 bytes');
const nonEmptyHex = hex.refine((text) => text.length > 2, 'must not be empty');
const unsigned = (bits: number) =>
  z
    .union([z.string().regex(/^[0-9]{1,40}$/, 'must be a decimal number'), z.int().min(0)])
    .transform((value) => BigInt(value))
    .refine((value) => value < 1n << BigInt(bits), `must fit ${bits} bits`)
    .transform((value) => value.toString());
const pid = unsigned(64);

const txJob = z.discriminatedUnion('action', [
  z.object({
    action: z.literal(JobAction.BATCH_SYNC_MQ_MESSAGE),
    payload: z.object({ pid, messages: z.array(nonEmptyHex).min(1).max(jobLimits.maxMessages) }),
  }),
  z.object({
    action: z.literal(JobAction.REGISTER_WORKER),
    payload: z.object({
      pid,
      runtimeInfo: nonEmptyHex,
      attestation: nonEmptyHex,
      version: z.enum(['v1', 'v2']).optional(),
    }),
  }),
  z.object({ action: z.literal(JobAction.ADD_WORKER), payload: z.object({ pid, publicKey }) }),
  z.object({
    action: z.literal(JobAction.START_COMPUTING),
    payload: z.object({ pid, publicKey, stake: unsigned(128) }),
  }),
  z.object({ action: z.literal(JobAction.STOP_COMPUTING), payload: z.object({ pid, publicKey }) }),
  z.object({ action: z.literal(JobAction.RECLAIM_WORKER), payload: z.object({ pid, publicKey }) }),
  z.object({
    action: z.literal(JobAction.RESTART_COMPUTING),
    payload: z.object({ pid, publicKey, stake: unsigned(128) }),
  }),
]);

/**
 * One intent. `pid` is the pool id and `stake` an amount in the smallest unit, both as decimal text; messages are SCALE
 * SignedMessages; `runtimeInfo` and `attestation` are the SCALE arguments of register_worker (`v1`, the default) or
 * register_worker_v2 (`v2`, where the attestation is an Option).
 */
export type TxJob = z.output<typeof txJob>;

const operator = z.object({
  sealed: z
    .string()
    .min(1)
    .max(64 * 1024)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be base64'),
  proxiedAccount: z.string().min(1).max(64).optional(),
});

/** Whose account pays and signs: the sealed operator key in base64, and the SS58 address it acts for, if any. */
export type JobOperator = z.output<typeof operator>;

const jobId = z
  .string()
  .min(1)
  .max(jobLimits.maxIdLength)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

const askMark = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

/** A new mark for ReceivedJob.ask. */
export function newAsk(): string {
  return randomUUID();
}

/** A job as its asker hands it in. */
export interface JobRequest {
  /** `action:worker-or-sender:epoch`, see formatJobId: asking twice with one id is asking once. */
  id: string;
  job: TxJob;
  operator: JobOperator;
}

/** A job as whoever works on it gets it: one of a 2022 lifecycle has no operator. */
export interface ReceivedJob {
  id: string;
  job: TxJob;
  operator?: JobOperator | undefined;
  /**
   * Tells one asking from the next under the same id: a job that comes again with the same mark (after a crash, or put
   * back into a Redis that was emptied) still waits for its first answer. Absent in jobs of a 2022 lifecycle.
   */
  ask?: string | undefined;
  /** Epoch of the lease under which the manager asked; absent where there is none. */
  epoch?: number | undefined;
}

const hash32 = z.string().regex(/^0x[0-9a-f]{64}$/);
const jobOutcome = z.union([
  z.object({
    ok: z.literal(true),
    blockHash: hash32,
    blockNumber: z.int().min(0),
    txHash: hash32,
  }),
  z.object({
    ok: z.literal(false),
    error: z.looseObject({ code: z.string(), message: z.string() }),
  }),
]);

/** What became of a job: in which block its calls took effect, or why they did not. */
export type JobOutcome =
  | { ok: true; blockHash: Hex; blockNumber: number; txHash: Hex }
  | { ok: false; error: ErrorObject };

/**
 * Puts an id together.
 * @param subject the worker's or sender's key
 * @param epoch the chain fact that the job answers (sequence range; session state and its block; attempt)
 */
export function formatJobId(action: JobAction, subject: string, epoch: string): string {
  return `${action}:${subject}:${epoch}`;
}

/** @throws TxQueueError INVALID_JOB naming each wrong field */
export function parseJobRequest(value: unknown): JobRequest {
  const parsed = check(
    z.object({ id: jobId, job: txJob, operator }),
    value,
    (value as { id?: unknown } | null)?.id,
  );
  return { id: parsed.id, job: parsed.job, operator: parsed.operator };
}

/**
 * Reads what stands in the queue under an id: action and payload as in 2022, and the operator beside them.
 * @throws TxQueueError INVALID_JOB
 */
export function parseReceivedJob(id: string, data: unknown): ReceivedJob {
  check(jobId, id, id);
  const {
    operator: by,
    ask,
    epoch,
  } = check(
    z.object({
      operator: operator.optional(),
      ask: askMark.optional(),
      epoch: z.int().min(1).optional(),
    }),
    data,
    id,
  );
  return { id, job: check(txJob, data, id), operator: by, ask, epoch };
}

/**
 * The form in which a job stands in the queue; parseReceivedJob reads it.
 * @param ask see ReceivedJob
 * @param epoch see ReceivedJob
 */
export function toQueueData(
  request: JobRequest,
  ask: string,
  epoch?: number,
): Record<string, unknown> {
  return {
    action: request.job.action,
    payload: request.job.payload,
    operator: request.operator,
    ask,
    ...(epoch === undefined ? {} : { epoch }),
  };
}

/** Reads an outcome that crossed a process boundary; undefined for anything else. */
export function parseJobOutcome(value: unknown): JobOutcome | undefined {
  const parsed = jobOutcome.safeParse(value);
  return parsed.success ? (parsed.data as JobOutcome) : undefined;
}

function check<T extends z.ZodType>(schema: T, value: unknown, id: unknown): z.output<T> {
  const bytes = sizeOf(value);
  if (bytes > jobLimits.maxBytes) {
    throw new TxQueueError(TxQueueErrorCode.INVALID_JOB, 'The job is larger than allowed', {
      facts: { job: textOf(id), bytes, maxBytes: jobLimits.maxBytes },
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'job'}: ${issue.message}`)
    .join('; ');
  throw new TxQueueError(TxQueueErrorCode.INVALID_JOB, `Not a valid job: ${problems}`, {
    facts: { job: textOf(id), problems },
  });
}

/** Bytes of a value as JSON, which is the form that queues keep. */
export function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    return Infinity;
  }
}

function textOf(id: unknown): string | undefined {
  return typeof id === 'string' ? id.slice(0, jobLimits.maxIdLength) : undefined;
}
