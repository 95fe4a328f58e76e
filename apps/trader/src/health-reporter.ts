import { TaskGroup, type Clock, type Logger, type Service } from '@runtime-bridge/base';
import type { ParaApi } from '@runtime-bridge/chain-client/tx';
import type { Health } from '@runtime-bridge/service-kit';
import type { RedisConsumer, RedisLease } from '@runtime-bridge/tx-queue';
import type { TxSender } from '@runtime-bridge/tx-sender';

/** What is reported about. */
export interface HealthReporterCollaborators {
  para: ParaApi;
  lease: Pick<RedisLease, 'state' | 'connection'>;
  /** What works; undefined before it is our turn for the first time. */
  working: () =>
    { consumer: Pick<RedisConsumer, 'isConnected'>; sender: Pick<TxSender, 'status'> } | undefined;
  health: Health;
  logger: Logger;
  clock: Clock;
}

/** How often health is brought up to date. */
const EVERY_MS = 1_000;

/** Says whether chain and queue are there, from before they are. */
export class HealthReporter implements Service {
  readonly name = 'health reporter';
  readonly #with: HealthReporterCollaborators;
  readonly #tasks: TaskGroup;

  constructor(collaborators: HealthReporterCollaborators) {
    this.#with = collaborators;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
  }

  start(): Promise<void> {
    this.#tasks.spawn('report', async (signal) => {
      for (;;) {
        this.#report();
        await this.#with.clock.sleep(EVERY_MS, signal);
      }
    });
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  #report(): void {
    const { para, lease, health } = this.#with;
    const isOurs = lease.state.value.kind === 'held';
    const working = isOurs ? this.#with.working() : undefined;
    const head = para.finalizedHead.value;
    const isConnected = para.connected.value;
    health.set('para chain', {
      ready: isConnected && head !== undefined,
      detail: isConnected ? `finalised block ${head?.number ?? 'unknown'}` : 'waiting for a node',
    });
    const isQueueThere = working ? working.consumer.isConnected : lease.connection.isConnected;
    health.set('queue', {
      ready: isQueueThere,
      detail: isQueueThere ? 'connected' : 'waiting for Redis',
    });
    const { jobs, waiting, inFlight } = working?.sender.status ?? nothing;
    health.set('transactions', {
      ready: true,
      detail: `${jobs} jobs, ${waiting} waiting, ${inFlight} transactions under way`,
    });
  }
}

const nothing = { jobs: 0, waiting: 0, inFlight: 0 };
