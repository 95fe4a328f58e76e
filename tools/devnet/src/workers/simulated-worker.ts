import { join } from 'node:path';
import { behaviourOf, type PruntimeVersion } from './behaviour.js';
import { WorkerServer, type WorkerFault } from './http-server.js';
import { machineOf } from './identity.js';
import { Phactory } from './phactory.js';
import type { SharedParts } from './runtime.js';
import { DiskStore, VolatileStore, type SealedStore } from './sealed-store.js';

export interface SimulatedWorkerOptions {
  readonly index: number;
  readonly pruntime: PruntimeVersion;
  readonly host: string;
  /** Text that keys and machines are derived from. */
  readonly seed: string;
  /** Folder of this worker; undefined for one that forgets all when it dies. */
  readonly directory: string | undefined;
  readonly checkpointBlocks: number;
  readonly checkpointIntervalMs: number;
  readonly enableKick: boolean;
  /** How long after its death a worker is started again; undefined for never. */
  readonly restartDelayMs: number | undefined;
}

/** Receives what a worker has to say; constant message and flat facts. */
export type WorkerLog = (message: string, facts: Readonly<Record<string, unknown>>) => void;

/** One pRuntime process as its neighbours see it: it listens, dies, comes back. */
export class SimulatedWorker {
  private store: SealedStore;
  private phactory: Phactory;
  private server: WorkerServer;
  private listeningPort = 0;
  private isStopped = true;
  private restartTimer: NodeJS.Timeout | undefined;
  private closing: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: SimulatedWorkerOptions,
    private readonly collaborators: { readonly shared: SharedParts; readonly log: WorkerLog },
  ) {
    this.store = this.makeStore();
    this.phactory = this.makePhactory();
    this.server = this.makeServer();
  }

  get port(): number {
    return this.listeningPort;
  }

  get url(): string {
    return `http://${this.options.host}:${this.listeningPort}`;
  }

  /** The disturbance of its HTTP side. */
  get fault(): WorkerFault | undefined {
    return this.server.fault;
  }

  set fault(fault: WorkerFault | undefined) {
    this.server.fault = fault;
  }

  /** Comes up as its sealed data says and listens; rejects when the port is taken. */
  async start(port: number): Promise<void> {
    this.phactory.restoreFromCheckpoint();
    this.listeningPort = await this.server.listen(port);
    this.isStopped = false;
  }

  /** Stops for good. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.restartTimer);
    await this.closing;
    await this.server.close();
    await this.store.settled();
  }

  /** Dies like a process that is killed: connections break, what is not sealed is gone. */
  kill(reason = 'killed'): void {
    if (this.isStopped || this.restartTimer !== undefined) return;
    const { index, restartDelayMs } = this.options;
    this.collaborators.log('worker died', { worker: index, reason });
    this.closing = this.server.close();
    if (restartDelayMs === undefined) {
      this.isStopped = true;
      return;
    }
    this.restartTimer = setTimeout(() => {
      this.restart().catch((error: unknown) => {
        this.collaborators.log('worker could not be restarted', {
          worker: index,
          error: String(error),
        });
      });
    }, restartDelayMs);
  }

  private async restart(): Promise<void> {
    await this.closing;
    await this.store.settled();
    this.restartTimer = undefined;
    if (this.isStopped) return;
    this.store = this.makeStore();
    this.phactory = this.makePhactory();
    this.server = this.makeServer();
    await this.start(this.listeningPort);
    this.collaborators.log('worker restarted', { worker: this.options.index });
  }

  private makePhactory(): Phactory {
    const { index, pruntime, seed, checkpointBlocks, checkpointIntervalMs } = this.options;
    return new Phactory(
      {
        behaviour: behaviourOf(pruntime),
        machine: machineOf(seed, index),
        checkpointBlocks,
        checkpointIntervalMs,
      },
      {
        shared: this.collaborators.shared,
        store: this.store,
        onCheckpointError: (error) =>
          this.collaborators.log('checkpoint was not written', {
            worker: index,
            error: String(error),
          }),
      },
    );
  }

  private makeStore(): SealedStore {
    const { directory } = this.options;
    return directory === undefined ? new VolatileStore() : new DiskStore(directory);
  }

  private makeServer(): WorkerServer {
    const { host, enableKick } = this.options;
    return new WorkerServer({ host, enableKick }, this.phactory, {
      onExit: (reason) => this.kill(reason),
      onFailure: (error) =>
        this.collaborators.log('worker failed on a request', {
          worker: this.options.index,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
    });
  }
}

/** Folder of a worker below the data folder. */
export function workerDirectory(dataDir: string, index: number): string {
  return join(dataDir, `worker-${index + 1}`);
}
