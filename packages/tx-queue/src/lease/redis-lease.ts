import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { TaskGroup, Watched, sleep, type Logger, type Service } from '@runtime-bridge/base';
import type { RedisConnectionOptions } from '../redis/bee-connection.js';
import { LeaseConnection, type LeaseRole } from './lease-connection.js';
import { HOLD, RELEASE } from './lease-scripts.js';

/** How long a lease lasts unless it is renewed: a holder that dies is followed after this, and one that stalls for less is not. */
export const DEFAULT_LEASE_MS = 10_000;

/** How a lease is held. */
export interface RedisLeaseOptions extends RedisConnectionOptions {
  role: LeaseRole;
  /** Peer id of the bridge, told to others that wait. */
  identity: string;
  /** @default DEFAULT_LEASE_MS */
  leaseMs?: number;
  /**
   * Whether a holder that was out of touch for longer than the lease goes on when it finds a Redis that has forgotten
   * everything: somebody may have held the lease, and done things, in between.
   * @default true for a manager, which looks everything up anew anyway; false for a trader
   */
  goesOn?: boolean;
}

/** Where we stand. */
export type LeaseState =
  | { kind: 'waiting'; detail: string }
  /** Somebody else has it. */
  | { kind: 'standby'; detail: string }
  /** It is ours, but Redis had forgotten everything: others may still have a better claim. */
  | { kind: 'settling'; epoch: number; detail: string }
  | { kind: 'held'; epoch: number };

/** Our time as holder. */
export interface Tenure {
  /** Grows from holder to holder. */
  readonly epoch: number;
  /** Aborted when somebody else has become the holder. */
  readonly lost: AbortSignal;
}

/**
 * The lease of one role on one queue, by which only one of several processes works. Held from `acquire` on, until
 * somebody else has it: a Redis that is away takes nothing from a holder, since nobody else can get the lease then
 * either, and what the holder does is checked by the epoch where it arrives.
 */
export class RedisLease implements Service {
  readonly name: string;
  readonly state = new Watched<LeaseState>({ kind: 'waiting', detail: 'waiting for Redis' });
  /** Names this process. */
  readonly holder = randomUUID();
  readonly role: LeaseRole;
  readonly connection: LeaseConnection;
  readonly #options: RedisLeaseOptions;
  readonly #logger: Logger;
  readonly #tasks: TaskGroup;
  readonly #label: string;
  #known = 0;
  #held = 0;
  /** When Redis last said that it is ours, by a clock that goes on while the process is stopped. */
  #confirmedAtMs = 0;
  #lost: AbortController | undefined;

  constructor(options: RedisLeaseOptions, collaborators: { logger: Logger }) {
    this.name = `lease of the ${options.role}`;
    this.role = options.role;
    this.#options = options;
    this.#logger = collaborators.logger.child({ lease: options.role });
    this.#tasks = new TaskGroup({ name: this.name }, collaborators);
    this.#label = `${options.identity} on ${hostname()} (${this.holder.slice(0, 8)})`;
    this.connection = new LeaseConnection(options, collaborators);
  }

  /** @default DEFAULT_LEASE_MS */
  get leaseMs(): number {
    return this.#options.leaseMs ?? DEFAULT_LEASE_MS;
  }

  start(): Promise<void> {
    if (this.#tasks.size > 0) return Promise.resolve();
    this.#tasks.spawn('hold', (signal) => this.#holdOn(signal));
    return Promise.resolve();
  }

  /** Gives the lease back, so that the next one need not wait for its end. */
  async stop(): Promise<void> {
    await this.#tasks.stop();
    const { connection } = this;
    if (this.#held > 0 && connection.isConnected) {
      const key = connection.leaseKey(this.role);
      await connection.run(RELEASE, [key], [this.holder, this.#held]).catch(() => {});
    }
    this.#lose();
    connection.close();
  }

  /** Waits until it is ours and nobody can have a better claim. @throws BridgeError ABORTED */
  async acquire(signal?: AbortSignal): Promise<Tenure> {
    const { epoch } = await this.state.until((state) => state.kind === 'held', signal);
    this.#lost ??= new AbortController();
    return { epoch, lost: this.#lost.signal };
  }

  async #holdOn(signal: AbortSignal): Promise<void> {
    for (;;) {
      let nextMs = this.leaseMs / 3;
      try {
        nextMs = Math.min(nextMs, await this.#hold());
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.debug('Lease could not be renewed', {}, error);
      }
      await sleep(Math.max(20, nextMs), signal);
    }
  }

  /** Takes, renews or looks. @returns in how many milliseconds something may change */
  async #hold(): Promise<number> {
    const { connection, role } = this;
    const keys = [connection.leaseKey(role), connection.epochKey(role)];
    const { goesOn = role === 'manager' } = this.#options;
    const askedAtMs = performance.now();
    const wasHolder = this.state.value.kind === 'held';
    const mayGoOn = wasHolder && (goesOn || askedAtMs - this.#confirmedAtMs < this.leaseMs);
    const args = [
      ...['', this.holder, this.#label, this.#known, this.#held],
      ...[this.leaseMs, mayGoOn ? 1 : 0],
    ];
    const answer = (await connection.run(HOLD, keys, args)) as unknown[];
    const [isOurs, epoch, settlesInMs, , label, endsInMs] = answer as [
      number,
      number,
      number,
      string,
      string,
      number,
    ];
    this.#known = Math.max(this.#known, epoch);
    if (isOurs === 1) {
      this.#confirmedAtMs = askedAtMs;
      return this.#isHeld(epoch, settlesInMs);
    }
    if (this.#held > 0) {
      this.#logger.warn('The lease is lost', {
        to: label || 'nobody yet',
        epoch,
        ours: this.#held,
      });
      this.#lose();
    }
    if (label === '') return 0;
    const detail = `standby: ${label} works`;
    if (this.state.value.kind !== 'standby' || this.state.value.detail !== detail) {
      this.#logger.info('Standing by', { holder: label, epoch });
      if (!label.startsWith(`${this.#options.identity} `)) {
        this.#logger.warn('The holder has another identity; this queue is for one bridge only', {
          holder: label,
          identity: this.#options.identity,
        });
      }
      this.state.set({ kind: 'standby', detail });
    }
    return endsInMs;
  }

  #isHeld(epoch: number, settlesInMs: number): number {
    const { value } = this.state;
    this.#held = epoch;
    if (settlesInMs > 0) {
      if (value.kind === 'held') {
        // Goes on working: what arrives elsewhere is held back there.
        this.#logger.warn('Redis has forgotten the lease, holding it anew', { epoch });
        return settlesInMs;
      }
      if (value.kind !== 'settling') {
        this.#logger.info('Redis knows of no holder before, waiting in case there is one', {
          epoch,
          waitMs: settlesInMs,
        });
        this.state.set({ kind: 'settling', epoch, detail: 'waiting for a holder of before' });
      }
      return settlesInMs;
    }
    if (value.kind !== 'held') {
      this.#logger.info('Holding the lease', { epoch });
      this.state.set({ kind: 'held', epoch });
    }
    return Infinity;
  }

  #lose(): void {
    this.#held = 0;
    this.state.set({ kind: 'waiting', detail: 'waiting for Redis' });
    this.#lost?.abort();
    this.#lost = undefined;
  }
}
