import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Demo, type DemoOptions, type WorkerState } from '@runtime-bridge/demo';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Options that suit most tests. */
export const defaults: Omit<DemoOptions, 'once' | 'port'> = {
  workers: 2,
  redis: false,
  timeoutSec: 240,
  holdBlocks: 5,
  data: undefined,
  blockMs: 600,
  relay: 'old',
  pruntime: '0.2.6',
};

/** Runs a test on a bridge of its own; its logs are kept when the test fails, and said where. */
export async function withDemo(
  options: Partial<typeof defaults>,
  run: (demo: Demo) => Promise<void>,
  network: {
    /** What the lifecycle manager is told as a worker's endpoint. */
    endpointOf?: (workerUrl: string) => Promise<string>;
    serviceEnv?: Record<string, string>;
    /** No pools and workers yet. */
    isEmpty?: boolean;
  } = {},
): Promise<void> {
  const lines: string[] = [];
  // A port of its own, so that a demo that runs beside the tests is left alone.
  const port = 10_000 + Math.floor(Math.random() * 9_000);
  const demo = new Demo(
    { ...defaults, port, ...options },
    {
      root,
      tell: (line) => lines.push(line),
      ...(network.serviceEnv ? { serviceEnv: network.serviceEnv } : {}),
      ...(network.isEmpty === true ? { isEmpty: true } : {}),
    },
  );
  try {
    await demo.start(network.endpointOf);
    await run(demo);
  } catch (error) {
    await demo.stop({ keepData: true });
    console.error(`${lines.join('\n')}\nLogs are kept in ${join(demo.folder, 'logs')}`);
    throw error;
  }
  await demo.stop();
}

/** Waits until a condition on the states of all workers holds. */
export async function untilWorkers(
  demo: Demo,
  what: string,
  holds: (states: WorkerState[]) => boolean,
  timeoutMs = 150_000,
): Promise<WorkerState[]> {
  return until(what, () => demo.monitor.workerStates(demo.peers.manager), holds, timeoutMs);
}

/** Asks again and again until an answer is as wanted; failures of asking are waited out too. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
  timeoutMs: number,
  everyMs = 500,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      last = answer;
      if (holds(answer)) return answer;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`Not within ${timeoutMs / 1000} s: ${what}; last seen: ${JSON.stringify(last)}`);
}
