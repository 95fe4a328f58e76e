import { createRequire } from 'node:module';
import { abortedError, retry, type Logger } from '@runtime-bridge/base';
import type BeeQueue from 'bee-queue';
import { Redis as IoRedis, type RedisOptions } from 'ioredis';
import { TxQueueError, TxQueueErrorCode } from '../errors.js';
import { QUEUE_NAME } from '../queue.js';

// bee-queue is CommonJS with `export =`; required so that its class and its scripts come in one shape.
const require = createRequire(import.meta.url);
const BaseBee = require('bee-queue') as new (
  name: string,
  settings: BeeQueue.QueueSettings,
  // Its types leave this out.
) => BeeQueue<unknown> & { _doStalledJobCheck(): Promise<number> };
const scripts = require('bee-queue/lib/lua') as {
  scripts: Record<string, string>;
  shas: Record<string, string>;
};

type Callback = (error: unknown, result?: unknown) => void;

/**
 * An ioredis client as bee-queue wants it. The class has to be called `Redis`: bee-queue looks at the constructor's name
 * and silently connects to localhost for any other. It also loads its scripts only once, so after a restart of Redis
 * they are given in full here.
 */
class Redis extends IoRedis {
  /** Connections that bee-queue made for itself after the pattern of this one. */
  readonly #copies: IoRedis[] = [];

  override duplicate(override?: Partial<RedisOptions>): IoRedis {
    const copy = super.duplicate(override);
    this.#copies.push(copy);
    return copy;
  }

  /** Ends the connections that were made after this one, whatever state they are in. */
  disconnectCopies(): void {
    for (const copy of this.#copies) copy.disconnect();
  }

  override evalsha = ((...args: unknown[]) => {
    const done = typeof args.at(-1) === 'function' ? (args.pop() as Callback) : undefined;
    const [sha, ...rest] = args as [string, ...(string | number)[]];
    const run = this.call('EVALSHA', sha, ...rest).catch((error: unknown) => {
      const name = Object.keys(scripts.shas).find((key) => scripts.shas[key] === sha);
      const text = name === undefined ? undefined : scripts.scripts[name];
      if (text === undefined || !String(error).includes('NOSCRIPT')) throw error;
      return this.call('EVAL', text, ...rest);
    });
    if (done) {
      run.then(
        (result) => done(null, result),
        (error: unknown) => done(error),
      );
    }
    return run;
  }) as IoRedis['evalsha'];
}

/**
 * bee-queue, whose check for stalled jobs may fail: it would end the process by a promise that nobody looks at, or never
 * take a job when the first one fails. The next check is soon enough.
 */
class Bee extends BaseBee {
  #failed = false;

  constructor(
    settings: BeeQueue.QueueSettings,
    private readonly logger: Logger,
  ) {
    super(QUEUE_NAME, settings);
  }

  override async _doStalledJobCheck(): Promise<number> {
    try {
      const count = await super._doStalledJobCheck();
      this.#failed = false;
      return count;
    } catch (error) {
      if (!this.#failed && !this.paused) {
        this.logger.warn('Check for stalled jobs failed, trying again', {}, error);
      }
      this.#failed = true;
      return 0;
    }
  }
}

/** How both ends connect. */
export interface RedisConnectionOptions {
  /** `redis://` or `rediss://` (TLS) URL, with user, password and database if need be. */
  url: string;
  /** Checked when the URL begins with `rediss://`. @default Node's own list of authorities */
  tls?: { ca?: string; rejectUnauthorized?: boolean };
  /** First part of the keys in Redis. @default 'bq', which the 2022 system uses */
  prefix?: string;
}

/** bee-queue over ioredis, with what bee-queue's types leave out. */
export interface BeeConnection {
  readonly bee: BeeQueue<unknown>;
  readonly client: IoRedis;
  /** Key of a structure of the queue, such as `waiting`. */
  readonly key: (name: string) => string;
  /** Ends all connections without waiting for jobs. */
  close(): Promise<void>;
}

/**
 * Connects, waiting for a Redis that is not there yet.
 * @throws TxQueueError BAD_REDIS_URL, MISSING_FILES; BridgeError ABORTED
 */
export async function connectBee(
  options: RedisConnectionOptions,
  settings: Pick<BeeQueue.QueueSettings, 'isWorker' | 'getEvents' | 'stallInterval'>,
  collaborators: { logger: Logger; signal?: AbortSignal | undefined },
): Promise<BeeConnection> {
  const redisOptions = optionsOf(options);
  const { logger, signal } = collaborators;
  const where = redactUrl(options.url);
  return retry((_attempt, stop) => connectOnce(options, redisOptions, settings, logger, stop), {
    minDelayMs: 200,
    maxDelayMs: 5_000,
    signal,
    shouldRetry: (error) =>
      !(error instanceof TxQueueError && error.code === TxQueueErrorCode.MISSING_FILES),
    onRetry: (error, attempt, delayMs) =>
      logger.warn('Waiting for Redis', { redis: where, attempt, delayMs }, error),
  });
}

/**
 * A client that bee-queue takes, connecting in the background.
 * @param extra `lazyConnect` to do that only when it is asked something
 * @throws TxQueueError BAD_REDIS_URL
 */
export function connectClient(
  options: RedisConnectionOptions,
  collaborators: { logger: Logger },
  extra: { lazyConnect?: boolean } = {},
): IoRedis {
  const client = new Redis(options.url, { ...optionsOf(options), ...extra });
  client.on('error', (error) => collaborators.logger.debug('Redis connection error', {}, error));
  return client;
}

async function connectOnce(
  options: RedisConnectionOptions,
  redisOptions: RedisOptions,
  settings: BeeQueue.QueueSettings,
  logger: Logger,
  signal: AbortSignal,
): Promise<BeeConnection> {
  const client = new Redis(options.url, redisOptions);
  const onError = (error: unknown) => logger.debug('Redis connection error', {}, error);
  client.on('error', onError);
  let bee: Bee;
  try {
    await ready(client, options, logger, signal);
    bee = new Bee(
      {
        ...settings,
        prefix: options.prefix ?? 'bq',
        // Its types know only node_redis.
        redis: client as never,
        storeJobs: false,
        removeOnSuccess: true,
        removeOnFailure: true,
        autoConnect: false,
      },
      logger,
    );
    bee.on('error', onError);
    // The first one settles only when it went well, the second one tells of failures.
    await Promise.race([bee.connect(), bee.ready()]);
    expectScripts();
    tellOfLosses(client, options, logger);
  } catch (error) {
    client.disconnectCopies();
    client.disconnect();
    throw error;
  }
  const prefix = `${options.prefix ?? 'bq'}:${QUEUE_NAME}:`;
  return {
    bee,
    client,
    key: (name) => prefix + name,
    close: async () => {
      // One millisecond: jobs that are being worked on are left to the next consumer, not waited for.
      await bee.close(1).catch(() => {});
      client.disconnect();
    },
  };
}

/** bee-queue asks for a script by no name when its file was left out, which Redis knows as little as a forgotten one. */
function expectScripts(): void {
  const missing = ['addJob', 'checkStalledJobs'].filter((name) => !(name in scripts.shas));
  if (missing.length === 0) return;
  throw new TxQueueError(
    TxQueueErrorCode.MISSING_FILES,
    'The scripts that bee-queue runs in Redis are not installed',
    {
      facts: { scripts: missing.join(', ') },
      remedy: 'Install the package bee-queue with its folder lib/lua.',
    },
  );
}

/** Waits for the first connection, which ioredis tries again by itself. */
async function ready(
  client: IoRedis,
  options: RedisConnectionOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const waiting = (error: unknown) =>
    logger.warn('Waiting for Redis', { redis: redactUrl(options.url) }, error);
  client.once('error', waiting);
  try {
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(abortedError(signal));
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      client.once('ready', () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  } finally {
    client.off('error', waiting);
  }
}

/** Says once that the connection was lost, and once that it is back. */
function tellOfLosses(client: IoRedis, options: RedisConnectionOptions, logger: Logger): void {
  const redis = redactUrl(options.url);
  let isLost = false;
  client.on('reconnecting', () => {
    if (!isLost) logger.warn('Connection to Redis lost', { redis });
    isLost = true;
  });
  client.on('ready', () => {
    if (isLost) logger.info('Connected to Redis again', { redis });
    isLost = false;
  });
}

function optionsOf(options: RedisConnectionOptions): RedisOptions {
  let url: URL;
  try {
    url = new URL(options.url);
  } catch {
    throw badUrl(options.url);
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw badUrl(options.url);
  return {
    // Commands wait for a connection that was lost instead of failing: the waits above them have deadlines or signals.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 6), 3_000),
    ...(url.protocol === 'rediss:' ? { tls: options.tls ?? {} } : {}),
  };
}

function badUrl(text: string): TxQueueError {
  return new TxQueueError(
    TxQueueErrorCode.BAD_REDIS_URL,
    'The endpoint of Redis must be a redis:// or rediss:// URL',
    { facts: { redis: redactUrl(text) } },
  );
}

/** A URL without its password. */
function redactUrl(text: string): string {
  return text.replace(/\/\/[^@/]*@/, '//***@');
}
