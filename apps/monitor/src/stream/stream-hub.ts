import { randomBytes } from 'node:crypto';
import {
  TaskGroup,
  type Clock,
  type Counter,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import type { ActionBrief, FleetDelta, FleetState, StreamEvents } from '../api/index.js';
import { eventText, Frame } from './frames.js';
import { StreamClient, type ClientOptions, type Outlet } from './stream-client.js';

/** Where the stream comes from. */
export interface StreamSource {
  state(): FleetState;
  takeDelta(atMs: number): FleetDelta | 'void' | undefined;
  /** Has the source looked after until the returned function is called. */
  watch(): () => void;
}

/** Bounds of the stream. */
export interface StreamHubOptions {
  /** Changes are gathered for so long. */
  flushMs: number;
  /** Something is sent at least so often. */
  heartbeatMs: number;
  maxClients: number;
  /** Bytes that may wait for one client. */
  maxBacklogBytes: number;
  /** One that does not catch up within that time is dropped. */
  maxBehindMs: number;
  /** Events kept for those who come back. */
  maxKeptBytes: number;
}

export const defaultStreamHubOptions: StreamHubOptions = {
  flushMs: 1_000,
  heartbeatMs: 10_000,
  maxClients: 64,
  maxBacklogBytes: 2 * 1024 * 1024,
  maxBehindMs: 60_000,
  maxKeptBytes: 2 * 1024 * 1024,
};

type Reason = StreamEvents['snapshot']['reason'];

/**
 * Tells all who listen what changes: everything once, then differences, each made and compressed once for all. Ids of events
 * are `<run>-<number>`, so that one who comes back gets what it missed if that is still kept, and everything otherwise.
 */
export class StreamHub implements Service {
  readonly name = 'stream';
  readonly #clients = new Set<StreamClient>();
  readonly #tasks: TaskGroup;
  readonly #sentBytes: Counter;
  readonly #snapshots: Counter;
  readonly #dropped: Counter;
  #run = randomBytes(6).toString('hex');
  #seq = 0;
  #kept: Frame[] = [];
  #keptBytes = 0;
  #snapshot: { seq: number; frame: Frame } | undefined;
  #actions: StreamEvents['action'][] = [];
  #unwatch: (() => void) | undefined;
  #spokeMs = 0;

  constructor(
    private readonly options: StreamHubOptions,
    private readonly collaborators: {
      source: StreamSource;
      clock: Clock;
      logger: Logger;
      metrics: MetricsRegister;
    },
  ) {
    const { logger, metrics } = collaborators;
    this.#tasks = new TaskGroup({ name: 'stream' }, { logger });
    this.#sentBytes = metrics.counter({
      name: 'runtime_bridge_monitor_stream_sent_bytes',
      help: 'Bytes of events handed to clients of the stream',
    });
    this.#snapshots = metrics.counter({
      name: 'runtime_bridge_monitor_stream_snapshots_total',
      help: 'Times that a client was given everything',
      labels: ['reason'],
    });
    this.#dropped = metrics.counter({
      name: 'runtime_bridge_monitor_stream_dropped_total',
      help: 'Clients that did not keep up and were dropped',
    });
    metrics.gauge({
      name: 'runtime_bridge_monitor_stream_clients_count',
      help: 'Clients that listen to the stream',
      collect: (gauge) => gauge.set(this.#clients.size),
    });
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Whether as many listen as may. */
  get isFull(): boolean {
    return this.#clients.size >= this.options.maxClients;
  }

  async start(): Promise<void> {
    this.#tasks.spawn('flush', async (signal) => {
      for (;;) {
        await this.collaborators.clock.sleep(this.options.flushMs, signal);
        this.flush();
      }
    });
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    this.#broadcast(this.#event('bye', { reason: 'stopping' }));
    for (const client of [...this.#clients]) this.#remove(client, () => client.end());
  }

  /**
   * Takes a client in and gives it what it needs.
   * @param lastEventId of the last event that it has seen
   * @returns undefined when there are as many as may be; else call it when the client is gone
   */
  add(
    options: Omit<ClientOptions, 'maxBacklogBytes'>,
    outlet: Outlet,
    lastEventId?: string,
  ): (() => void) | undefined {
    if (this.isFull) return undefined;
    // What others have not been told yet must not be in the newcomer's snapshot only.
    this.#flushDelta();
    const { maxBacklogBytes } = this.options;
    const client = new StreamClient({ ...options, maxBacklogBytes }, outlet);
    this.#clients.add(client);
    this.#unwatch ??= this.collaborators.source.watch();
    const missed = lastEventId === undefined ? undefined : this.#missedSince(lastEventId);
    if (missed === undefined) {
      this.#sendSnapshot(client, lastEventId === undefined ? 'start' : 'lost');
    } else {
      for (const frame of missed) this.#send(client, frame);
      // Says at once that the link is there.
      this.#send(client, this.#event('ping', { atMs: this.#now() }));
    }
    return () => this.#remove(client);
  }

  /** Tells how far an action is, with the next events. */
  tellAction(brief: ActionBrief): void {
    this.#actions = [...this.#actions.filter(({ id }) => id !== brief.id), brief].slice(-100);
  }

  /** Ends the streams of a session. */
  endSession(sessionId: string): void {
    for (const client of [...this.#clients]) {
      if (client.options.sessionId === sessionId) this.#dismiss(client);
    }
  }

  /** Sends what has changed, and looks after those who do not keep up. Called regularly. */
  flush(): void {
    if (this.#clients.size === 0) return;
    this.#flushDelta();
    for (const brief of this.#actions.splice(0)) this.#broadcast(this.#event('action', brief));
    const nowMs = this.#now();
    if (nowMs - this.#spokeMs >= this.options.heartbeatMs) {
      this.#broadcast(this.#event('ping', { atMs: nowMs }));
    }
    for (const client of [...this.#clients]) {
      if (!client.options.isWelcome()) this.#dismiss(client);
      else if (client.behindSinceMs !== undefined) this.#helpUp(client, nowMs);
    }
  }

  #helpUp(client: StreamClient, nowMs: number): void {
    if (client.hasCaughtUp) {
      client.behindSinceMs = undefined;
      this.#sendSnapshot(client, 'slow');
    } else if (nowMs - client.behindSinceMs! > this.options.maxBehindMs) {
      this.#dropped.inc();
      this.collaborators.logger.info('Dropped a client of the stream that did not keep up');
      this.#remove(client, () => client.drop());
    }
  }

  #flushDelta(): void {
    const delta = this.collaborators.source.takeDelta(this.#now());
    if (delta === undefined) return;
    if (delta === 'void') {
      this.#beginAnew();
      return;
    }
    this.#seq += 1;
    const text = eventText('delta', JSON.stringify(delta), `${this.#run}-${this.#seq}`);
    const frame = new Frame(Buffer.from(text), this.#seq);
    this.#keep(frame);
    this.#broadcast(frame);
  }

  #beginAnew(): void {
    this.#run = randomBytes(6).toString('hex');
    this.#seq = 0;
    this.#kept = [];
    this.#keptBytes = 0;
    this.#snapshot = undefined;
    for (const client of this.#clients) {
      if (client.behindSinceMs === undefined) this.#sendSnapshot(client, 'lost');
    }
  }

  #keep(frame: Frame): void {
    this.#kept.push(frame);
    this.#keptBytes += frame.plain.length;
    while (this.#keptBytes > this.options.maxKeptBytes) {
      this.#keptBytes -= this.#kept.shift()!.plain.length;
    }
  }

  /** Undefined when not all of it is kept any more, or it is of another run. */
  #missedSince(lastEventId: string): Frame[] | undefined {
    const [, run, number] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const seen = Number(number);
    if (run !== this.#run || seen > this.#seq) return undefined;
    const missed = this.#kept.filter(({ seq }) => seq > seen);
    return missed.length === this.#seq - seen ? missed : undefined;
  }

  #sendSnapshot(client: StreamClient, reason: Reason): void {
    this.#snapshots.inc({ reason });
    const begin = `id: ${this.#run}-${this.#seq}\nevent: snapshot\ndata: {"reason":"${reason}",`;
    this.#send(client, new Frame(Buffer.from(begin), 0), this.#snapshotFrame());
  }

  /** All of a snapshot behind its reason, made once for all who come between two events. */
  #snapshotFrame(): Frame {
    if (this.#snapshot?.seq !== this.#seq) {
      const body = JSON.stringify(this.collaborators.source.state()).slice(1);
      this.#snapshot = { seq: this.#seq, frame: new Frame(Buffer.from(`${body}\n\n`), 0) };
    }
    return this.#snapshot.frame;
  }

  #event<K extends keyof StreamEvents>(type: K, data: StreamEvents[K]): Frame {
    return new Frame(Buffer.from(eventText(type, JSON.stringify(data))), 0);
  }

  #broadcast(frame: Frame): void {
    this.#spokeMs = this.#now();
    for (const client of this.#clients) this.#send(client, frame);
  }

  #send(client: StreamClient, ...frames: Frame[]): void {
    if (!client.send(frames, this.#now())) return;
    const { gzip } = client.options;
    for (const frame of frames) {
      this.#sentBytes.inc({}, gzip ? frame.squeezed.length : frame.plain.length);
    }
  }

  #dismiss(client: StreamClient): void {
    this.#send(client, this.#event('bye', { reason: 'logged-out' }));
    this.#remove(client, () => client.end());
  }

  #remove(client: StreamClient, close?: () => void): void {
    if (!this.#clients.delete(client)) return;
    close?.();
    if (this.#clients.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#snapshot = undefined;
  }

  #now(): number {
    return this.collaborators.clock.now();
  }
}
