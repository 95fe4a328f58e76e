import {
  DataProviderStatus,
  WalkieRoles,
  WorkerStatus,
  type Peer,
  type WorkerState,
} from '@runtime-bridge/walkie-protocol';
import { MissingError } from './errors.js';
import type { Manager, Session } from './session.js';
import { formatTable, type Paint } from './table.js';
import { toJson, type Terminal } from './terminal.js';
import { formatPha } from './units.js';

/** What showing commands work with. */
export interface Show {
  terminal: Terminal;
  json: boolean;
  paint: Paint;
}

/** Says a value as JSON, or in lines for people. */
export function print({ terminal, json }: Show, value: unknown, lines: () => string[]): void {
  if (json) terminal.out(toJson(value));
  else for (const line of lines()) terminal.out(line);
}

const roleName = (role: WalkieRoles) =>
  (WalkieRoles[role] ?? `${role}`).replace(/^WR_/, '').toLowerCase();
const yesNo = (value: boolean) => (value ? 'yes' : 'no');

export async function showPeers(show: Show, session: Session): Promise<void> {
  const peers = await session.peers();
  if (peers.length === 0) throw new MissingError('No peer found; name one by --boot');
  print(show, peers.map(peerJson), () =>
    formatTable(
      [
        { title: 'ROLE' },
        { title: 'PEER' },
        { title: 'HOST' },
        { title: 'BRIDGE' },
        { title: 'ADDRESS', maxWidth: 120 },
      ],
      peers.map((p) => [roleName(p.role), p.peerId, p.hostname, p.bridgeIdentity, p.multiaddr]),
    ),
  );
}

const peerJson = (peer: Peer) => ({ ...peer, role: roleName(peer.role) });

export async function showInfo(show: Show, session: Session, timeoutMs: number): Promise<void> {
  const providers = await session.peers(WalkieRoles.WR_DATA_PROVIDER_INT);
  if (providers.length === 0) throw new MissingError('No data provider found; name one by --boot');
  const infos = await Promise.all(
    providers.map(async (peer) => ({
      peer,
      info: await session.client(peer.peerId).call('GetDataProviderInfo', {}, { timeoutMs }),
    })),
  );
  const all = infos.map(({ peer, info: { $typeName: _, $unknown: __, ...info } }) => ({
    peerId: peer.peerId,
    hostname: peer.hostname,
    ...info,
    status: DataProviderStatus[info.status] ?? `${info.status}`,
  }));
  print(show, all, () =>
    formatTable(
      [
        { title: 'HOST' },
        { title: 'STATUS' },
        { title: 'PARA ID', right: true },
        { title: 'RELAY', right: true },
        { title: 'OF', right: true },
        { title: 'PARA', right: true },
        { title: 'OF', right: true },
        { title: 'PEER' },
      ],
      all.map((one) => [
        one.hostname,
        one.status,
        `${one.paraId}`,
        `${one.parentProcessedHeight}`,
        `${one.parentTarget}`,
        `${one.paraProcessedHeight}`,
        `${one.paraTarget}`,
        one.peerId,
      ]),
    ),
  );
}

export async function showPools(show: Show, manager: Manager): Promise<void> {
  const pools = await manager.pools();
  const all = pools.map((pool) => ({
    uuid: pool.uuid,
    pid: pool.pid,
    name: pool.name,
    enabled: pool.enabled,
    syncOnly: pool.syncOnly,
    operator: pool.owner?.ss58Phala ?? '',
    proxiedAccount: pool.realPhalaSs58,
  }));
  print(show, all, () =>
    formatTable(
      [
        { title: 'PID', right: true },
        { title: 'NAME' },
        { title: 'ENABLED' },
        { title: 'SYNC ONLY' },
        { title: 'OPERATOR' },
        { title: 'PROXIED ACCOUNT' },
      ],
      all.map((pool) => [
        `${pool.pid}`,
        pool.name,
        yesNo(pool.enabled),
        yesNo(pool.syncOnly),
        pool.operator,
        pool.proxiedAccount,
      ]),
    ),
  );
}

export async function showWorkers(
  show: Show,
  manager: Manager,
  filter: { pool?: string },
): Promise<void> {
  const workers = (await manager.workers()).filter(
    ({ pid }) => filter.pool === undefined || `${pid}` === filter.pool,
  );
  const all = workers.map(({ uuid, pid, name, endpoint, enabled, syncOnly, stake }) => ({
    uuid,
    pid,
    name,
    endpoint,
    enabled,
    syncOnly,
    stake,
  }));
  print(show, all, () =>
    formatTable(
      [
        { title: 'NAME', maxWidth: 32 },
        { title: 'PID', right: true },
        { title: 'ENABLED' },
        { title: 'SYNC ONLY' },
        { title: 'STAKE (PHA)', right: true },
        { title: 'ENDPOINT' },
        { title: 'UUID' },
      ],
      all.map((worker) => [
        worker.name,
        `${worker.pid}`,
        yesNo(worker.enabled),
        yesNo(worker.syncOnly),
        /^\d+$/.test(worker.stake) ? formatPha(BigInt(worker.stake)) : worker.stake,
        worker.endpoint,
        worker.uuid,
      ]),
    ),
  );
}

const stateName = (status: WorkerStatus) => WorkerStatus[status] ?? `${status}`;
const isWrong = (status: WorkerStatus) =>
  status === WorkerStatus.S_ERROR || status === WorkerStatus.S_KICKED;

/** States of workers: what is wrong first, then by name; with the sum per state in a line of its own. */
export async function showStatus(
  show: Show,
  manager: Manager,
  filter: { pool?: string; state?: string; names: readonly string[] },
): Promise<void> {
  const named = filter.names.length === 0 ? [] : await manager.workersNamed(filter.names);
  const ids = named.map(({ uuid }) => uuid);
  const { workerStates } = await manager.client.call('GetWorkerStatus', { ids }, manager.options);
  const wanted = filter.state?.toUpperCase().replace(/^(?!S_)/, 'S_');
  const states = workerStates
    .filter(({ worker }) => filter.pool === undefined || `${worker?.pid}` === filter.pool)
    .filter(({ status }) => wanted === undefined || stateName(status) === wanted)
    .sort(byUrgency);
  print(show, states.map(stateJson), () => [
    sums(states),
    ...formatTable(
      [
        { title: 'NAME', maxWidth: 32 },
        { title: 'PID', right: true },
        { title: 'STATE' },
        { title: 'RELAY', right: true },
        { title: 'PARA', right: true },
        { title: 'BLOCKS', right: true },
        { title: 'MESSAGE', maxWidth: 100 },
      ],
      states.map((state) => [
        state.worker?.name ?? '',
        `${state.worker?.pid ?? ''}`,
        stateName(state.status),
        `${state.parentHeaderSynchedTo}`,
        `${state.paraHeaderSynchedTo}`,
        `${state.paraBlockDispatchedTo}`,
        state.lastMessage,
      ]),
    ).map((line, i) => {
      if (i === 0) return show.paint(line, 'bold');
      const { status } = states[i - 1]!;
      if (isWrong(status)) return show.paint(line, 'red');
      return status === WorkerStatus.S_ACTIVE ? line : show.paint(line, 'yellow');
    }),
  ]);
}

function byUrgency(a: WorkerState, b: WorkerState): number {
  const urgency = Number(isWrong(b.status)) - Number(isWrong(a.status));
  return urgency || (a.worker?.name ?? '').localeCompare(b.worker?.name ?? '');
}

function sums(states: readonly WorkerState[]): string {
  const counts = new Map<string, number>();
  for (const { status } of states) {
    counts.set(stateName(status), (counts.get(stateName(status)) ?? 0) + 1);
  }
  const parts = [...counts].map(([name, count]) => `${count} ${name}`);
  return `${states.length} workers${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`;
}

export const stateJson = (state: WorkerState) => ({
  uuid: state.worker?.uuid ?? '',
  name: state.worker?.name ?? '',
  pid: state.worker?.pid ?? 0n,
  status: stateName(state.status),
  relayHeader: state.parentHeaderSynchedTo,
  paraHeader: state.paraHeaderSynchedTo,
  paraBlock: state.paraBlockDispatchedTo,
  initialized: state.initialized,
  publicKey: state.publicKey,
  sessionAccount: state.workerAccountId,
  lastMessage: state.lastMessage,
});
