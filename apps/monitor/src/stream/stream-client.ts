import { GZIP_HEADER, type Frame } from './frames.js';

/** Where a client's bytes go; an HTTP response is one. */
export interface Outlet {
  write(bytes: Buffer): boolean;
  /** Bytes that wait to be taken. */
  readonly writableLength: number;
  once(event: 'drain', listener: () => void): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** Who listens. */
export interface ClientOptions {
  /** Whether it takes gzip. */
  gzip: boolean;
  /** Bytes that may wait for it. */
  maxBacklogBytes: number;
  /** Whose session; undefined where none is needed. */
  sessionId: string | undefined;
  /** Asked now and then; a client whose session is over is sent away. */
  isWelcome: () => boolean;
}

/** One listener of the stream. One that does not keep up misses events and is given everything anew once it has caught up. */
export class StreamClient {
  #hasBegun = false;
  /** Since when it misses events; undefined while it keeps up. */
  behindSinceMs: number | undefined;

  constructor(
    readonly options: ClientOptions,
    private readonly outlet: Outlet,
  ) {}

  /**
   * Sends all of them or none.
   * @returns whether they were taken; false when too much waits already
   */
  send(frames: readonly Frame[], nowMs: number): boolean {
    if (this.behindSinceMs !== undefined) return false;
    if (this.outlet.writableLength > this.options.maxBacklogBytes) {
      this.behindSinceMs = nowMs;
      return false;
    }
    if (!this.#hasBegun && this.options.gzip) this.outlet.write(GZIP_HEADER);
    this.#hasBegun = true;
    for (const frame of frames) {
      this.outlet.write(this.options.gzip ? frame.squeezed : frame.plain);
    }
    return true;
  }

  /** Whether all that was sent has been taken. */
  get hasCaughtUp(): boolean {
    return this.outlet.writableLength === 0;
  }

  end(): void {
    this.outlet.end();
  }

  drop(): void {
    this.outlet.destroy();
  }
}
