import {
  InventoryAction,
  InventoryFormat,
  InventoryKind,
  type Pool,
  type Worker,
} from '@runtime-bridge/walkie-protocol';
import type {
  ImportRequest,
  ImportResult,
  PoolInput,
  PoolRow,
  TransferFormat,
  WorkerInput,
  WorkersWritten,
} from '../api/index.js';
import { poolRow } from '../fleet/manager-look.js';
import { ApiError } from './api-error.js';
import type { Managers } from './managers.js';

const FORMATS: Readonly<Record<TransferFormat, InventoryFormat>> = {
  yaml: InventoryFormat.F_YAML,
  json: InventoryFormat.F_JSON,
  csv: InventoryFormat.F_CSV,
  prbv3: InventoryFormat.F_PRBV3,
};
const ACTIONS = {
  [InventoryAction.A_CREATE]: 'create',
  [InventoryAction.A_CHANGE]: 'change',
  [InventoryAction.A_DELETE]: 'delete',
} as const;
/** An import of thousands is judged and written row by row. */
const IMPORT_TIMEOUT_MS = 60_000;

/** Changes pools and workers at their managers. Operators' phrases pass through and are kept nowhere. */
export class InventoryDesk {
  constructor(
    private readonly collaborators: {
      managers: Managers;
      /** Told when something was changed at a manager. */
      onChanged: (manager: string) => void;
    },
  ) {}

  async createPool(manager: string, input: PoolInput): Promise<PoolRow> {
    return this.#changing(manager, async (managers) => {
      const { pools } = await managers.call(manager, 'CreatePool', { pools: [poolInit(input)] });
      return this.#onePool(manager, pools);
    });
  }

  async updatePool(manager: string, uuid: string, input: PoolInput): Promise<PoolRow> {
    return this.#changing(manager, async (managers) => {
      const items = [{ id: idOf(uuid), pool: poolInit(input) }];
      const { pools } = await managers.call(manager, 'UpdatePool', { items });
      return this.#onePool(manager, pools);
    });
  }

  async deletePool(manager: string, uuid: string): Promise<void> {
    await this.#changing(manager, (managers) =>
      managers.call(manager, 'UpdatePool', {
        items: [{ id: idOf(uuid), pool: { deleted: true } }],
      }),
    );
  }

  async createWorkers(manager: string, inputs: readonly WorkerInput[]): Promise<WorkersWritten> {
    return this.#changing(manager, async (managers) => {
      const request = { workers: inputs.map(workerInit) };
      const { workers } = await managers.call(manager, 'CreateWorker', request);
      return { workers: workers.map(written) };
    });
  }

  async updateWorker(manager: string, uuid: string, input: WorkerInput): Promise<WorkersWritten> {
    return this.#changing(manager, async (managers) => {
      const items = [{ id: idOf(uuid), worker: workerInit(input) }];
      const { workers } = await managers.call(manager, 'UpdateWorker', { items });
      return { workers: workers.map(written) };
    });
  }

  async deleteWorker(manager: string, uuid: string): Promise<void> {
    await this.#changing(manager, (managers) =>
      managers.call(manager, 'UpdateWorker', {
        items: [{ id: idOf(uuid), worker: { deleted: true } }],
      }),
    );
  }

  /** Pools and workers as a text, without keys. */
  async export(manager: string, format: TransferFormat): Promise<string> {
    const { managers } = this.collaborators;
    const { text } = await managers.call(manager, 'ExportInventory', { format: FORMATS[format] });
    return text;
  }

  async import(manager: string, request: ImportRequest): Promise<ImportResult> {
    const { format, text, prune, dryRun, skipFaulty = false, planId = '' } = request;
    const ask = async (managers: Managers) =>
      managers.call(
        manager,
        'ImportInventory',
        { format: FORMATS[format], text, prune, dryRun, skipFaulty, planId },
        { timeoutMs: IMPORT_TIMEOUT_MS },
      );
    const result = await (dryRun ? ask(this.collaborators.managers) : this.#changing(manager, ask));
    return {
      applied: result.applied,
      unchanged: result.unchanged,
      planId: result.planId,
      faults: result.faults.map(({ place, field, rule }) => ({ place, field, rule })),
      changes: result.changes.map(({ kind, action, name, pid, fields }) => ({
        kind: kind === InventoryKind.K_WORKER ? 'worker' : 'pool',
        action: ACTIONS[action] ?? 'change',
        name,
        pid: pid.toString(),
        fields: fields.map(({ field, before, after }) => ({ field, before, after })),
      })),
    };
  }

  async #changing<T>(manager: string, change: (managers: Managers) => Promise<T>): Promise<T> {
    try {
      return await change(this.collaborators.managers);
    } finally {
      this.collaborators.onChanged(manager);
    }
  }

  #onePool(manager: string, pools: readonly Pool[]): PoolRow {
    const [pool] = pools;
    if (pool === undefined) throw ApiError.notFound('The pool');
    return poolRow(manager, pool);
  }
}

const idOf = (uuid: string) => ({ identity: { case: 'uuid' as const, value: uuid } });

function poolInit({ pid, name, enabled, syncOnly, proxiedAccount, mnemonic }: PoolInput) {
  return {
    pid: BigInt(pid),
    name,
    enabled,
    syncOnly,
    deleted: false,
    realPhalaSs58: proxiedAccount,
    // Left out it keeps the key.
    owner: { mnemonic: mnemonic ?? '' },
  };
}

function workerInit({ pid, name, endpoint, stake, enabled, syncOnly }: WorkerInput) {
  return { pid: BigInt(pid), name, endpoint, stake, enabled, syncOnly, deleted: false };
}

function written({ uuid, pid, name, endpoint, stake, enabled, syncOnly }: Worker) {
  return { uuid, pid: pid.toString(), name, endpoint, stake, enabled, syncOnly };
}
