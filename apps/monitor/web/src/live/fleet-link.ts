import {
  apiLimits,
  apiPaths,
  type ActionBrief,
  type FleetDelta,
  type FleetSnapshot,
  type StreamEvents,
} from '../../../src/api/contract.js';

/**
 * Whether what the page shows is current. `lost` says since when it is not, and when the next attempt is due; `over` is the
 * end: logged out.
 */
export type LinkStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly sinceMs: number; readonly attempt: number }
  | { readonly kind: 'over' };

/** The part of EventSource that is used, so that tests can play it. */
export interface EventStream {
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void;
  close(): void;
}

const SILENCE_MS = apiLimits.heartbeatMs * 3;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000] as const;

/**
 * Keeps one stream of server-sent events open, for as long as it is started. A stream that breaks, or is silent for three
 * heartbeats, is replaced by a new one, with growing pauses; a new one begins with a snapshot, so that nothing is missed.
 */
export class FleetLink {
  onStatus: (status: LinkStatus) => void = () => {};
  onSnapshot: (snapshot: FleetSnapshot) => void = () => {};
  onDelta: (delta: FleetDelta) => void = () => {};
  onAction: (action: ActionBrief) => void = () => {};

  readonly #open: (url: string) => EventStream;
  readonly #now: () => number;
  #status: LinkStatus = { kind: 'connecting' };
  #stream: EventStream | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #isStarted = false;

  constructor(collaborators: { open?: (url: string) => EventStream; now?: () => number } = {}) {
    this.#open = collaborators.open ?? ((url) => new EventSource(url));
    this.#now = collaborators.now ?? Date.now;
  }

  get status(): LinkStatus {
    return this.#status;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#attempt = 0;
    this.#set({ kind: 'connecting' });
    this.#connect();
  }

  stop(): void {
    this.#isStarted = false;
    this.#close();
    clearTimeout(this.#retry);
  }

  /** Tries at once, where the next attempt would have been later. */
  tryNow(): void {
    if (!this.#isStarted || this.#status.kind !== 'lost') return;
    clearTimeout(this.#retry);
    this.#close();
    this.#connect();
  }

  #connect(): void {
    const stream = this.#open(apiPaths.events);
    this.#stream = stream;
    const on = <K extends keyof StreamEvents>(type: K, take: (data: StreamEvents[K]) => void) =>
      stream.addEventListener(type, ({ data }) => {
        if (stream !== this.#stream) return;
        this.#heard();
        take(JSON.parse(String(data)) as StreamEvents[K]);
      });
    on('snapshot', (snapshot) => {
      this.#attempt = 0;
      this.onSnapshot(snapshot);
      this.#set({ kind: 'live' });
    });
    on('delta', (delta) => this.onDelta(delta));
    on('action', (action) => this.onAction(action));
    on('ping', () => {});
    on('bye', ({ reason }) => {
      if (reason === 'logged-out') {
        this.stop();
        this.#set({ kind: 'over' });
      } else this.#lose();
    });
    stream.addEventListener('error', () => {
      if (stream === this.#stream) this.#lose();
    });
    this.#heard();
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), SILENCE_MS);
  }

  #lose(): void {
    this.#close();
    const sinceMs = this.#status.kind === 'lost' ? this.#status.sinceMs : this.#now();
    const waitMs = RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)]!;
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), waitMs);
    this.#set({ kind: 'lost', sinceMs, attempt: this.#attempt });
  }

  #close(): void {
    clearTimeout(this.#silence);
    this.#stream?.close();
    this.#stream = undefined;
  }

  #set(status: LinkStatus): void {
    this.#status = status;
    this.onStatus(status);
  }
}
