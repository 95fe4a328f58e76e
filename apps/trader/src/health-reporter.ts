import { TaskGroup, type Clock, type Logger, type Service } from '@runtime-bridge/base';
import type { ParaApi } from '@runtime-bridge/chain-client/tx';
import type { Health } from '@runtime-bridge/service-kit';
import type { RedisConsumer } from '@runtime-bridge/tx-queue';
import type { TxSender } from '@runtime-bridge/tx-sender';

/** What is reported about. */
export interface HealthReporterCollaborators {
  para: ParaApi;
  consumer: RedisConsumer;
  sender: TxSender;
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
    const { para, consumer, sender, health } = this.#with;
    const head = para.finalizedHead.value;
    const isConnected = para.connected.value;
    health.set('para chain', {
      ready: isConnected && head !== undefined,
      detail: isConnected ? `finalised block ${head?.number ?? 'unknown'}` : 'waiting for a node',
    });
    health.set('queue', {
      ready: consumer.isConnected,
      detail: consumer.isConnected ? 'connected' : 'waiting for Redis',
    });
    const { jobs, waiting, inFlight } = sender.status;
    health.set('transactions', {
      ready: true,
      detail: `${jobs} jobs, ${waiting} waiting, ${inFlight} transactions under way`,
    });
  }
}
