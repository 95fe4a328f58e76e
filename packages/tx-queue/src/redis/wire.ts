import type { ErrorObject } from '@runtime-bridge/base';
import { TxQueueErrorCode } from '../errors.js';

/** Progress values of the 2022 trader (source: Phala-Network/runtime-bridge 80fde2c src/utils/constants.js). */
export const RP = { working: 'RP_WORKING', failed: 'RP_FAILED' } as const;

/**
 * What is told just before a job fails. bee-queue carries no more than a text with a failure, which is what a 2022
 * lifecycle shows; ours reads the whole error from here.
 */
export function failureProgress(error: ErrorObject): { status: string; error: ErrorObject } {
  return { status: RP.failed, error };
}

/** Reads failureProgress back; undefined for any other progress. */
export function errorOfProgress(progress: unknown): ErrorObject | undefined {
  if (typeof progress !== 'object' || progress === null) return undefined;
  const { status, error } = progress as { status?: unknown; error?: Partial<ErrorObject> };
  if (status !== RP.failed || typeof error !== 'object') return undefined;
  if (typeof error.code !== 'string' || typeof error.message !== 'string') return undefined;
  return error as ErrorObject;
}

/** The error of a job of which nothing but a text is known. */
export function errorOfText(text: string): ErrorObject {
  return {
    code: TxQueueErrorCode.JOB_FAILED,
    message: text || 'The job failed without saying why',
  };
}
