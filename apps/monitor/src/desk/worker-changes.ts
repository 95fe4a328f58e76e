import type { Worker } from '@runtime-bridge/walkie-protocol';
import type { ActionRequest } from '../api/index.js';
import { ApiError } from './api-error.js';
import type { Managers } from './managers.js';

/** Does something to one worker. @returns what to say of it */
export type WorkerChange = (uuid: string) => Promise<string>;

const COMMANDS = {
  restart: { method: 'RestartWorker', said: 'Restarted' },
  refreshRa: { method: 'RefreshRaAndRestartWorker', said: 'Restarted with a new attestation' },
  kick: { method: 'KickWorker', said: 'Told to quit' },
} as const;

/**
 * Makes ready to do an action to workers of one manager. What changes a row reads it first, since an update writes all of it.
 * @throws as Managers.call
 */
export async function prepareChange(
  managers: Managers,
  manager: string,
  { kind, pid }: ActionRequest,
): Promise<WorkerChange> {
  if (kind in COMMANDS) {
    const { method, said } = COMMANDS[kind as keyof typeof COMMANDS];
    return async (uuid) => {
      await managers.call(manager, method, { ids: [uuid] });
      return said;
    };
  }
  const { workers } = await managers.call(manager, 'ListWorker', {});
  const rows = new Map(workers.map((worker) => [worker.uuid, worker]));
  const update = async (uuid: string, fields: Partial<Worker>, said: string) => {
    const row = rows.get(uuid);
    if (row === undefined) throw ApiError.notFound('The worker');
    const id = { identity: { case: 'uuid' as const, value: uuid } };
    await managers.call(manager, 'UpdateWorker', {
      items: [{ id, worker: { ...row, ...fields } }],
    });
    return said;
  };
  switch (kind) {
    case 'enable':
      return (uuid) => update(uuid, { enabled: true }, 'Enabled');
    case 'disable':
      return (uuid) => update(uuid, { enabled: false }, 'Disabled');
    case 'move':
      return (uuid) => update(uuid, { pid: BigInt(pid ?? 0) }, `Moved to pool ${pid ?? ''}`);
    case 'delete':
      return (uuid) => update(uuid, { deleted: true }, 'Deleted');
    default:
      throw ApiError.badRequest(`'${kind}' is no such action`, 'kind');
  }
}
