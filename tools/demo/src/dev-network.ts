import { faultArguments, type NetworkArguments } from './network-options.js';
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
  nodes?: number;
  fault?: readonly string[];
  networkArgs?: NetworkArguments;
}

/** Where it listens. */
export interface DevNetwork {
  /** The last node of each chain: the one to be asked by whoever is not to see the faults of the others. */
  relayUrl: string;
  paraUrl: string;
  /** All nodes, in the order of the targets of faults: `relay`, `relay2`, … */
  relayUrls: readonly string[];
  paraUrls: readonly string[];
  workerUrls: readonly string[];
  /** HTTP control ports of the two processes. */
  controlUrls: { chains: string; workers: string };
}

interface ChainsReady {
  relay: string;
  para: string;
  relayNodes?: string[];
  paraNodes?: string[];
  chainsControl: string;
}

interface WorkersReady {
  workers: string[];
  workersControl: string;
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
  const { nodes = 1, fault = [], networkArgs = { chains: [], workers: [] } } = options;
  const chains = await startPart<ChainsReady>('chains', processes, [
    ...['--relay-port', String(relayPort), '--para-port', String(paraPort)],
    ...['--block-ms', String(options.blockMs), '--relay', options.relay],
    ...['--nodes', String(nodes), '--chains-control-port', String(await ports.any())],
    ...faultArguments(fault, 'chains'),
    ...networkArgs.chains,
  ]);
  const workers = await startPart<WorkersReady>('workers', processes, [
    ...['--workers', String(options.workers), '--worker-port', String(workerPorts[0])],
    ...['--pruntime', options.pruntime, '--workers-control-port', String(await ports.any())],
    ...faultArguments(fault, 'workers'),
    ...networkArgs.workers,
  ]);
  const { relay, para, relayNodes = [relay], paraNodes = [para] } = chains;
  return {
    relayUrl: relayNodes.at(-1)!,
    paraUrl: paraNodes.at(-1)!,
    relayUrls: relayNodes,
    paraUrls: paraNodes,
    workerUrls: workers.workers,
    controlUrls: { chains: chains.chainsControl, workers: workers.workersControl },
  };
}

/**
 * Starts one process of the dev network and waits for the line of JSON by which it says that it listens.
 * @throws Error with its own words when it ends instead, as it does when it is asked for something that it does not have
 */
async function startPart<T>(
  name: 'chains' | 'workers',
  processes: ProcessSet,
  args: readonly string[],
): Promise<T> {
  const lines = ready<T>(name);
  const started = await processes.startNode(name, PROGRAM, {
    args: [name, '--data', processes.folderOf(name), ...args],
    onLine: lines.onLine,
    onFirstEnd: (how, said) => lines.fail(`the ${name} ended (${how}): ${said}`),
  });
  try {
    return await lines.message;
  } catch (error) {
    started.retire();
    throw error;
  }
}

function ready<T>(name: string): {
  onLine: (line: string) => void;
  fail: (reason: string) => void;
  message: Promise<T>;
} {
  let onLine: (line: string) => void = () => {};
  let fail: (reason: string) => void = () => {};
  const message = new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} did not get ready within ${READY_TIMEOUT_MS / 1000} s`)),
      READY_TIMEOUT_MS,
    );
    fail = (reason) => {
      clearTimeout(timer);
      reject(new Error(reason));
    };
    onLine = (line) => {
      if (!line.startsWith('{')) return;
      const parsed = JSON.parse(line) as { event?: string };
      if (parsed.event !== 'ready') return;
      clearTimeout(timer);
      resolve(parsed as T);
    };
  });
  return { onLine: (line) => onLine(line), fail: (reason) => fail(reason), message };
}
