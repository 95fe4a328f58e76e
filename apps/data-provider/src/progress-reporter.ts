import {
  TaskGroup,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { ProgressMeter, type ChainSync, type Progress } from '@runtime-bridge/block-store';
import type { Health } from '@runtime-bridge/service-kit';
import { DataProviderStatus } from '@runtime-bridge/walkie-protocol';
import type { ProviderInfo } from './provider-info.js';

/** What is reported about. */
export interface ProgressReporterCollaborators {
  info: () => ProviderInfo;
  sync: ChainSync;
  health: Health;
  logger: Logger;
  metrics: MetricsRegister;
  clock: Clock;
}

/** How often health is brought up to date, and how progress is looked at. */
const HEALTH_EVERY_MS = 1_000;
/** How often progress is logged while there is some to be made, and when all is done. */
const LOG_EVERY_MS = 10_000;
const LOG_IDLE_EVERY_MS = 60_000;

/** Tells how far the provider is: in log and metrics with rate and ETA, and in its readiness. */
export class ProgressReporter implements Service {
  readonly name = 'progress';
  readonly #with: ProgressReporterCollaborators;
  readonly #tasks: TaskGroup;
  readonly #meters = { relay: new ProgressMeter(), para: new ProgressMeter() };
  #progress: { relay: Progress; para: Progress } | undefined;

  constructor(collaborators: ProgressReporterCollaborators) {
    this.#with = collaborators;
    const { metrics } = collaborators;
    metrics.gauge({
      name: 'runtime_bridge_provider_blocks_per_second',
      help: 'Blocks that became ready to be served, over the last minute',
      labels: ['chain'],
      collect: (gauge) => {
        for (const chain of chains) gauge.set(this.#progress?.[chain].perSecond ?? 0, { chain });
      },
    });
    metrics.gauge({
      name: 'runtime_bridge_provider_eta_seconds',
      help: 'Seconds until the finalised head is reached at that rate; -1 while that is not known',
      labels: ['chain'],
      collect: (gauge) => {
        for (const chain of chains) gauge.set(this.#progress?.[chain].etaSec ?? -1, { chain });
      },
    });
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
  }

  async start(): Promise<void> {
    this.#tasks.spawn('report', (signal) => this.#report(signal));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async #report(signal: AbortSignal): Promise<void> {
    const { info, clock } = this.#with;
    let toldAtMs = -Infinity;
    let wasIdle = false;
    for (;;) {
      const now = info();
      const atMs = clock.now();
      const progress = {
        relay: this.#meters.relay.sample(now.parentProcessedHeight, now.parentTarget, atMs),
        para: this.#meters.para.sample(now.paraProcessedHeight, now.paraTarget, atMs),
      };
      this.#progress = progress;
      this.#setHealth('relay', now.parentProcessedHeight, now.parentTarget);
      this.#setHealth('para', now.paraProcessedHeight, now.paraTarget);
      const isIdle = now.status === DataProviderStatus.S_IDLE;
      const pauseMs = isIdle && wasIdle ? LOG_IDLE_EVERY_MS : LOG_EVERY_MS;
      if (atMs - toldAtMs >= pauseMs || isIdle !== wasIdle) {
        this.#log(progress, isIdle);
        toldAtMs = atMs;
        wasIdle = isIdle;
      }
      await clock.sleep(HEALTH_EVERY_MS, signal);
    }
  }

  #setHealth(side: 'relay' | 'para', height: number, target: number): void {
    const { health, sync } = this.#with;
    const { state, detail } = sync.status[side].value;
    health.set(`${side} chain`, {
      ready: state === 'syncing',
      detail: `${detail}; at ${height} of ${target}`,
    });
  }

  #log({ relay, para }: { relay: Progress; para: Progress }, isIdle: boolean): void {
    this.#with.logger.info(isIdle ? 'At the head' : 'Synchronising', {
      ...factsOf('relay', relay),
      ...factsOf('para', para),
    });
  }
}

const chains = ['relay', 'para'] as const;

function factsOf(side: 'relay' | 'para', progress: Progress) {
  const { height, target, perSecond, etaSec } = progress;
  return {
    [`${side}Height`]: height,
    [`${side}Target`]: target,
    [`${side}PerSec`]: perSecond === undefined ? undefined : Number(perSecond.toFixed(2)),
    [`${side}EtaSec`]: etaSec,
  };
}
