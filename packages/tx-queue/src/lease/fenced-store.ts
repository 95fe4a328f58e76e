import { abortedError, sleep, type Logger } from '@runtime-bridge/base';
import { TxQueueError, TxQueueErrorCode } from '../errors.js';
import type { LeaseConnection } from './lease-connection.js';
import { WRITE } from './lease-scripts.js';
import type { RedisLease, Tenure } from './redis-lease.js';

/** One write of several that are one step: a Redis command on one key. */
export interface StoreWrite {
  command: 'HSET' | 'HDEL' | 'LPUSH' | 'LTRIM' | 'DEL';
  key: string;
  args?: readonly (string | number)[];
}

/**
 * Data beside the queue that only the holder of a lease writes: Redis itself refuses a holder of before, however late it
 * comes. Everybody may read.
 */
export class FencedStore {
  readonly #lease: RedisLease;
  readonly #tenure: Tenure;
  readonly #connection: LeaseConnection;
  readonly #logger: Logger;

  constructor(options: { tenure: Tenure }, collaborators: { lease: RedisLease; logger: Logger }) {
    this.#tenure = options.tenure;
    this.#lease = collaborators.lease;
    this.#connection = collaborators.lease.connection;
    this.#logger = collaborators.logger;
  }

  /**
   * Writes all or nothing, waiting for a Redis that is away and for a lease that has to settle.
   * @param needs a key without which nothing is written
   * @returns false when that key is missing
   * @throws TxQueueError LEASE_LOST
   */
  async write(writes: readonly StoreWrite[], needs?: string): Promise<boolean> {
    const names = [...new Set(writes.map(({ key }) => key))];
    const args: (string | number)[] = ['', this.#lease.holder, this.#tenure.epoch];
    for (const { command, key, args: rest = [] } of writes) {
      args.push(rest.length + 2, command, names.indexOf(key) + 1, ...rest);
    }
    const keys = [
      this.#connection.leaseKey(this.#lease.role),
      needs === undefined ? '' : this.#connection.key(needs),
      ...names.map((name) => this.#connection.key(name)),
    ];
    for (;;) {
      const answer = Number(await this.#unlessLost(this.#connection.run(WRITE, keys, args)));
      if (answer === 1) return true;
      if (answer === -1) return false;
      if (answer === 0) throw lost(this.#tenure.epoch);
      this.#logger.debug('Waiting until the lease is settled', { waitMs: -2 - answer });
      await this.#unlessLost(sleep(Math.min(500, Math.max(50, -2 - answer)), this.#tenure.lost));
    }
  }

  /** A whole hash; empty when there is none. @throws TxQueueError LEASE_LOST */
  async hash(name: string): Promise<Record<string, string>> {
    return await this.#unlessLost(this.#connection.client.hgetall(this.#connection.key(name)));
  }

  /** The first entries of a list. @throws TxQueueError LEASE_LOST */
  async list(name: string, count: number): Promise<string[]> {
    const { client } = this.#connection;
    return await this.#unlessLost(client.lrange(this.#connection.key(name), 0, count - 1));
  }

  async #unlessLost<T>(work: Promise<T>): Promise<T> {
    const { lost: signal, epoch } = this.#tenure;
    let onAbort: (() => void) | undefined;
    const gone = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(lost(epoch, abortedError(signal)));
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([work, gone]);
    } finally {
      signal.removeEventListener('abort', onAbort!);
    }
  }
}

function lost(epoch: number, cause?: unknown): TxQueueError {
  return new TxQueueError(
    TxQueueErrorCode.LEASE_LOST,
    'Somebody else has taken over and does the work now',
    { facts: { epoch }, cause },
  );
}
