import {
  FaultDose,
  FaultParams,
  FaultRequestError,
  type FaultRequest,
  type FaultTarget,
} from '../faults/index.js';
import type { WorkerFault } from './http-server.js';
import type { SimulatedWorker } from './simulated-worker.js';

const MAX_MS = 86_400_000;

interface WorkerFaultKind {
  readonly description: string;
  /** A disturbance of its HTTP side from now on … */
  http?(params: FaultParams): WorkerFault;
  /** … or something that happens to it once, now. */
  once?(worker: SimulatedWorker): void;
}

/** Every kind of fault that a worker can have, by name. */
export const WORKER_FAULTS: Readonly<Record<string, WorkerFaultKind>> = {
  hang: { description: 'takes requests and never answers', http: () => ({ kind: 'hang' }) },
  late: {
    description: 'does and answers everything ms later',
    http: (params) => ({ kind: 'late', delayMs: params.integer('ms', 60_000, 0, MAX_MS) }),
  },
  dropReply: {
    description: 'does what was asked, then drops the connection instead of answering',
    http: () => ({ kind: 'dropReply' }),
  },
  reject: {
    description: 'refuses everything with message',
    http: (params) => ({ kind: 'reject', message: params.text('message', 'NoStateRoot') }),
  },
  die: {
    description: 'its process dies and comes back from its sealed data',
    once: (worker) => worker.kill('fault'),
  },
  forget: {
    description: 'its process dies and comes back without sealed data, with a new key',
    once: (worker) => worker.forget(),
  },
  rollBack: {
    description: 'its process dies and comes back from the checkpoint before the last one',
    once: (worker) => worker.rollBack(),
  },
};

/** The targets of a process of workers: `worker1`, `worker2`, …, and all of them as `workers`. */
export function workerTargets(
  workers: readonly SimulatedWorker[],
): Readonly<Record<string, FaultTarget>> {
  const single = workers.map((one, index) => [`worker${index + 1}`, workerTarget([one])] as const);
  return { workers: workerTarget(workers), ...Object.fromEntries(single) };
}

/** Faults of these workers; the HTTP ones of one worker are tried in the order in which they came. */
export function workerTarget(workers: readonly SimulatedWorker[]): FaultTarget {
  return { add: (request) => addTo(workers, request) };
}

function addTo(workers: readonly SimulatedWorker[], request: FaultRequest) {
  const kind = Object.hasOwn(WORKER_FAULTS, request.kind) ? WORKER_FAULTS[request.kind] : undefined;
  if (kind === undefined) {
    throw new FaultRequestError(
      `no fault "${request.kind}" for a worker: ${Object.keys(WORKER_FAULTS).join(', ')}`,
    );
  }
  const params = new FaultParams(request);
  if (kind.http === undefined) {
    params.end();
    workers.forEach((worker) => kind.once?.(worker));
    return { remove: () => undefined, count: () => workers.length };
  }
  const fault = kind.http(params);
  const dose = FaultDose.from(params);
  params.end();
  const entry = { fault, takes: (method: string) => dose.takes(method, true) };
  workers.forEach((worker) => worker.faults.push(entry));
  return {
    remove: () => {
      for (const { faults } of workers) {
        const at = faults.indexOf(entry);
        if (at >= 0) faults.splice(at, 1);
      }
    },
    count: () => dose.count,
  };
}
