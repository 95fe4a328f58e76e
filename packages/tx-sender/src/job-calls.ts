import type { Hex } from '@runtime-bridge/base';
import { JobAction, type TxJob } from '@runtime-bridge/tx-queue';
import type { TxCalls } from './tx-chain.js';

/**
 * The calls of a job, in order.
 * @throws TxError MISSING_PALLET, BAD_CALL
 */
export function callsOfJob(job: TxJob, calls: TxCalls): Hex[] {
  switch (job.action) {
    case JobAction.BATCH_SYNC_MQ_MESSAGE:
      return job.payload.messages.map((message) => calls.syncOffchainMessage(message));
    case JobAction.REGISTER_WORKER: {
      const { runtimeInfo, attestation, version = 'v1' } = job.payload;
      return [calls.registerWorker({ runtimeInfo, attestation, version })];
    }
    case JobAction.ADD_WORKER:
      return [calls.addWorker(BigInt(job.payload.pid), job.payload.publicKey)];
    case JobAction.START_COMPUTING: {
      const { pid, publicKey, stake } = job.payload;
      return [calls.startComputing(BigInt(pid), publicKey, BigInt(stake))];
    }
    case JobAction.STOP_COMPUTING:
      return [calls.stopComputing(BigInt(job.payload.pid), job.payload.publicKey)];
    case JobAction.RECLAIM_WORKER:
      return [calls.reclaimPoolWorker(BigInt(job.payload.pid), job.payload.publicKey)];
    case JobAction.RESTART_COMPUTING: {
      const { pid, publicKey, stake } = job.payload;
      return [calls.restartComputing(BigInt(pid), publicKey, BigInt(stake))];
    }
  }
}

/** The pool that has to exist for a job to succeed; undefined when it does not matter. */
export function poolOfJob(job: TxJob): bigint | undefined {
  switch (job.action) {
    case JobAction.BATCH_SYNC_MQ_MESSAGE:
    case JobAction.REGISTER_WORKER:
      return undefined;
    case JobAction.ADD_WORKER:
    case JobAction.START_COMPUTING:
    case JobAction.STOP_COMPUTING:
    case JobAction.RESTART_COMPUTING:
    case JobAction.RECLAIM_WORKER:
      return BigInt(job.payload.pid);
  }
}
