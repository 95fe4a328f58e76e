import { fromHex, isAbortError, type Hex, type Logger } from '@runtime-bridge/base';
import type { Walkie } from '@runtime-bridge/walkie-protocol';

import type { Inventory } from '../inventory/inventory.js';
import type { PoolRow } from '../inventory/rows.js';
import { ss58OfAccount } from '../inventory/ss58.js';
import type { ChainWatch } from '../manager/chain-watch.js';
import { PHALA_PREFIX } from './rows.js';

/** Tells what each account has paid for fees, in the smallest unit; has a deadline of its own. */
export type OperatorFees = (signal: AbortSignal) => Promise<ReadonlyMap<Hex, bigint>>;

/** What the answers about operators are made of. */
export interface OperatorHandlersCollaborators {
  inventory: Pick<Inventory, 'snapshot'>;
  /** Undefined while the chain is not read. */
  chain: () => Pick<ChainWatch, 'facts' | 'readAtMs'> | undefined;
  /** Undefined in config mode. */
  fees: OperatorFees | undefined;
  logger: Logger;
}

/**
 * Answers ListOperators. What is not known is left out: balances before the chain was read, fees while the trader is away.
 * @param options minBalance in the smallest unit
 */
export function serveOperators(
  walkie: Walkie,
  { minBalance }: { minBalance: bigint },
  { inventory, chain, fees, logger }: OperatorHandlersCollaborators,
): void {
  const feesNow = async (signal: AbortSignal): Promise<ReadonlyMap<Hex, bigint>> => {
    if (!fees) return new Map();
    try {
      return await fees(signal);
    } catch (error) {
      if (signal.aborted && isAbortError(error)) throw error;
      logger.debug('The trader does not tell what was paid for fees', {}, error);
      return new Map();
    }
  };
  walkie.handle('ListOperators', async (_request, { signal }) => {
    const paid = await feesNow(signal);
    const { readAtMs, facts } = chain() ?? {};
    return {
      operators: [...poolsByOperator(inventory)].map(([operator, pools]) => {
        const free = facts?.value?.balances?.get(operator);
        const sum = paid.get(operator);
        const proxied = pools.map(({ proxiedAccount }) => proxiedAccount);
        return {
          account: ss58OfAccount(fromHex(operator), PHALA_PREFIX),
          pids: pools.map(({ poolId }) => poolId),
          proxiedAccounts: [...new Set(proxied)].filter((account) => account !== ''),
          minBalance: minBalance.toString(),
          ...(sum === undefined ? {} : { fees: sum.toString() }),
          ...(free === undefined || readAtMs === undefined
            ? {}
            : {
                free: free.toString(),
                low: free < minBalance,
                readMs: BigInt(readAtMs),
                blockNumber: facts!.value!.block,
              }),
        };
      }),
    };
  });
}

function poolsByOperator({ snapshot }: Pick<Inventory, 'snapshot'>): Map<Hex, PoolRow[]> {
  const operators = new Map<Hex, PoolRow[]>();
  for (const pool of snapshot.pools.values()) {
    const known = operators.get(pool.operatorPublicKey);
    if (known) known.push(pool);
    else operators.set(pool.operatorPublicKey, [pool]);
  }
  return operators;
}
