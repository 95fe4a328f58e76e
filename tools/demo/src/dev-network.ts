import type { PortFinder } from './ports.js';
import type { ProcessSet } from './process-set.js';

const PROGRAM = 'tools/devnet/dist/main.js';
const READY_TIMEOUT_MS = 60_000;

/** What the dev network is asked for. */
export interface DevNetworkOptions {
  workers: number;
  blockMs: number;
  relay: string;
  pruntime: string;
}

/** Where it listens. */
export interface DevNetwork {
  relayUrl: string;
  paraUrl: string;
  workerUrls: string[];
}

/** Starts chains and workers, each as a process of its own, and waits until both listen. */
export async function startDevNetwork(
  options: DevNetworkOptions,
  processes: ProcessSet,
  ports: PortFinder,
): Promise<DevNetwork> {
  const relayPort = await ports.find(9945, 'the relay chain');
  const paraPort = await ports.find(9944, 'the parachain');
  const workerPorts = await ports.run(options.workers);
  const chains = ready<{ relay: string; para: string }>('chains');
  await processes.startNode('chains', PROGRAM, {
    args: [
      'chains',
      ...['--data', processes.folderOf('chains')],
      ...['--relay-port', String(relayPort), '--para-port', String(paraPort)],
      ...['--block-ms', String(options.blockMs), '--relay', options.relay],
    ],
    onLine: chains.onLine,
  });
  const { relay, para } = await chains.message;
  const workers = ready<{ workers: string[] }>('workers');
  await processes.startNode('workers', PROGRAM, {
    args: [
      'workers',
      ...['--data', processes.folderOf('workers')],
      ...['--workers', String(options.workers), '--worker-port', String(workerPorts[0])],
      ...['--pruntime', options.pruntime],
    ],
    onLine: workers.onLine,
  });
  return { relayUrl: relay, paraUrl: para, workerUrls: (await workers.message).workers };
}

/** Waits for the one line of JSON by which a dev network process says that it listens. */
function ready<T>(name: string): { onLine: (line: string) => void; message: Promise<T> } {
  let onLine: (line: string) => void = () => {};
  const message = new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} did not get ready within ${READY_TIMEOUT_MS / 1000} s`)),
      READY_TIMEOUT_MS,
    );
    onLine = (line) => {
      if (!line.startsWith('{')) return;
      const parsed = JSON.parse(line) as { event?: string };
      if (parsed.event !== 'ready') return;
      clearTimeout(timer);
      resolve(parsed as T);
    };
  });
  return { onLine: (line) => onLine(line), message };
}
