import {
  abortedError,
  BridgeError,
  systemClock,
  TaskGroup,
  Watched,
  type Clock,
  type Hex,
  type Logger,
  type MetricsRegister,
} from '@runtime-bridge/base';
import { splitCombinedHeaders } from '@runtime-bridge/blob-codec';
import { PRuntimeClient, PRuntimeTransport } from '@runtime-bridge/prpc-client';
import type { JobOutcome } from '@runtime-bridge/tx-queue';

import { WorkerLife, type LifeTiming, type WorkerClient } from '../life/worker-life.js';
import { BlobFetcher, type BlobConnection } from '../sync/blob-fetcher.js';
import { BlobLibrary } from '../sync/blob-library.js';
import { GenesisKeeper } from '../sync/genesis-keeper.js';
import { headOf, NO_HEAD, type HeadView } from '../sync/head.js';
import type {
  Line,
  ProviderView,
  RunnerChainFacts,
  RunnerSettings,
  ToManager,
  ToRunner,
  WorkerEvent,
  WorkerJob,
  WorkerSpec,
} from './messages.js';

/** How a runner reports. */
export interface RunnerOptions {
  /** Between two reports of what changed. @default 250 */
  reportIntervalMs?: number;
  /** Between two signs of life. @default 5000 */
  beatIntervalMs?: number;
  timing?: LifeTiming;
}

/** What a runner works with. */
export interface RunnerCollaborators {
  line: Line<ToManager, ToRunner>;
  /** Opens a connection to a provider's blob server. */
  connect: (provider: ProviderView) => BlobConnection;
  /** Makes the client of a worker. @default pRuntime over HTTP */
  client?: (endpoint: string) => WorkerClient;
  logger: Logger;
  metrics: MetricsRegister;
  clock?: Clock;
}

/** For one blob from one provider, as in 2022. */
const BLOB_FETCH_TIMEOUT_MS = 30_000;

/** Events between two reports; far more than a runner's workers can have then. */
const MAX_EVENTS = 10_000;

interface Configured {
  settings: RunnerSettings;
  fetcher: BlobFetcher;
  library: BlobLibrary;
  genesis: GenesisKeeper;
  transport: PRuntimeTransport;
}

/**
 * Drives many workers in one process, on behalf of the manager at the other end of the line. Knows nothing of chains but
 * what the manager tells it.
 */
export class Runner {
  readonly #options: Required<Omit<RunnerOptions, 'timing'>> & { timing: LifeTiming };
  readonly #collaborators: RunnerCollaborators;
  readonly #clock: Clock;
  readonly #tasks: TaskGroup;
  readonly #lives = new Map<string, WorkerLife>();
  readonly #changed = new Set<string>();
  #events: WorkerEvent[] = [];
  readonly #head = new Watched<HeadView>(NO_HEAD);
  readonly #facts = new Watched<RunnerChainFacts | undefined>(undefined);
  readonly #asked = new Map<number, (outcome: JobOutcome) => void>();
  #nextRequest = 1;
  #providers: readonly ProviderView[] = [];
  #configured: Configured | undefined;
  #stopped: Promise<void> | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(options: RunnerOptions, collaborators: RunnerCollaborators) {
    this.#options = {
      reportIntervalMs: options.reportIntervalMs ?? 250,
      beatIntervalMs: options.beatIntervalMs ?? 5_000,
      timing: options.timing ?? {},
    };
    this.#collaborators = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
    this.#tasks = new TaskGroup({ name: 'runner' }, { logger: collaborators.logger });
  }

  /** Begins to listen to the manager. */
  start(): void {
    const { line } = this.#collaborators;
    this.#unsubscribe = line.onMessage((message) => this.#receive(message));
    this.#tasks.spawn('report', (signal) => this.#report(signal));
    this.#tasks.spawn('beat', (signal) => this.#beat(signal));
    line.send({ kind: 'ready' });
  }

  /** Ends all lives and closes all connections. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#unsubscribe();
    const lives = [...this.#lives.values()];
    this.#lives.clear();
    await Promise.all(lives.map((life) => life.stop()));
    await this.#tasks.stop();
    await this.#configured?.fetcher.close();
    await this.#configured?.transport.close();
    this.#collaborators.line.send({ kind: 'stopped' });
  }

  #receive(message: ToRunner): void {
    switch (message.kind) {
      case 'configure':
        this.#configured ??= this.#configure(message.settings);
        return;
      case 'workers':
        this.#setWorkers(message.workers);
        return;
      case 'providers':
        this.#providers = message.providers;
        this.#configured?.fetcher.setProviders(message.providers);
        this.#look();
        return;
      case 'facts':
        this.#facts.set(message.facts);
        this.#look();
        return;
      case 'command': {
        const life = this.#lives.get(message.uuid);
        life?.command(message.command);
        this.#collaborators.line.send({
          kind: 'commanded',
          request: message.request,
          known: life !== undefined,
        });
        return;
      }
      case 'outcome':
        this.#asked.get(message.request)?.(message.outcome);
        return;
      case 'notice':
        this.#lives.get(message.uuid)?.say(message.text);
        return;
      case 'stop':
        void this.stop();
    }
  }

  #configure(settings: RunnerSettings): Configured {
    const { connect, logger, metrics } = this.#collaborators;
    const fetcher = new BlobFetcher(
      {
        concurrency: settings.blobConcurrency,
        requestTimeoutMs: BLOB_FETCH_TIMEOUT_MS,
        cacheMaxItems: settings.cacheMaxItems,
        cacheMaxBytes: settings.cacheMaxBytes,
        cacheMaxAgeMs: settings.cacheMaxAgeMs,
      },
      { connect, logger, metrics, clock: this.#clock },
    );
    fetcher.setProviders(this.#providers);
    const library = new BlobLibrary({ fetcher });
    return {
      settings,
      fetcher,
      library,
      genesis: new GenesisKeeper({ library, head: this.#head }),
      transport: new PRuntimeTransport({
        keepAlive: settings.keepAlive,
        keepAliveTimeoutMs: settings.keepAliveTimeoutMs,
      }),
    };
  }

  #setWorkers(specs: readonly WorkerSpec[]): void {
    const wanted = new Map(specs.map((spec) => [spec.uuid, spec]));
    for (const [uuid, life] of this.#lives) {
      const spec = wanted.get(uuid);
      if (spec?.endpoint === life.endpoint) {
        life.update(spec);
        continue;
      }
      this.#lives.delete(uuid);
      this.#tasks.spawn(`stop ${uuid}`, () => life.stop());
    }
    for (const spec of specs) {
      if (this.#lives.has(spec.uuid)) continue;
      const life = this.#newLife(spec);
      if (!life) return;
      this.#lives.set(spec.uuid, life);
      this.#changed.add(spec.uuid);
      life.start();
    }
  }

  #newLife(spec: WorkerSpec): WorkerLife | undefined {
    const configured = this.#configured;
    if (!configured || this.#stopped) return undefined;
    const { line } = this.#collaborators;
    const logger = this.#collaborators.logger.child({
      worker: spec.name,
      pool: String(spec.poolId),
    });
    const life: WorkerLife = new WorkerLife(
      { spec, settings: configured.settings, timing: this.#options.timing },
      {
        client: this.#client(spec.endpoint, configured, logger),
        library: configured.library,
        genesis: configured.genesis,
        head: this.#head,
        facts: this.#facts,
        submit: (publicKey, job, signal) => this.#submit(spec.uuid, publicKey, job, signal),
        reportEgress: (reports) => line.send({ kind: 'egress', uuid: spec.uuid, reports }),
        onChange: () => {
          if (this.#lives.get(spec.uuid) === life) this.#changed.add(spec.uuid);
        },
        onEvent: (event) => {
          if (this.#events.length < MAX_EVENTS) this.#events.push(event);
        },
        clock: this.#clock,
        logger,
      },
    );
    return life;
  }

  #client(endpoint: string, { settings, transport }: Configured, logger: Logger): WorkerClient {
    return (
      this.#collaborators.client?.(endpoint) ??
      new PRuntimeClient(
        {
          endpoint,
          requestTimeoutMs: settings.requestTimeoutMs,
          blobTimeoutMs: settings.blobTimeoutMs,
        },
        { transport, logger, splitCombinedHeaders },
      )
    );
  }

  #look(): void {
    this.#head.set(headOf(this.#providers, this.#facts.value?.block));
  }

  #submit(uuid: string, publicKey: Hex, job: WorkerJob, signal: AbortSignal): Promise<JobOutcome> {
    const request = this.#nextRequest++;
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#asked.delete(request);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        end();
        reject(abortedError(signal));
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#asked.set(request, (outcome) => {
        end();
        resolve(outcome);
      });
      this.#collaborators.line.send({ kind: 'job', request, uuid, publicKey, job });
    });
  }

  async #report(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(this.#options.reportIntervalMs, signal);
      if (this.#changed.size === 0 && this.#events.length === 0) continue;
      const states = [...this.#changed].flatMap((uuid) => {
        const life = this.#lives.get(uuid);
        return life ? [life.snapshot] : [];
      });
      const events = this.#events;
      this.#changed.clear();
      this.#events = [];
      try {
        this.#collaborators.line.send({ kind: 'states', states, events });
      } catch (error) {
        this.#collaborators.logger.warn('States were not reported', {}, BridgeError.from(error));
      }
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(this.#options.beatIntervalMs, signal);
      this.#collaborators.line.send({ kind: 'beat' });
    }
  }
}
