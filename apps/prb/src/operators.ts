import { isFieldSet, OperatorSchema } from '@runtime-bridge/walkie-protocol';
import type { Manager } from './session.js';
import { print, type Show } from './show.js';
import { formatTable } from './table.js';

/** The accounts that sign for pools, with what they have left for fees. */
export async function showOperators(show: Show, manager: Manager): Promise<void> {
  const { operators } = await manager.client.call('ListOperators', {}, manager.options);
  const rows = operators.map((one) => ({
    account: one.account,
    pids: one.pids,
    proxiedAccounts: one.proxiedAccounts,
    free: one.free || null,
    fees: one.fees || null,
    minBalance: one.minBalance || null,
    isLow: isFieldSet(one, OperatorSchema.field.low) ? one.low : null,
    block: one.blockNumber || null,
  }));
  print(show, { operators: rows }, () =>
    formatTable(
      [
        { title: 'ACCOUNT', maxWidth: 60 },
        { title: 'PIDS', maxWidth: 40 },
        { title: 'FREE PHA', right: true },
        { title: 'FEES PHA', right: true },
        { title: '' },
      ],
      rows.map(({ account, pids, free, fees, isLow }) => [
        account,
        pids.join(','),
        phaOf(free),
        phaOf(fees),
        isLow === true ? 'LOW' : '',
      ]),
    ),
  );
}

/** A peer's amount may be anything. */
function phaOf(amount: string | null): string {
  if (amount === null || !/^\d{1,39}$/.test(amount)) return '?';
  const digits = amount.padStart(13, '0');
  return `${digits.slice(0, -12)}.${digits.slice(-12, -8)}`;
}
