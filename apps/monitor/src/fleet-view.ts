import { BridgeError, messageOf, SingleFlight, type Clock } from '@runtime-bridge/base';
import {
  DataProviderStatus,
  WalkieRoles,
  WorkerStatus,
  type DataProviderInfo,
  type Peer,
  type Pool,
  type Walkie,
  type WorkerState,
} from '@runtime-bridge/walkie-protocol';

/** One chain at a data provider. Heights that are not known are undefined. */
export interface ChainProgress {
  target: number | undefined;
  fetched: number | undefined;
  /** Up to here workers can be served. */
  done: number | undefined;
  lag: number | undefined;
}

export interface ProviderView {
  peer: Peer;
  /** Undefined when it does not answer; then `problem` says why. */
  status: string | undefined;
  relay: ChainProgress | undefined;
  para: ChainProgress | undefined;
  problem: string | undefined;
}

export interface WorkerView {
  uuid: string;
  name: string;
  pid: string;
  endpoint: string;
  managerPeerId: string;
  enabled: boolean;
  /** Name of the state, or `not running` for a worker that its manager tells no state of. */
  state: string;
  message: string;
  relayHeader: number | undefined;
  paraHeader: number | undefined;
  paraBlock: number | undefined;
  /** Para blocks behind the best data provider of the same chain. */
  lag: number | undefined;
}

export interface PoolView {
  pid: string;
  name: string;
  enabled: boolean;
  syncOnly: boolean;
  operator: string;
  proxiedAccount: string;
  managerPeerId: string;
  workerCount: number;
}

export interface ManagerView {
  peer: Peer;
  pools: PoolView[];
  workers: WorkerView[];
  problem: string | undefined;
}

/** All that the status page shows, read at one moment. */
export interface FleetView {
  atMs: number;
  providers: ProviderView[];
  managers: ManagerView[];
}

/** For each of the peers; one that is slower is told as not answering, alone. */
const PEER_TIMEOUT_MS = 5_000;
/** However many look at the page, peers are asked no more often. */
const MAX_AGE_MS = 1_000;
export const NOT_RUNNING = 'not running';

/** Asks all peers and puts their answers together. */
export class FleetReader {
  readonly #flight = new SingleFlight<'fleet', FleetView>();
  #last: FleetView | undefined;

  constructor(private readonly collaborators: { walkie: Walkie; clock: Clock }) {}

  /** The fleet as of now, at most a second old. Peers that fail are in it with their problem; it never rejects for them. */
  async read(): Promise<FleetView> {
    const { clock } = this.collaborators;
    if (this.#last !== undefined && clock.now() - this.#last.atMs < MAX_AGE_MS) return this.#last;
    this.#last = await this.#flight.do('fleet', (signal) => this.#read(signal));
    return this.#last;
  }

  async #read(signal: AbortSignal): Promise<FleetView> {
    const { walkie, clock } = this.collaborators;
    const peers = walkie.peers.list();
    const ofRole = (role: WalkieRoles) => peers.filter((peer) => peer.role === role);
    const providers = await Promise.all(
      ofRole(WalkieRoles.WR_DATA_PROVIDER_INT).map((peer) => this.#readProvider(peer, signal)),
    );
    const managers = await Promise.all(
      ofRole(WalkieRoles.WR_LIFECYCLE_MANAGER).map((peer) =>
        this.#readManager(peer, bestParaTarget(providers, peer), signal),
      ),
    );
    return { atMs: clock.now(), providers, managers };
  }

  async #readProvider(peer: Peer, signal: AbortSignal): Promise<ProviderView> {
    try {
      const info = await this.collaborators.walkie
        .client(peer.peerId)
        .call('GetDataProviderInfo', {}, { signal, timeoutMs: PEER_TIMEOUT_MS });
      return { peer, ...describeInfo(info), problem: undefined };
    } catch (error) {
      return { peer, status: undefined, relay: undefined, para: undefined, problem: told(error) };
    }
  }

  async #readManager(
    peer: Peer,
    paraTarget: number | undefined,
    signal: AbortSignal,
  ): Promise<ManagerView> {
    const client = this.collaborators.walkie.client(peer.peerId);
    const options = { signal, timeoutMs: PEER_TIMEOUT_MS };
    const [pools, workers, states] = await Promise.allSettled([
      client.call('ListPool', {}, options),
      client.call('ListWorker', {}, options),
      client.call('GetWorkerStatus', {}, options),
    ]);
    const failed = [pools, workers, states].find((result) => result.status === 'rejected');
    const stateByUuid = new Map<string, WorkerState>();
    if (states.status === 'fulfilled') {
      for (const state of states.value.workerStates) {
        if (state.worker !== undefined) stateByUuid.set(state.worker.uuid, state);
      }
    }
    const listed = workers.status === 'fulfilled' ? workers.value.workers : [];
    const workerViews = listed.map((worker): WorkerView => {
      const state = stateByUuid.get(worker.uuid);
      const paraBlock = heightOf(state?.paraBlockDispatchedTo);
      return {
        uuid: worker.uuid,
        name: worker.name,
        pid: worker.pid.toString(),
        endpoint: worker.endpoint,
        managerPeerId: peer.peerId,
        enabled: worker.enabled,
        state: state === undefined ? NOT_RUNNING : nameOf(WorkerStatus, state.status),
        message: state?.lastMessage ?? '',
        relayHeader: heightOf(state?.parentHeaderSynchedTo),
        paraHeader: heightOf(state?.paraHeaderSynchedTo),
        paraBlock,
        lag: lagOf(paraTarget, paraBlock),
      };
    });
    const listedPools = pools.status === 'fulfilled' ? pools.value.pools : [];
    return {
      peer,
      pools: listedPools.map((pool) => describePool(pool, peer, workerViews)),
      workers: workerViews,
      problem: failed === undefined ? undefined : told(failed.reason),
    };
  }
}

function describeInfo(info: DataProviderInfo): Pick<ProviderView, 'status' | 'relay' | 'para'> {
  return {
    status: nameOf(DataProviderStatus, info.status),
    relay: progressOf(
      info.parentTarget,
      info.parentFetchedHeight,
      Math.max(info.parentProcessedHeight, info.parentCommittedHeight),
    ),
    para: progressOf(
      info.paraTarget,
      info.paraFetchedHeight,
      Math.max(info.paraProcessedHeight, info.paraCommittedHeight),
    ),
  };
}

function progressOf(target: number, fetched: number, done: number): ChainProgress {
  return {
    target: heightOf(target),
    fetched: heightOf(fetched),
    done: heightOf(done),
    lag: lagOf(heightOf(target), heightOf(done)),
  };
}

function describePool(pool: Pool, peer: Peer, workers: readonly WorkerView[]): PoolView {
  const pid = pool.pid.toString();
  return {
    pid,
    name: pool.name,
    enabled: pool.enabled,
    syncOnly: pool.syncOnly,
    operator: pool.owner?.ss58Phala ?? '',
    proxiedAccount: pool.realPhalaSs58,
    managerPeerId: peer.peerId,
    workerCount: workers.filter((worker) => worker.pid === pid).length,
  };
}

function bestParaTarget(providers: readonly ProviderView[], manager: Peer): number | undefined {
  const targets = providers
    .filter(({ peer }) => peer.chainIdentity === manager.chainIdentity)
    .flatMap(({ para }) => para?.target ?? []);
  return targets.length === 0 ? undefined : Math.max(...targets);
}

/** The wire has -1 for heights that are not known. */
function heightOf(height: number | undefined): number | undefined {
  return height === undefined || height < 0 ? undefined : height;
}

function lagOf(target: number | undefined, height: number | undefined): number | undefined {
  return target === undefined || height === undefined ? undefined : Math.max(0, target - height);
}

function nameOf(names: Record<number, string>, value: number): string {
  return names[value] ?? String(value);
}

function told(error: unknown): string {
  return error instanceof BridgeError ? `${error.code}: ${error.message}` : messageOf(error);
}
