import { Keyring } from '@polkadot/keyring';
import type { RuntimeDispatchInfo } from '@polkadot/types/interfaces';
import { beforeEach, describe, expect, it } from 'vitest';

import { decodeHeader, fromHex, toHex, Trie, TrieDb } from '../primitives/index.js';
import { BLOCK_MS, TestChain } from './chain.test.kit.js';
import { PHA } from './fixed-point.js';
import { devAccounts } from './genesis.js';
import { totalIssuance } from './pallets/balances.js';
import { validationData } from './pallets/parachain.js';
import { account, blockHash, blockNumber } from './pallets/system.js';
import { now } from './pallets/timestamp.js';
import { TREASURY } from './pallets/transaction-payment.js';

let chain: TestChain;
beforeEach(async () => {
  chain = await TestChain.create();
});
const free = (who: Uint8Array): bigint => account.get(chain.state, who).data.free;

it('the dev accounts are those of their names', () => {
  const accounts = devAccounts();
  for (const [name, pair] of Object.entries(chain.pairs)) {
    expect(toHex(accounts[name as keyof typeof accounts])).toBe(toHex(pair.publicKey));
  }
});

describe('blocks', () => {
  it('have inherents, the state of their header, and links to parent and relay chain', () => {
    const parent = chain.best;
    const built = chain.block();
    const header = decodeHeader(built.header);
    expect(toHex(header.parentHash)).toBe(toHex(parent.hash));
    expect(header.number).toBe(1);
    expect(toHex(header.stateRoot)).toBe(toHex(chain.state.root()));
    expect(built.extrinsics).toHaveLength(2);
    expect(chain.outcome(0).events).toEqual(['system.ExtrinsicSuccess']);
    expect(chain.outcome(1).events).toEqual(['system.ExtrinsicSuccess']);
    expect(now.get(chain.state)).toBe(BigInt(chain.timestampMs));
    expect(blockNumber.get(chain.state)).toBe(1);
    expect(toHex(blockHash.get(chain.state, 0))).toBe(toHex(chain.genesisHash));
    const data = validationData.get(chain.state);
    expect(data?.relayParentNumber).toBe(2);
    expect(toHex(data?.parentHead ?? new Uint8Array())).toBe(toHex(parent.header));
  });

  it('tell every change, sorted, and the changes alone give the next state', () => {
    let rebuilt = Trie.from(new TrieDb(), chain.runtime.genesis());
    for (let i = 0; i < 3; i++) {
      const built = chain.block();
      const keys = built.changes.map(([key]) => toHex(key));
      expect(keys).toEqual([...keys].sort());
      rebuilt = rebuilt.with(built.changes);
      expect(toHex(rebuilt.root())).toBe(toHex(decodeHeader(built.header).stateRoot));
    }
  });

  it('are the same for the same input', async () => {
    const other = await TestChain.create();
    expect(toHex(other.block().header)).toBe(toHex(chain.block().header));
  });

  it('are not made when time or relay parent stand still', () => {
    chain.block();
    expect(() => chain.block([], 0)).toThrow(/timestamp/);
  });

  it('forget old hashes but not the first', () => {
    chain.blocks(1203);
    expect(blockHash.has(chain.state, 0)).toBe(true);
    expect(blockHash.has(chain.state, 1)).toBe(false);
    expect(blockHash.has(chain.state, 3)).toBe(true);
  });
});

describe('signed extrinsics', () => {
  it('made with polkadot.js run, pay and count', () => {
    const { Alice, Bob } = chain.pairs;
    const issued = totalIssuance.get(chain.state);
    const before = { alice: free(Alice.publicKey), bob: free(Bob.publicKey) };
    const treasury = free(TREASURY);
    const transfer = chain.call('balances', 'transferKeepAlive', Bob.address, 5n * PHA);
    const outcome = chain.run(transfer, Alice, { tip: 7n });
    expect(outcome.result).toBe('ok');
    expect(outcome.events).toEqual([
      'balances.Withdraw',
      'balances.Transfer',
      'balances.Deposit',
      'transactionPayment.TransactionFeePaid',
      'system.ExtrinsicSuccess',
    ]);
    const fee = before.alice - 5n * PHA - free(Alice.publicKey);
    expect(free(Bob.publicKey)).toBe(before.bob + 5n * PHA);
    expect(free(TREASURY)).toBe(treasury + fee);
    expect(totalIssuance.get(chain.state)).toBe(issued);
    expect(chain.nonce(Alice.publicKey)).toBe(1);
    const paid = outcome.data['transactionPayment.TransactionFeePaid'] as { toBigInt(): bigint }[];
    expect(paid[1]?.toBigInt()).toBe(fee);
    expect(paid[2]?.toBigInt()).toBe(7n);
    const extrinsic = chain.last?.extrinsics[2] ?? new Uint8Array();
    const { weight, partialFee } = queryInfo(extrinsic);
    expect(partialFee + 7n).toBe(fee);
    expect(weight).toBeGreaterThan(0n);
  });

  it('that fail pay as well, and undo what they did', () => {
    const { Alice, Bob } = chain.pairs;
    const before = free(Alice.publicKey);
    const transfer = chain.call('balances', 'transferKeepAlive', Bob.address, before);
    const outcome = chain.run(transfer, Alice);
    expect(outcome.result).toBe('Token.FundsUnavailable');
    expect(outcome.events).toEqual([
      'balances.Withdraw',
      'balances.Deposit',
      'transactionPayment.TransactionFeePaid',
      'system.ExtrinsicFailed',
    ]);
    expect(free(Alice.publicKey)).toBeLessThan(before);
    expect(chain.nonce(Alice.publicKey)).toBe(1);
  });

  it('may be signed with ed25519', () => {
    const pair = new Keyring({ type: 'ed25519' }).addFromUri('//Alice');
    const fund = chain.call('balances', 'transfer', pair.address, 3n * PHA);
    expect(chain.run(fund, chain.pairs.Alice).events).toContain('system.NewAccount');
    expect(chain.run(chain.call('system', 'remarkWithEvent', '0x01'), pair).events).toContain(
      'system.Remarked',
    );
  });

  it.each([
    ['of another chain', { genesisHash: new Uint8Array(32) }, 'invalid BadProof'],
    ['of another runtime', { specVersion: 1250 }, 'invalid BadProof'],
    ['with a nonce that was used', { nonce: 0 }, 'invalid Stale'],
    ['with a nonce too high', { nonce: 2 }, 'invalid Future'],
    ['with a fee nobody can pay', { tip: 10n ** 20n }, 'invalid Payment'],
  ])('%s are not applied', (_, options, expected) => {
    const { Alice } = chain.pairs;
    const remark = chain.call('system', 'remark', '0x00');
    expect(chain.run(remark, Alice).result).toBe('ok');
    const before = free(Alice.publicKey);
    expect(chain.run(remark, Alice, options).result).toBe(expected);
    expect(chain.last?.extrinsics).toHaveLength(2);
    expect(free(Alice.publicKey)).toBe(before);
  });

  it('are refused when a byte of them changes', () => {
    const { Alice } = chain.pairs;
    const good = chain.sign(chain.call('system', 'remark', '0x0102030405'), Alice);
    expect(chain.block([good]).dropped).toEqual([]);
    const again = chain.sign(chain.call('system', 'remark', '0x0102030405'), Alice);
    for (let at = 0; at < again.length; at += 3) {
      const bad = again.slice();
      bad[at] = (bad[at] ?? 0) ^ 4;
      const [left] = chain.block([bad]).dropped;
      expect(['BadExtrinsic', 'BadProof', 'CannotLookup', 'AncientBirthBlock']).toContain(
        left?.reason,
      );
    }
  });

  it('live as long as their era', () => {
    const { Alice } = chain.pairs;
    chain.blocks(5);
    const remark = chain.call('system', 'remark', '0x00');
    const mortal = chain.sign(remark, Alice, { periodBlocks: 8 });
    const at = chain.best;
    expect(chain.runtime.validate(mortal, chain.state, at).longevity).toBe(7);
    chain.blocks(6);
    expect(chain.runtime.validate(mortal, chain.state, chain.best).longevity).toBe(1);
    chain.blocks(1);
    // From here the era is another one: first its birth is unknown, then the signature is of no use.
    const reasonNow = () => chain.block([mortal]).dropped.map((left) => left.reason);
    expect(reasonNow()).toEqual(['AncientBirthBlock']);
    expect(reasonNow()).toEqual(['BadProof']);
  });

  it('see their own era begin in the block before', () => {
    chain.blocks(3);
    const remark = chain.call('system', 'remark', '0x00');
    expect(chain.run(remark, chain.pairs.Alice, { periodBlocks: 4 }).result).toBe('ok');
  });

  it('cannot make inherent calls', () => {
    const set = chain.call('timestamp', 'set', chain.timestampMs + 2 * BLOCK_MS);
    expect(chain.run(set, chain.pairs.Alice).result).toBe('BadOrigin');
    const unsigned = chain.registry.createType('Extrinsic', set, { version: 4 }).toU8a();
    expect(chain.block([unsigned]).dropped.map((left) => left.reason)).toEqual([
      'MandatoryValidation',
    ]);
    const remark = chain.call('system', 'remark', '0x00');
    const bare = chain.registry.createType('Extrinsic', remark, { version: 4 }).toU8a();
    expect(chain.block([bare]).dropped.map((left) => left.reason)).toEqual(['NoUnsignedValidator']);
  });

  it('that are no extrinsics are told apart', () => {
    const reasons = ['', '00', '0484', '10840000ff', 'ffffffff'].map(
      (hex) => chain.block([fromHex(hex)]).dropped[0]?.reason,
    );
    expect(new Set(reasons)).toEqual(new Set(['BadExtrinsic']));
  });

  it('fill a block only to its limit', () => {
    const { Alice } = chain.pairs;
    const big = '0x' + '00'.repeat(1_500_000);
    const xts = [0, 1, 2].map((nonce) =>
      chain.sign(chain.call('system', 'remark', big), Alice, { nonce }),
    );
    const { included, dropped } = chain.block(xts);
    expect(included).toHaveLength(2);
    expect(dropped).toMatchObject([{ reason: 'ExhaustsResources', mayRetry: true }]);
  });

  it('end accounts that fall below the existential deposit', () => {
    const { Alice, Dave } = chain.pairs;
    const all = free(Dave.publicKey);
    const keep = chain.call('balances', 'transferKeepAlive', Alice.address, all - PHA / 1000n);
    expect(chain.run(keep, Dave).result).toBe('Token.FundsUnavailable');
    const most = free(Dave.publicKey) - PHA / 100n;
    const alive = chain.call('balances', 'transferKeepAlive', Alice.address, most);
    expect(chain.run(alive, Dave).result).toBe('Token.NotExpendable');
    const dying = chain.call(
      'balances',
      'transferAllowDeath',
      Alice.address,
      free(Dave.publicKey) - PHA / 100n,
    );
    const outcome = chain.run(dying, Dave);
    expect(outcome.events).toEqual(
      expect.arrayContaining(['balances.DustLost', 'system.KilledAccount']),
    );
    expect(account.has(chain.state, Dave.publicKey)).toBe(false);
    const tiny = chain.call('balances', 'transfer', Dave.address, PHA / 1000n);
    expect(chain.run(tiny, Alice).result).toBe('Token.BelowMinimum');
  });

  function queryInfo(extrinsic: Uint8Array): { weight: bigint; partialFee: bigint } {
    const length = chain.registry.createType('u32', extrinsic.length).toU8a();
    const args = new Uint8Array([...extrinsic, ...length]);
    const answer = chain.runtime.call('TransactionPaymentApi_query_info', args, chain.state);
    const info = chain.registry.createType(
      'RuntimeDispatchInfo',
      answer,
    ) as unknown as RuntimeDispatchInfo;
    return {
      weight: info.weight.refTime.toBigInt(),
      partialFee: info.partialFee.toBigInt(),
    };
  }
});
