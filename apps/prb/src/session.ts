import type { Service } from '@runtime-bridge/base';
import {
  WalkieRoles,
  type Peer,
  type Pool,
  type Walkie,
  type WalkieClient,
  type Worker,
} from '@runtime-bridge/walkie-protocol';
import { MissingError, UsageError } from './errors.js';

/** How the network is reached; options of every command. */
export interface ConnectOptions {
  boot: readonly string[];
  mdns: boolean;
  psk?: string | undefined;
}

/** Makes a node that is not started yet. */
export type Connect = (options: ConnectOptions) => Promise<Walkie & Service>;

/** Which peers are meant. */
export interface Selection {
  /** Peer id, or the beginning of its host name. */
  peer?: string | undefined;
  bridge?: string | undefined;
  timeoutMs: number;
}

/** Peers that answer late are still listed within this after the first. */
const SETTLE_MS = 300;
const POLL_MS = 50;

/** One run of the tool: a node, and what it looks for. */
export class Session {
  constructor(
    private readonly walkie: Walkie,
    private readonly selection: Selection,
  ) {}

  /** Peers of a role (all roles without one), when those that are there had time to answer. */
  async peers(role?: WalkieRoles): Promise<Peer[]> {
    const { peer, bridge, timeoutMs } = this.selection;
    const fits = (one: Peer) =>
      (role === undefined || one.role === role) &&
      (bridge === undefined || one.bridgeIdentity === bridge) &&
      (peer === undefined || one.peerId === peer || one.hostname.startsWith(peer));
    const end = Date.now() + timeoutMs;
    let found: Peer[] = [];
    let changedMs = Date.now();
    while (Date.now() < end) {
      const now = this.walkie.peers.list().filter(fits);
      if (now.length !== found.length) changedMs = Date.now();
      found = now;
      const isSettled = Date.now() - changedMs >= SETTLE_MS;
      if (found.length > 0 && (isSettled || found.some(({ peerId }) => peerId === peer))) break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return found;
  }

  /**
   * The lifecycle manager that is meant.
   * @throws MissingError; UsageError when several are there and none is chosen
   */
  async manager(): Promise<Manager> {
    const found = await this.peers(WalkieRoles.WR_LIFECYCLE_MANAGER);
    if (found.length === 0) {
      throw new MissingError(
        `No lifecycle manager found within ${this.selection.timeoutMs / 1000} s; name one by --boot`,
      );
    }
    if (found.length > 1) {
      const names = found.map(({ peerId, hostname }) => `${peerId} (${hostname})`).join(', ');
      throw new UsageError(`Several lifecycle managers are there, choose by --peer: ${names}`);
    }
    const { timeoutMs } = this.selection;
    return new Manager(this.walkie.client(found[0]!.peerId), Math.max(timeoutMs, 30_000));
  }

  client(peer: string): WalkieClient {
    return this.walkie.client(peer);
  }
}

/** A lifecycle manager, its pools and workers by the names that people use. */
export class Manager {
  constructor(
    readonly client: WalkieClient,
    private readonly timeoutMs: number,
  ) {}

  get options(): { timeoutMs: number } {
    return { timeoutMs: this.timeoutMs };
  }

  async pools(): Promise<Pool[]> {
    return (await this.client.call('ListPool', {}, this.options)).pools;
  }

  async workers(): Promise<Worker[]> {
    return (await this.client.call('ListWorker', {}, this.options)).workers;
  }

  /** @throws MissingError naming all that are not there */
  async workersNamed(names: readonly string[]): Promise<Worker[]> {
    const all = await this.workers();
    return pick(names, 'worker', (name) =>
      all.find((worker) => worker.uuid === name || worker.name === name),
    );
  }

  /** @throws MissingError */
  async poolsNamed(names: readonly string[]): Promise<Pool[]> {
    const all = await this.pools();
    return pick(names, 'pool', (name) =>
      all.find((pool) => pool.uuid === name || pool.name === name || `${pool.pid}` === name),
    );
  }
}

function pick<T>(names: readonly string[], what: string, find: (name: string) => T | undefined) {
  const found = names.map(find);
  const missing = names.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) throw new MissingError(`No such ${what}: ${missing.join(', ')}`);
  return found as T[];
}
