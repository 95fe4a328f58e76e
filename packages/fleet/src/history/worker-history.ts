import { Limiter, type Logger } from '@runtime-bridge/base';
import { ClassicLevel } from 'classic-level';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { WorkerEvent, WorkerStatus } from '../runner/messages.js';

/** Which events are asked for. */
export interface WorkerEventQuery {
  /** Uuids; none means all workers. */
  readonly workers?: readonly string[];
  /** Only events before it, ms since 1970; undefined for no bound. */
  readonly beforeMs?: number;
  /** At most so many; historyLimits.maxPage at most. @default 100 */
  readonly limit?: number;
}

/** Events, the newest first. To go on, ask for those before the time of the last. */
export interface WorkerEventPage {
  readonly events: readonly WorkerEvent[];
  /** There are older ones. */
  readonly hasMore: boolean;
}

/** What a history keeps and gives. */
export const historyLimits = {
  /** Events of one worker; the oldest go first. */
  maxPerWorker: 500,
  /** Events of one page. */
  maxPage: 1_000,
  /** Events that wait for the disk; beyond that they are not kept. */
  maxWaiting: 50_000,
} as const;

const DEFAULT_PAGE = 100;
const BATCH_EVENTS = 2_000;
const SCHEMA_VERSION = 1;

/** First byte of every key; numbers are never used again for something else. */
const Bucket = { META: 0, BY_WORKER: 1, BY_TIME: 2 } as const;
const META_KEY = Uint8Array.of(Bucket.META);
const TIME_BYTES = 8;
const MAX_TIME = 2 ** 53 - 1;

/** What is known of the events of a worker that has said something since the start. */
interface Tally {
  count: number;
  lastMs: number;
}

/**
 * What workers went through, on disk: states, messages and errors, bounded per worker, surviving restarts. Every event of a
 * worker has a time of its own, so that pages can go by time.
 */
export class WorkerHistory {
  readonly #level: ClassicLevel<Uint8Array, Uint8Array>;
  readonly #logger: Logger;
  readonly #maxPerWorker: number;
  readonly #turn = new Limiter({ concurrency: 1, maxQueued: 10_000, name: 'worker history' });
  readonly #tallies = new Map<string, Tally>();
  #waiting: WorkerEvent[] = [];
  #writing: Promise<void> | undefined;
  #refuses = false;
  #closed = false;

  private constructor(
    level: ClassicLevel<Uint8Array, Uint8Array>,
    options: { maxPerWorker: number },
    collaborators: { logger: Logger },
  ) {
    this.#level = level;
    this.#maxPerWorker = options.maxPerWorker;
    this.#logger = collaborators.logger;
  }

  /**
   * Opens or makes the store in a directory.
   * @throws FleetError BAD_STORE for a store of a later version; whatever the file system says
   */
  static async open(
    options: { directory: string; maxPerWorker?: number },
    collaborators: { logger: Logger },
  ): Promise<WorkerHistory> {
    const { directory, maxPerWorker = historyLimits.maxPerWorker } = options;
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await level.open();
    try {
      const version = (await level.get(META_KEY))?.[0];
      if (version === undefined) await level.put(META_KEY, Uint8Array.of(SCHEMA_VERSION));
      else if (version !== SCHEMA_VERSION) {
        throw new FleetError(
          FleetErrorCode.BAD_STORE,
          'The history of workers was written by another version',
          { facts: { directory, version, supported: SCHEMA_VERSION } },
        );
      }
    } catch (error) {
      await level.close();
      throw error;
    }
    return new WorkerHistory(level, { maxPerWorker }, collaborators);
  }

  /** Keeps events, in the order in which they came; on disk a moment later. */
  record(events: readonly WorkerEvent[]): void {
    if (this.#closed) return;
    const room = Math.max(0, historyLimits.maxWaiting - this.#waiting.length);
    if (room < events.length && !this.#refuses) {
      this.#logger.warn('History of workers does not keep up, events are left out', {
        waiting: this.#waiting.length,
      });
    }
    this.#refuses = room < events.length;
    this.#waiting.push(...events.slice(0, room));
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Events, the newest first, those included that wait for the disk. */
  async list(query: WorkerEventQuery = {}): Promise<WorkerEventPage> {
    await this.#writing;
    const { workers = [], beforeMs = MAX_TIME } = query;
    const limit = Math.max(1, Math.min(query.limit ?? DEFAULT_PAGE, historyLimits.maxPage));
    const before = Math.max(0, Math.min(beforeMs, MAX_TIME));
    const found =
      workers.length === 0
        ? await this.#newest(before, limit + 1)
        : await this.#newestOf([...new Set(workers)], before, limit + 1);
    return page(found, limit);
  }

  /** Forgets all workers but those given. */
  async retain(known: ReadonlySet<string>): Promise<void> {
    await this.#turn.run(async () => {
      let from = prefixOf(Bucket.BY_WORKER);
      for (;;) {
        const [key] = await this.#level
          .keys({ gt: from, lt: Uint8Array.of(Bucket.BY_TIME), limit: 1 })
          .all();
        if (!key) return;
        const { uuid } = readWorkerKey(key);
        if (!known.has(uuid)) {
          this.#tallies.delete(uuid);
          await this.#drop(await this.#keysOf(uuid, MAX_TIME, { limit: Infinity, oldest: true }));
        }
        from = workerKey(uuid, MAX_TIME);
      }
    });
  }

  /** Writes what waits, and closes the store. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    await this.#turn.run(() => this.#level.close());
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const events = this.#waiting.slice(0, BATCH_EVENTS);
      try {
        await this.#turn.run(() => this.#put(events));
      } catch (error) {
        this.#logger.error('History of workers cannot be written', {}, error);
      }
      this.#waiting.splice(0, events.length);
    }
  }

  async #put(events: readonly WorkerEvent[]): Promise<void> {
    const batch = this.#level.batch();
    const grown = new Set<string>();
    for (const event of events) {
      const tally = await this.#tally(event.uuid);
      const timeMs = Math.min(MAX_TIME, Math.max(0, event.timeMs, tally.lastMs + 1));
      tally.lastMs = timeMs;
      tally.count += 1;
      grown.add(event.uuid);
      batch.put(workerKey(event.uuid, timeMs), new Uint8Array());
      batch.put(timeKey(event.uuid, timeMs), encode(event));
    }
    await batch.write();
    for (const uuid of grown) await this.#trim(uuid);
  }

  async #tally(uuid: string): Promise<Tally> {
    const known = this.#tallies.get(uuid);
    if (known) return known;
    const keys = await this.#keysOf(uuid, MAX_TIME, { limit: Infinity, oldest: false });
    const newest = keys[0];
    const tally = { count: keys.length, lastMs: newest ? readWorkerKey(newest).timeMs : -1 };
    this.#tallies.set(uuid, tally);
    return tally;
  }

  async #trim(uuid: string): Promise<void> {
    const tally = this.#tallies.get(uuid);
    const surplus = (tally?.count ?? 0) - this.#maxPerWorker;
    if (!tally || surplus <= 0) return;
    await this.#drop(await this.#keysOf(uuid, MAX_TIME, { limit: surplus, oldest: true }));
    tally.count -= surplus;
  }

  async #drop(keys: readonly Uint8Array[]): Promise<void> {
    await this.#level.batch(
      keys.flatMap((key) => {
        const { uuid, timeMs } = readWorkerKey(key);
        return [
          { type: 'del' as const, key },
          { type: 'del' as const, key: timeKey(uuid, timeMs) },
        ];
      }),
    );
  }

  async #newest(beforeMs: number, limit: number): Promise<WorkerEvent[]> {
    const entries = await this.#level
      .iterator({
        gte: prefixOf(Bucket.BY_TIME),
        lt: Uint8Array.from([Bucket.BY_TIME, ...timeBytes(beforeMs)]),
        reverse: true,
        limit,
      })
      .all();
    return entries.map(([key, value]) => decode(readTimeKey(key), value));
  }

  async #newestOf(
    workers: readonly string[],
    beforeMs: number,
    limit: number,
  ): Promise<WorkerEvent[]> {
    const places: { uuid: string; timeMs: number }[] = [];
    for (const uuid of workers) {
      const keys = await this.#keysOf(uuid, beforeMs, { limit, oldest: false });
      places.push(...keys.map(readWorkerKey));
    }
    places.sort((a, b) => b.timeMs - a.timeMs);
    const wanted = places.slice(0, limit);
    const values = await this.#level.getMany(
      wanted.map(({ uuid, timeMs }) => timeKey(uuid, timeMs)),
    );
    return wanted.flatMap((place, index) => {
      const value = values[index];
      return value ? [decode(place, value)] : [];
    });
  }

  /** Keys of a worker's events before a time. */
  #keysOf(
    uuid: string,
    beforeMs: number,
    { limit, oldest }: { limit: number; oldest: boolean },
  ): Promise<Uint8Array[]> {
    return this.#level
      .keys({
        gte: workerKey(uuid, 0),
        lt: workerKey(uuid, beforeMs),
        reverse: !oldest,
        ...(limit === Infinity ? {} : { limit }),
      })
      .all();
  }
}

/** Cuts a page so that no moment is divided: whoever goes on asks for what was before the last. */
function page(found: readonly WorkerEvent[], limit: number): WorkerEventPage {
  const beyond = found[limit];
  if (!beyond) return { events: found, hasMore: false };
  const whole = found.slice(0, limit).filter(({ timeMs }) => timeMs !== beyond.timeMs);
  return { events: whole.length > 0 ? whole : found.slice(0, limit), hasMore: true };
}

function prefixOf(bucket: number): Uint8Array {
  return Uint8Array.of(bucket);
}

function timeBytes(timeMs: number): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.floor(timeMs)));
  return bytes;
}

function readTime(bytes: Uint8Array, at: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at));
}

/** A uuid and a zero byte, so that no worker's keys lie between another's. */
function workerKey(uuid: string, timeMs: number): Uint8Array {
  return Buffer.concat([
    prefixOf(Bucket.BY_WORKER),
    Buffer.from(uuid),
    Uint8Array.of(0),
    timeBytes(timeMs),
  ]);
}

function timeKey(uuid: string, timeMs: number): Uint8Array {
  return Buffer.concat([prefixOf(Bucket.BY_TIME), timeBytes(timeMs), Buffer.from(uuid)]);
}

function readWorkerKey(key: Uint8Array): { uuid: string; timeMs: number } {
  const end = key.length - TIME_BYTES;
  return { uuid: Buffer.from(key.subarray(1, end - 1)).toString(), timeMs: readTime(key, end) };
}

function readTimeKey(key: Uint8Array): { uuid: string; timeMs: number } {
  return {
    uuid: Buffer.from(key.subarray(1 + TIME_BYTES)).toString(),
    timeMs: readTime(key, 1),
  };
}

function encode({ status, message, errorCode }: WorkerEvent): Uint8Array {
  return Buffer.from(JSON.stringify({ status, message, errorCode }));
}

function decode(place: { uuid: string; timeMs: number }, value: Uint8Array): WorkerEvent {
  const { status, message, errorCode } = JSON.parse(Buffer.from(value).toString()) as {
    status: WorkerStatus;
    message: string;
    errorCode?: string;
  };
  return { ...place, status, message, ...(errorCode === undefined ? {} : { errorCode }) };
}
