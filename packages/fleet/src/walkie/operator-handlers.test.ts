import { silentLogger, Watched, type Hex } from '@runtime-bridge/base';
import type { ChainFacts } from '@runtime-bridge/chain-client/tx';
import { isFieldSet, OperatorSchema } from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork } from '@runtime-bridge/walkie-protocol/testing';
import { afterEach, describe, expect, it } from 'vitest';

import type { Inventory } from '../inventory/inventory.js';
import { accountOfSs58 } from '../inventory/ss58.js';
import {
  serveOperators,
  type OperatorFees,
  type OperatorHandlersCollaborators,
} from './operator-handlers.js';

const key = (byte: string): Hex => `0x${byte.repeat(32)}`;
const [ALICE, BOB] = [key('aa'), key('bb')];
const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

/** A manager of two operators, of whom the first signs for two pools. */
async function manager(chain: OperatorHandlersCollaborators['chain'], fees?: OperatorFees) {
  const pool = (poolId: bigint, operatorPublicKey: Hex, proxiedAccount = '') =>
    [`${poolId}`, { poolId, operatorPublicKey, proxiedAccount }] as const;
  const pools = new Map([pool(2n, ALICE), pool(3n, BOB, '5Proxied'), pool(4n, ALICE)]);
  const inventory = { snapshot: { pools } } as unknown as Inventory;
  const network = new MemoryNetwork();
  const [node, caller] = [network.node(), network.node()];
  serveOperators(node, { minBalance: 10n }, { inventory, chain, fees, logger: silentLogger });
  for (const one of [node, caller]) {
    await one.start();
    closes.push(() => one.stop());
  }
  return caller.client(node.peerId);
}

const chainOf = (balances: [Hex, bigint][]) => {
  const facts = { block: 5, balances: new Map(balances) } as unknown as ChainFacts;
  return () => ({ facts: new Watched<ChainFacts | undefined>(facts), readAtMs: 7 });
};

describe('operators over Walkie', () => {
  it('are told once each, with what they have and have paid', async () => {
    const paid = () => Promise.resolve(new Map([[ALICE, 30n]]));
    const balances: [Hex, bigint][] = [
      [ALICE, 10n],
      [BOB, 9n],
    ];
    const client = await manager(chainOf(balances), paid);
    const { operators } = await client.call('ListOperators', {});
    expect(operators).toMatchObject([
      {
        ...{ pids: [2n, 4n], proxiedAccounts: [], free: '10', fees: '30', minBalance: '10' },
        ...{ low: false, readMs: 7n, blockNumber: 5 },
      },
      { pids: [3n], proxiedAccounts: ['5Proxied'], free: '9', fees: '', low: true },
    ]);
    expect(operators.map(({ account }) => accountOfSs58(account))).toEqual([ALICE, BOB]);
  });

  it.each([
    ['the chain was not read and the trader is away', () => undefined],
    ['balances of disabled pools are not read', chainOf([])],
  ])('leave out what is not known: %s', async (_what, chain) => {
    const client = await manager(chain, () => Promise.reject(new Error('away')));
    const { operators } = await client.call('ListOperators', {});
    expect(operators).toHaveLength(2);
    const { free, fees, low, readMs, blockNumber } = OperatorSchema.field;
    for (const one of operators) {
      const isSet = [free, fees, low, readMs, blockNumber].map((field) => isFieldSet(one, field));
      expect(isSet).toEqual([false, false, false, false, false]);
    }
  });
});
