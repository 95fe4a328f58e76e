import { fromHex, type Hex } from '@runtime-bridge/base';
import {
  WorkerStatus as WireStatus,
  type Pool,
  type PoolOrWorkerQueryIdentity,
  type Worker,
} from '@runtime-bridge/walkie-protocol';

import type { PoolInput, PoolRow, RowIdentity, WorkerInput, WorkerRow } from '../inventory/rows.js';
import { ss58OfAccount } from '../inventory/ss58.js';
import type { WorkerSnapshot, WorkerStatus } from '../runner/messages.js';

/** SS58 prefixes in which an operator's address is told: of Phala, and of Polkadot. */
export const PHALA_PREFIX = 30;
const POLKADOT_PREFIX = 0;
const ZERO_ACCOUNT: Hex = `0x${'00'.repeat(32)}`;

const wireStatus: Record<WorkerStatus, WireStatus> = {
  S_IDLE: WireStatus.S_IDLE,
  S_STARTING: WireStatus.S_STARTING,
  S_SYNCHING: WireStatus.S_SYNCHING,
  S_SYNCHED: WireStatus.S_SYNCHED,
  S_PRE_ACTIVE: WireStatus.S_PRE_ACTIVE,
  S_ACTIVE: WireStatus.S_ACTIVE,
  S_KICKED: WireStatus.S_KICKED,
  S_ERROR: WireStatus.S_ERROR,
};

/** A worker's status on the wire. */
export function statusToWire(status: WorkerStatus): WireStatus {
  return wireStatus[status];
}

/** A pool on the wire. Its key never is: mnemonic and polkadot_json are empty. */
export function poolToWire(row: PoolRow) {
  const account = fromHex(row.operatorPublicKey);
  return {
    uuid: row.uuid,
    owner: {
      mnemonic: '',
      polkadotJson: '',
      ss58Phala: ss58OfAccount(account, PHALA_PREFIX),
      ss58Polkadot: ss58OfAccount(account, POLKADOT_PREFIX),
    },
    pid: row.poolId,
    name: row.name,
    enabled: row.enabled,
    deleted: false,
    realPhalaSs58: row.proxiedAccount,
    syncOnly: row.syncOnly,
  };
}

/** A worker on the wire. @param poolId number of its pool */
export function workerToWire(row: WorkerRow, poolId: bigint) {
  return {
    uuid: row.uuid,
    pid: poolId,
    name: row.name,
    endpoint: row.endpoint,
    enabled: row.enabled,
    deleted: false,
    stake: row.stake.toString(),
    syncOnly: row.syncOnly,
  };
}

/** What a caller says of a pool. */
export function poolFromWire(pool: Pool): PoolInput {
  return {
    poolId: pool.pid,
    name: pool.name,
    enabled: pool.enabled,
    syncOnly: pool.syncOnly,
    proxiedAccount: pool.realPhalaSs58.trim(),
    mnemonic: pool.owner?.mnemonic.trim() ?? '',
  };
}

/** What a caller says of a worker. */
export function workerFromWire(worker: Worker): WorkerInput {
  return {
    poolId: worker.pid,
    name: worker.name,
    endpoint: worker.endpoint.trim(),
    stake: worker.stake.trim(),
    enabled: worker.enabled,
    syncOnly: worker.syncOnly,
  };
}

/** How a caller points at a row; undefined when it does not. */
export function identityFromWire(
  id: PoolOrWorkerQueryIdentity | undefined,
): RowIdentity | undefined {
  switch (id?.identity.case) {
    case 'uuid':
      return { kind: 'uuid', uuid: id.identity.value };
    case 'name':
      return { kind: 'name', name: id.identity.value };
    case 'pid':
      return { kind: 'poolId', poolId: id.identity.value };
    case undefined:
      return undefined;
  }
}

/** What is told of a worker's state beside its row. */
export interface StateParts {
  worker: ReturnType<typeof workerToWire>;
  /** Undefined for a worker that nobody drives. */
  snapshot: WorkerSnapshot | undefined;
  sessionInfoJson: string;
  sessionAccount: Hex | undefined;
  /** Said when there is no snapshot. */
  idleMessage: string;
}

/** A worker's state on the wire. Heights are always the last ones that the worker has, -1 for none. */
export function stateToWire({ worker, snapshot, ...parts }: StateParts) {
  const position = snapshot?.position;
  return {
    status: wireStatus[snapshot?.status ?? 'S_IDLE'],
    parentHeaderSynchedTo: (position?.nextRelay ?? 0) - 1,
    paraHeaderSynchedTo: (position?.nextPara ?? 0) - 1,
    paraBlockDispatchedTo: (position?.nextBlock ?? 0) - 1,
    initialized: snapshot?.initialized ?? false,
    worker,
    publicKey: snapshot?.publicKey?.slice(2) ?? '',
    lastMessage: snapshot?.lastMessage ?? parts.idleMessage,
    sessionInfoJson: parts.sessionInfoJson,
    workerAccountId: ss58OfAccount(fromHex(parts.sessionAccount ?? ZERO_ACCOUNT), PHALA_PREFIX),
  };
}
