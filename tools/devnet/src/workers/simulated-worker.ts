import { join } from 'node:path';
import { behaviourOf, type PruntimeVersion } from './behaviour.js';
import { WorkerServer, type FaultInForce, type WorkerFault } from './http-server.js';
import { machineOf } from './identity.js';
import { Phactory } from './phactory.js';
import type { SharedParts } from './runtime.js';
import { DiskStore, VolatileStore, type SealedStore } from './sealed-store.js';

export interface SimulatedWorkerOptions {
  readonly index: number;
  readonly pruntime: PruntimeVersion;
  readonly light: boolean;
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
  /** What happens to the sealed data before the worker comes back. */
  private loss: 'nothing' | 'everything' | 'lastCheckpoint' = 'nothing';
  /** So many times it has forgotten everything; each time its key is another. */
  private lives = 0;
  /** Disturbances of its HTTP side in force; they outlive its death. */
  readonly faults: FaultInForce[] = [];

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

  /** The one disturbance of its HTTP side, for every request; undefined for none. */
  set fault(fault: WorkerFault | undefined) {
    this.faults.splice(0);
    if (fault !== undefined) this.faults.push({ fault, takes: () => true });
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

  /** Dies and comes back without anything sealed: with another key, to be initialised again. */
  forget(): void {
    this.loss = 'everything';
    this.kill('forgets');
  }

  /** Dies and comes back from the checkpoint before the last one; without it, from none. */
  rollBack(): void {
    this.loss = 'lastCheckpoint';
    this.kill('rolls back');
  }

  private async restart(): Promise<void> {
    await this.closing;
    await this.store.settled();
    if (this.loss === 'everything') {
      this.lives += 1;
      this.store.removeAll();
    } else if (this.loss === 'lastCheckpoint') this.store.rollBack();
    this.loss = 'nothing';
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
        behaviour: behaviourOf(pruntime, this.options.light),
        machine: machineOf(seed, index, this.lives),
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
    return new WorkerServer(
      { host, enableKick },
      this.phactory,
      {
        onExit: (reason) => this.kill(reason),
        onFailure: (error) =>
          this.collaborators.log('worker failed on a request', {
            worker: this.options.index,
            error: error instanceof Error ? (error.stack ?? error.message) : String(error),
          }),
      },
      this.faults,
    );
  }
}

/** Folder of a worker below the data folder. */
export function workerDirectory(dataDir: string, index: number): string {
  return join(dataDir, `worker-${index + 1}`);
}
