import { setMaxListeners } from 'node:events';
import { BridgeError, type Logger } from '@runtime-bridge/base';
import { parseReceivedJob, type JobOutcome, type ReceivedJob } from './job.js';
import type { JobHandler } from './queue.js';

/**
 * What all consumers do with a job: check it, hand it to the handler, and make an outcome of whatever comes back.
 * Resolves with undefined when the consumer stopped meanwhile: then there is no answer.
 */
export async function runHandler(
  id: string,
  data: unknown,
  handler: JobHandler,
  options: { signal: AbortSignal; logger: Logger },
): Promise<JobOutcome | undefined> {
  let outcome: JobOutcome;
  try {
    const job: ReceivedJob = parseReceivedJob(id, data);
    outcome = await handler(job, options.signal);
  } catch (error) {
    if (options.signal.aborted) return undefined;
    outcome = { ok: false, error: BridgeError.from(error).toObject() };
    options.logger.debug('Job failed', { job: id, code: outcome.error.code });
  }
  return options.signal.aborted ? undefined : outcome;
}

/** Hundreds of handlers may listen to the signal by which a consumer ends. */
export function manyListeners(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}
