import { createHash } from 'node:crypto';

import { FleetError, FleetErrorCode } from '../../errors.js';
import type { Inventory } from '../inventory.js';
import type { InventorySnapshot } from '../rows.js';
import { parseInventory, type TransferFormat, type TransferRow } from './document.js';
import { planTransfer, type TransferPlan } from './dry-run.js';

/** What a text does not say of a pool. */
export interface PoolOwner {
  readonly poolId: bigint;
  readonly mnemonic: string;
  /** SS58 address of the account that the operator acts for; empty for none. */
  readonly proxiedAccount: string;
}

/** A text to be made the inventory, and how. */
export interface ImportOptions {
  readonly format: TransferFormat;
  readonly text: string;
  /** Only tells what would be done. */
  readonly dryRun: boolean;
  /** Rows that are not in the text go. */
  readonly prune: boolean;
  /** Takes what is right although something is not. */
  readonly skipFaulty: boolean;
  /** Of a dry run whose plan alone may be carried out; empty for any. */
  readonly planId: string;
  /** Taken where an entry says nothing of it. */
  readonly owners: readonly PoolOwner[];
}

/** What an import did, or would do. */
export interface ImportReport {
  readonly plan: TransferPlan;
  readonly planId: string;
  readonly applied: boolean;
}

/**
 * Makes the inventory as a text says, in one batch, or tells what that would change.
 * @throws FleetError PLAN_OUTDATED; those of a batch of changes; nothing is changed then
 */
export async function importInventory(
  inventory: Inventory,
  options: ImportOptions,
): Promise<ImportReport> {
  const { rows, faults } = parseInventory(options.text, options.format);
  const document = { rows: withOwners(rows, options.owners), faults };
  const planOn = (snapshot: InventorySnapshot) => {
    const plan = planTransfer(document, snapshot, {
      prune: options.prune,
      isMnemonic: (text) => inventory.isMnemonic(text),
    });
    return { plan, planId: planIdOf(plan) };
  };
  if (options.dryRun) return { ...planOn(inventory.snapshot), applied: false };
  let report: ImportReport | undefined;
  await inventory.transfer((snapshot) => {
    const { plan, planId } = planOn(snapshot);
    if (options.planId !== '' && options.planId !== planId) {
      throw new FleetError(
        FleetErrorCode.PLAN_OUTDATED,
        'The import would change something else by now, so nothing was changed',
        { facts: { planId }, remedy: 'Look at what it would change now, then import again.' },
      );
    }
    const applied = plan.faults.length === 0 || options.skipFaulty;
    report = { plan, planId, applied };
    return applied ? plan.steps : NOTHING;
  });
  return report!;
}

const NOTHING = {
  createPools: [],
  updatePools: [],
  createWorkers: [],
  updateWorkers: [],
  deletePools: [],
} as const;

function withOwners(rows: readonly TransferRow[], owners: readonly PoolOwner[]): TransferRow[] {
  const byPool = new Map(owners.map((owner) => [owner.poolId.toString(), owner]));
  return rows.map((row) => {
    const { pid } = row.fields;
    const known =
      typeof pid === 'string' || typeof pid === 'number' || typeof pid === 'bigint'
        ? byPool.get(String(pid).trim())
        : undefined;
    if (row.kind !== 'pool' || known === undefined) return row;
    const { mnemonic, proxiedAccount } = known;
    const missing = {
      ...(mnemonic === '' || !isEmpty(row.fields['mnemonic']) ? {} : { mnemonic }),
      ...(proxiedAccount === '' || !isEmpty(row.fields['realPhalaSs58'])
        ? {}
        : { realPhalaSs58: proxiedAccount }),
    };
    return { ...row, fields: { ...row.fields, ...missing } };
  });
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** Stands for what is to be changed; says nothing of keys. */
function planIdOf({ changes, faults }: TransferPlan): string {
  const told = JSON.stringify({ changes, faults }, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return createHash('sha256').update(told).digest('hex').slice(0, 32);
}
