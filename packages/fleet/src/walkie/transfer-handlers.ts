import {
  InventoryAction,
  InventoryFormat,
  InventoryKind,
  type RequestOf,
  type ResponseInit,
  type Walkie,
} from '@runtime-bridge/walkie-protocol';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { Inventory } from '../inventory/inventory.js';
import { formatInventory, type TransferFormat } from '../inventory/transfer/document.js';
import type { TransferChange } from '../inventory/transfer/dry-run.js';
import { importInventory } from '../inventory/transfer/import.js';

const formats: Partial<Record<InventoryFormat, TransferFormat>> = {
  [InventoryFormat.F_YAML]: 'yaml',
  [InventoryFormat.F_JSON]: 'json',
  [InventoryFormat.F_CSV]: 'csv',
  [InventoryFormat.F_PRBV3]: 'prbv3',
};
const kinds = { pool: InventoryKind.K_POOL, worker: InventoryKind.K_WORKER } as const;
const actions = {
  create: InventoryAction.A_CREATE,
  change: InventoryAction.A_CHANGE,
  delete: InventoryAction.A_DELETE,
} as const;

/** Answers ExportInventory and ImportInventory. */
export function serveTransfer(walkie: Walkie, { inventory }: { inventory: Inventory }): void {
  walkie.handle('ExportInventory', ({ format }) => {
    const wanted = format === InventoryFormat.F_UNKNOWN ? InventoryFormat.F_YAML : format;
    return { format: wanted, text: formatInventory(inventory.snapshot, formatOf(wanted)) };
  });
  walkie.handle('ImportInventory', (request) => answerImport(inventory, request));
}

async function answerImport(
  inventory: Inventory,
  request: RequestOf<'ImportInventory'>,
): Promise<ResponseInit<'ImportInventory'>> {
  const { text, dryRun, prune, skipFaulty, planId, owners } = request;
  const format = formatOf(request.format);
  const report = await importInventory(inventory, {
    format,
    text,
    dryRun,
    prune,
    skipFaulty,
    planId,
    owners: owners.map((owner) => ({
      poolId: owner.pid,
      mnemonic: owner.mnemonic.trim(),
      proxiedAccount: owner.realPhalaSs58.trim(),
    })),
  });
  const { changes, unchanged, faults } = report.plan;
  return {
    applied: report.applied,
    planId: report.planId,
    unchanged,
    changes: changes.map(changeToWire),
    faults: faults.map(({ place, field, rule }) => ({ place, field, rule })),
  };
}

function changeToWire({ kind, action, name, poolId, fields }: TransferChange) {
  return {
    kind: kinds[kind],
    action: actions[action],
    name,
    pid: poolId,
    fields: fields.map(({ field, before, after }) => ({ field, before, after })),
  };
}

function formatOf(format: InventoryFormat): TransferFormat {
  const known = formats[format];
  if (known) return known;
  throw new FleetError(
    FleetErrorCode.INVALID_FIELD,
    'format: must be F_YAML, F_JSON, F_CSV or F_PRBV3',
    { facts: { field: 'format', format } },
  );
}
