import { PRUNTIME_VERSIONS, type PruntimeVersion } from './behaviour.js';
import { ChainStorageFactory } from './chain-storage.js';
import { SignatureVerifier } from './ed25519.js';
import { SharedRequests } from './shared-requests.js';
import {
  SimulatedWorker,
  workerDirectory,
  type SimulatedWorkerOptions,
  type WorkerLog,
} from './simulated-worker.js';

export { PRUNTIME_VERSIONS, type PruntimeVersion } from './behaviour.js';
export type { FaultInForce as WorkerFaultInForce, WorkerFault } from './http-server.js';
export { WORKER_FAULTS, workerTarget, workerTargets } from './worker-faults.js';
export { SimulatedWorker, type WorkerLog } from './simulated-worker.js';

export interface WorkersOptions {
  readonly count: number;
  /** First port; the others follow. 0 takes free ones. */
  readonly basePort: number;
  /** Address to listen on. */
  readonly host?: string;
  /** Folder for sealed data and checkpoints; undefined for workers that forget all when they die. */
  readonly dataDir: string | undefined;
  /** Versions by worker, repeated when there are more workers. */
  readonly pruntime: readonly PruntimeVersion[];
  /** Text that keys and machines are derived from. */
  readonly seed: string;
  /** Checkpoint after at least so many dispatched blocks. */
  readonly checkpointBlocks?: number;
  /** Checkpoints of one worker are at least so far apart. */
  readonly checkpointIntervalMs?: number;
  readonly enableKick?: boolean;
  /** Light workers believe signatures and proofs: for fleets of thousands in one process. */
  readonly light?: boolean;
  /** How long after its death a worker is started again; null for never. */
  readonly restartDelayMs?: number | null;
  readonly log?: WorkerLog;
  /** Wall clock in ms. */
  readonly nowMs?: () => number;
}

/** Settings of workers where the caller says nothing. */
export const defaultWorkersOptions = {
  host: '127.0.0.1',
  checkpointBlocks: 10,
  checkpointIntervalMs: 2000,
  enableKick: true,
  restartDelayMs: 1000,
} as const;

/** Workers that listen. */
export interface RunningWorkers {
  /** One `http://…` per worker, in order. */
  readonly urls: readonly string[];
  readonly workers: readonly SimulatedWorker[];
  /** Stops all. */
  stop(): Promise<void>;
}

/** Ports tried in a row before giving up. */
const MAX_PORT_TRIES = 200;

/**
 * Starts simulated pRuntime workers in this process, each on its own port; a taken port is replaced by
 * the next free one, and said.
 *
 * @throws RangeError when the options make no sense; the system's error when no port is free.
 */
export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const { count, pruntime } = options;
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`count ${count} is no number`);
  for (const version of pruntime) {
    if (!PRUNTIME_VERSIONS.includes(version)) {
      throw new RangeError(
        `pruntime ${version as string}: allowed are ${PRUNTIME_VERSIONS.join(', ')}`,
      );
    }
  }
  const log: WorkerLog = options.log ?? (() => undefined);
  const shared = {
    signatures: new SignatureVerifier(),
    storages: new ChainStorageFactory(),
    nowMs: options.nowMs ?? Date.now,
    requests: options.light === true ? new SharedRequests() : undefined,
  };
  const workers: SimulatedWorker[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop()));
  };
  let port = options.basePort;
  try {
    for (let index = 0; index < count; index++) {
      const worker = new SimulatedWorker(workerOptions(options, index), { shared, log });
      const got = await listenFrom(worker, port);
      if (port !== 0 && got !== port) {
        log('port is taken, using the next free one', { worker: index, wanted: port, got });
      }
      workers.push(worker);
      port = port === 0 ? 0 : got + 1;
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { urls: workers.map((worker) => worker.url), workers, stop };
}

function workerOptions(options: WorkersOptions, index: number): SimulatedWorkerOptions {
  const { pruntime, dataDir, seed } = options;
  const restartDelayMs = options.restartDelayMs ?? defaultWorkersOptions.restartDelayMs;
  return {
    index,
    light: options.light ?? false,
    pruntime: pruntime[index % Math.max(1, pruntime.length)] ?? '0.2.6',
    host: options.host ?? defaultWorkersOptions.host,
    seed,
    directory: dataDir === undefined ? undefined : workerDirectory(dataDir, index),
    checkpointBlocks: options.checkpointBlocks ?? defaultWorkersOptions.checkpointBlocks,
    checkpointIntervalMs:
      options.checkpointIntervalMs ?? defaultWorkersOptions.checkpointIntervalMs,
    enableKick: options.enableKick ?? defaultWorkersOptions.enableKick,
    restartDelayMs: options.restartDelayMs === null ? undefined : restartDelayMs,
  };
}

async function listenFrom(worker: SimulatedWorker, port: number): Promise<number> {
  for (let tries = 0; ; tries++) {
    try {
      await worker.start(port === 0 ? 0 : port + tries);
      return worker.port;
    } catch (error) {
      const isTaken = (error as { code?: string }).code === 'EADDRINUSE';
      if (!isTaken || tries >= MAX_PORT_TRIES) throw error;
    }
  }
}
