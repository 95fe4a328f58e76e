import {
  abortedError,
  BridgeError,
  sleep,
  TaskGroup,
  type ErrorObject,
  type Logger,
  type MetricsRegister,
} from '@runtime-bridge/base';
import type { QueuedJobInfo } from '../embedded-queue.js';
import { TxQueueError, TxQueueErrorCode } from '../errors.js';
import {
  newAsk,
  parseJobOutcome,
  parseJobRequest,
  toQueueData,
  type JobOutcome,
  type JobRequest,
} from '../job.js';
import { DEFAULT_MAX_JOBS, type JobProducer, type QueueCounts } from '../queue.js';
import { connectBee, type BeeConnection, type RedisConnectionOptions } from './bee-connection.js';
import { errorOfProgress, errorOfText } from './wire.js';

/** How a producer works. */
export interface RedisProducerOptions extends RedisConnectionOptions {
  /** Jobs in the queue before more are refused. @default DEFAULT_MAX_JOBS */
  maxJobs?: number;
  /** How often it looks whether the jobs it waits for are still in Redis. @default 5000 */
  checkIntervalMs?: number;
  /** Epoch of the lease under which this manager asks; every job carries it. */
  epoch?: number;
}

/** Tells jobs where they lie: what they carry may be many megabytes. KEYS: waiting, active, jobs. ARGV: how many. */
const LIST = `
local rows = {}
for place, state in ipairs({'waiting', 'active'}) do
  local left = tonumber(ARGV[1]) - #rows
  local ids = left > 0 and redis.call('LRANGE', KEYS[place], 0, left - 1) or {}
  for _, id in ipairs(ids) do
    local text = redis.call('HGET', KEYS[3], id)
    local ok, job = pcall(cjson.decode, text or '')
    if ok and type(job) == 'table' and type(job.data) == 'table' then
      local payload = type(job.data.payload) == 'table' and job.data.payload or {}
      local options = type(job.options) == 'table' and job.options or {}
      local at = tonumber(options.timestamp) or 0
      rows[#rows + 1] = {id, state, tostring(job.data.action or ''), tostring(payload.pid or ''),
        string.format('%d', at), string.format('%d', #text)}
    end
  end
end
return rows
`;

/** A job that somebody in this process waits for. */
interface Pending {
  readonly request: JobRequest;
  /** The same however often it is handed in, so that a failure of which the event was lost is told and not repeated. */
  readonly ask: string;
  readonly waiters: Set<{
    resolve: (outcome: JobOutcome) => void;
    reject: (error: unknown) => void;
  }>;
  /** The whole error, told before the failure itself. */
  error: ErrorObject | undefined;
  /** Checks in a row that did not find it in Redis. */
  missing: number;
  saved: Promise<void>;
}

/**
 * The asking end of the queue in Redis. The outcome of a job is an event, which can be lost with a connection, and Redis
 * itself may be emptied: a job that is no longer there and was not answered is handed in again under its id.
 */
export class RedisProducer implements JobProducer {
  readonly name = 'Redis queue producer';
  #connection: BeeConnection | undefined;
  readonly #pending = new Map<string, Pending>();
  readonly #tasks: TaskGroup;
  #stopped = false;

  constructor(
    private readonly options: RedisProducerOptions,
    private readonly collaborators: { logger: Logger; metrics: MetricsRegister },
  ) {
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
    collaborators.metrics.gauge({
      name: 'runtime_bridge_tx_queue_asked_count',
      help: 'Jobs in Redis that this process waits for',
      collect: (gauge) => gauge.set(this.#pending.size),
    });
  }

  async start(signal?: AbortSignal): Promise<void> {
    if (this.#connection) return;
    const either = signal ? AbortSignal.any([signal, this.#tasks.signal]) : this.#tasks.signal;
    this.#connection = await connectBee(
      this.options,
      { isWorker: false, getEvents: true },
      { logger: this.collaborators.logger, signal: either },
    );
    const { bee } = this.#connection;
    bee.on('job progress', (id: string, progress: unknown) => {
      const pending = this.#pending.get(id);
      if (pending) pending.error = errorOfProgress(progress) ?? pending.error;
    });
    bee.on('job succeeded', (id: string, result: unknown) => {
      this.#settle(
        id,
        () =>
          parseJobOutcome(result) ?? {
            ok: false,
            error: errorOfText('The job ended with something that is no outcome'),
          },
      );
    });
    bee.on('job failed', (id: string, error: Error) => {
      if (this.#isOfPredecessor(id)) return;
      this.#settle(id, (pending) => ({
        ok: false,
        error: pending.error ?? errorOfText(error.message),
      }));
    });
    this.#tasks.spawn('check', (stop) => this.#checkAgainAndAgain(stop));
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#tasks.stop();
    for (const pending of this.#pending.values()) {
      for (const waiter of [...pending.waiters]) waiter.reject(closed());
    }
    this.#pending.clear();
    await this.#connection?.close();
  }

  async submit(request: JobRequest, signal?: AbortSignal): Promise<JobOutcome> {
    if (this.#stopped || !this.#connection) throw closed();
    if (signal?.aborted) throw abortedError(signal);
    const checked = parseJobRequest(request);
    let pending = this.#pending.get(checked.id);
    if (!pending) {
      pending = {
        request: checked,
        ask: newAsk(),
        waiters: new Set(),
        error: undefined,
        missing: 0,
        saved: Promise.resolve(),
      };
      // Known before it is in Redis, so that no event can come too early.
      this.#pending.set(checked.id, pending);
      pending.saved = this.#save(pending, true);
    }
    return await this.#wait(pending, signal);
  }

  async counts(): Promise<QueueCounts> {
    if (!this.#connection) throw closed();
    const { client, key } = this.#connection;
    const [waiting, active] = await Promise.all([
      client.llen(key('waiting')),
      client.llen(key('active')),
    ]);
    return { waiting, active };
  }

  /** Jobs in Redis, waiting ones first, each with nothing of what it carries. @param limit of the list, at most */
  async list(limit: number): Promise<QueuedJobInfo[]> {
    if (!this.#connection) throw closed();
    const { client, key } = this.#connection;
    const answer = (await client.eval(
      LIST,
      3,
      ...[key('waiting'), key('active'), key('jobs')],
      Math.max(0, Math.trunc(limit)),
    )) as string[][];
    return answer.map(([id = '', state, action = '', pool = '', askedAtMs, bytes]) => ({
      id,
      action,
      pool,
      state: state === 'active' ? 'active' : 'waiting',
      bytes: Number(bytes),
      askedAtMs: Number(askedAtMs),
    }));
  }

  #wait(pending: Pending, signal: AbortSignal | undefined): Promise<JobOutcome> {
    return new Promise((resolve, reject) => {
      const end = () => {
        pending.waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
        // Nobody waits any more: the job stays in Redis, this process forgets about it.
        const { id } = pending.request;
        if (pending.waiters.size === 0 && this.#pending.get(id) === pending) {
          this.#pending.delete(id);
        }
      };
      const waiter = {
        resolve: (outcome: JobOutcome) => {
          end();
          resolve(outcome);
        },
        reject: (error: unknown) => {
          end();
          reject(BridgeError.from(error));
        },
      };
      const onAbort = () => waiter.reject(abortedError(signal!));
      pending.waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
      pending.saved.catch((error: unknown) => waiter.reject(error));
    });
  }

  /** Puts the job into Redis unless its id is there. */
  async #save(pending: Pending, limited: boolean): Promise<void> {
    const { id } = pending.request;
    const { bee, client, key } = this.#connection!;
    if (limited) {
      const jobs = await client.hlen(key('jobs'));
      const maxJobs = this.options.maxJobs ?? DEFAULT_MAX_JOBS;
      if (jobs >= maxJobs) {
        throw new TxQueueError(TxQueueErrorCode.QUEUE_FULL, 'The transaction queue is full', {
          facts: { job: id, jobs, maxJobs },
        });
      }
    }
    // An id that is there already is answered with null; the events of that job are ours as well.
    await bee
      .createJob(toQueueData(pending.request, pending.ask, this.options.epoch))
      .setId(id)
      .save();
  }

  /** A job of the manager before us lay under this id and was refused: ours takes its place. */
  #isOfPredecessor(id: string): boolean {
    const pending = this.#pending.get(id);
    const { epoch } = this.options;
    if (!pending?.error || epoch === undefined) return false;
    const { code, facts } = pending.error;
    if (code !== TxQueueErrorCode.STALE_EPOCH || facts?.['epoch'] === epoch) return false;
    pending.error = undefined;
    pending.saved = this.#save(pending, false);
    pending.saved.catch((error: unknown) => {
      this.collaborators.logger.debug('Job could not be handed in again', { job: id }, error);
    });
    return true;
  }

  #settle(id: string, outcomeOf: (pending: Pending) => JobOutcome): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    const outcome = outcomeOf(pending);
    for (const waiter of [...pending.waiters]) waiter.resolve(outcome);
  }

  async #checkAgainAndAgain(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.options.checkIntervalMs ?? 5_000, signal);
      try {
        await this.#check();
      } catch (error) {
        this.collaborators.logger.debug('Check of the queue failed', {}, error);
      }
    }
  }

  async #check(): Promise<void> {
    const pending = [...this.#pending.values()];
    if (pending.length === 0) return;
    const { client, key } = this.#connection!;
    const found = await client.hmget(key('jobs'), ...pending.map((entry) => entry.request.id));
    for (const [index, entry] of pending.entries()) {
      if (found[index] != null || this.#pending.get(entry.request.id) !== entry) {
        entry.missing = 0;
        continue;
      }
      entry.missing += 1;
      // The first time, its event may be on the way.
      if (entry.missing < 2) continue;
      entry.missing = 0;
      this.collaborators.logger.warn('Job is gone from Redis unanswered, asking again', {
        job: entry.request.id,
      });
      entry.saved = this.#save(entry, false);
      await entry.saved;
    }
  }
}

function closed(): TxQueueError {
  return new TxQueueError(TxQueueErrorCode.CLOSED, 'The transaction queue is stopped');
}
