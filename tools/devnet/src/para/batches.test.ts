import type { IMethod } from '@polkadot/types/types';
import { beforeEach, describe, expect, it } from 'vitest';

import { toHex } from '../primitives/index.js';
import { TestChain } from './chain.test.kit.js';
import { PHA } from './fixed-point.js';
import { proxies } from './pallets/proxy.js';
import { isSuperset, proxyTypeAllows } from './pallets/proxy-filter.js';
import { account } from './pallets/system.js';
import { workers } from './pallets/registry-storage.js';
import { expectOk, RELAY_GENESIS, TestWorker } from './worker.test.kit.js';

let chain: TestChain;
beforeEach(async () => {
  chain = await TestChain.create({ relayGenesisHashes: [RELAY_GENESIS] });
});
const remark = () => chain.call('system', 'remark', '0x00');
const tooMuch = () =>
  chain.call('balances', 'transferKeepAlive', chain.pairs.Dave.address, 10n ** 30n);
const batch = (kind: string, calls: IMethod[]) => chain.call('utility', kind, calls);
const own = (events: string[]) => events.filter((e) => /^(utility|proxy|sudo)\./.test(e));
const free = (who: Uint8Array) => account.get(chain.state, who).data.free;

describe('utility', () => {
  it('forceBatch tries everything and says how each went', () => {
    const outcome = expectOk(
      chain.run(batch('forceBatch', [remark(), tooMuch(), remark()]), chain.pairs.Alice),
    );
    expect(own(outcome.events)).toEqual([
      'utility.ItemCompleted',
      'utility.ItemFailed',
      'utility.ItemCompleted',
      'utility.BatchCompletedWithErrors',
    ]);
    expect(chain.itemErrors()).toEqual(['Token.FundsUnavailable']);
    const good = expectOk(chain.run(batch('forceBatch', [remark()]), chain.pairs.Alice));
    expect(own(good.events)).toEqual(['utility.ItemCompleted', 'utility.BatchCompleted']);
  });

  it('batch stops at the first failure and keeps what was done', () => {
    const { Alice, Bob } = chain.pairs;
    const pay = chain.call('balances', 'transferKeepAlive', Bob.address, PHA);
    const before = free(Bob.publicKey);
    const outcome = expectOk(chain.run(batch('batch', [pay, tooMuch(), pay]), Alice));
    expect(own(outcome.events)).toEqual(['utility.ItemCompleted', 'utility.BatchInterrupted']);
    expect(String((outcome.data['utility.BatchInterrupted'] as unknown[])[0])).toBe('1');
    expect(free(Bob.publicKey)).toBe(before + PHA);
  });

  it('batchAll undoes everything, and may not be nested', () => {
    const { Alice, Bob } = chain.pairs;
    const pay = chain.call('balances', 'transferKeepAlive', Bob.address, PHA);
    const before = free(Bob.publicKey);
    const failed = chain.run(batch('batchAll', [pay, tooMuch()]), Alice);
    expect(failed.result).toBe('Token.FundsUnavailable');
    expect(failed.events).not.toContain('utility.ItemCompleted');
    expect(free(Bob.publicKey)).toBe(before);
    expect(chain.run(batch('batchAll', [pay]), Alice).result).toBe('ok');
    const nested = batch('batchAll', [batch('batchAll', [pay])]);
    expect(chain.run(nested, Alice).result).toBe('system.CallFiltered');
  });

  it('limits the calls of a batch', () => {
    const calls = Array.from({ length: 10_923 }, remark);
    expect(chain.run(batch('forceBatch', calls), chain.pairs.Alice).result).toBe(
      'utility.TooManyCalls',
    );
  });
});

describe('proxy', () => {
  const as = (real: string, call: IMethod, type: string | null = null) =>
    chain.call('proxy', 'proxy', { Id: real }, type, call);
  const executed = (outcome: { data: Record<string, unknown> }): string => {
    const [result] = outcome.data['proxy.ProxyExecuted'] as {
      isOk: boolean;
      asErr: unknown;
    }[];
    return result?.isOk ? 'ok' : chain.errorName(result?.asErr);
  };

  it('lets the manager of a pool do everything the bridge needs, as its owner', () => {
    const { Bob, Charlie } = chain.pairs;
    const worker = new TestWorker(chain, 'w');
    const registration = worker.registration({ operator: Bob.publicKey });
    const registered = expectOk(
      chain.run(as(Bob.address, batch('forceBatch', [registration])), Charlie),
    );
    expect(own(registered.events)).toEqual([
      'utility.ItemCompleted',
      'utility.BatchCompleted',
      'proxy.ProxyExecuted',
    ]);
    const startedMs = chain.timestampMs;
    chain.block();
    const report = worker.benchReport(startedMs, 200 * 24);
    const pool = (name: string, ...args: unknown[]) =>
      chain.call('phalaStakePoolv2', name, 2, toHex(worker.key), ...args);
    for (const call of [
      report,
      pool('addWorker'),
      pool('startComputing', 5000n * PHA),
      pool('restartComputing', 6000n * PHA),
      pool('stopComputing'),
    ]) {
      const outcome = expectOk(chain.run(as(Bob.address, batch('forceBatch', [call])), Charlie));
      expect(executed(outcome)).toBe('ok');
      expect(chain.itemErrors()).toEqual([]);
    }
    expect(workers.get(chain.state, worker.key)?.operator).toEqual(Bob.publicKey);
  });

  it('refuses calls outside the type, directly and inside a batch', () => {
    const { Bob, Charlie } = chain.pairs;
    const pay = chain.call('balances', 'transferKeepAlive', Charlie.address, PHA);
    const direct = expectOk(chain.run(as(Bob.address, pay), Charlie));
    expect(executed(direct)).toBe('system.CallFiltered');
    const nested = expectOk(
      chain.run(as(Bob.address, batch('forceBatch', [pay, remark()])), Charlie),
    );
    expect(executed(nested)).toBe('ok');
    expect(chain.itemErrors()).toEqual(['system.CallFiltered', 'system.CallFiltered']);
  });

  it('wants a proxy of the type asked for', () => {
    const { Bob, Charlie, Eve } = chain.pairs;
    const noop = batch('forceBatch', []);
    expect(chain.run(as(Bob.address, noop), Eve).result).toBe('proxy.NotProxy');
    expect(chain.run(as(Bob.address, noop, 'Any'), Charlie).result).toBe('proxy.NotProxy');
    expect(chain.run(as(Bob.address, noop, 'StakePoolManager'), Charlie).result).toBe('ok');
  });

  it('are added and removed with a deposit', () => {
    const { Dave, Eve } = chain.pairs;
    const add = (who: string, type: string, delay = 0) =>
      chain.call('proxy', 'addProxy', { Id: who }, type, delay);
    const drop = (who: string, type: string, delay = 0) =>
      chain.call('proxy', 'removeProxy', { Id: who }, type, delay);
    expect(chain.run(add(Dave.address, 'Any'), Dave).result).toBe('proxy.NoSelfProxy');
    const added = expectOk(chain.run(add(Eve.address, 'Any'), Dave));
    expect(added.events).toEqual(expect.arrayContaining(['balances.Reserved', 'proxy.ProxyAdded']));
    expect(account.get(chain.state, Dave.publicKey).data.reserved).toBe(880_000_000_000n);
    expect(chain.run(add(Eve.address, 'Any'), Dave).result).toBe('proxy.Duplicate');
    expectOk(chain.run(add(Eve.address, 'Governance', 5), Dave));
    const delayed = as(Dave.address, remark(), 'Governance');
    expect(chain.run(delayed, Eve).result).toBe('proxy.Unannounced');
    expect(chain.run(drop(Eve.address, 'Collator'), Dave).result).toBe('proxy.NotFound');
    expectOk(chain.run(drop(Eve.address, 'Governance', 5), Dave));
    expectOk(chain.run(chain.call('proxy', 'removeProxies'), Dave));
    expect(account.get(chain.state, Dave.publicKey).data.reserved).toBe(0n);
    expect(proxies.has(chain.state, Dave.publicKey)).toBe(false);
    chain.patch((s) => {
      const many = Array.from({ length: 32 }, (_, i) => ({
        delegate: new Uint8Array(32).fill(i),
        proxyType: { type: 'Any' as const },
        delay: 0,
      }));
      proxies.put(s, Dave.publicKey, [many, 0n]);
    });
    expect(chain.run(add(Eve.address, 'Any'), Dave).result).toBe('proxy.TooMany');
  });

  it('may not hand on more than they have', () => {
    const { Dave, Eve, Ferdie } = chain.pairs;
    const add = (who: string, type: string) =>
      chain.call('proxy', 'addProxy', { Id: who }, type, 0);
    expectOk(chain.run(add(Eve.address, 'NonTransfer'), Dave));
    const outcome = expectOk(chain.run(as(Dave.address, add(Ferdie.address, 'Any')), Eve));
    expect(executed(outcome)).toBe('system.CallFiltered');
    const less = expectOk(chain.run(as(Dave.address, add(Ferdie.address, 'Governance')), Eve));
    expect(executed(less)).toBe('ok');
    const all = expectOk(chain.run(as(Dave.address, chain.call('proxy', 'removeProxies')), Eve));
    expect(executed(all)).toBe('system.CallFiltered');
  });

  it('types contain one another as on Khala', () => {
    expect(isSuperset('Any', 'StakePoolManager')).toBe(true);
    expect(isSuperset('NonTransfer', 'StakePoolManager')).toBe(true);
    expect(isSuperset('StakePoolManager', 'Any')).toBe(false);
    expect(isSuperset('Collator', 'Governance')).toBe(false);
    const manage = (pallet: string, call: string) =>
      proxyTypeAllows('StakePoolManager', { type: pallet, value: { type: call } });
    expect(manage('PhalaStakePoolv2', 'reclaim_pool_worker')).toBe(true);
    expect(manage('PhalaStakePoolv2', 'set_cap')).toBe(false);
    expect(manage('PhalaMq', 'push_message')).toBe(false);
  });
});

describe('sudo', () => {
  it('is for one account, costs nothing, and tells how the call went', () => {
    const { Alice, Bob } = chain.pairs;
    const set = chain.call('balances', 'forceSetBalance', { Id: Bob.address }, 7n * PHA);
    expect(chain.run(set, Bob).result).toBe('BadOrigin');
    expect(chain.run(chain.call('sudo', 'sudo', set), Bob).result).toBe('sudo.RequireSudo');
    const before = free(Alice.publicKey);
    const outcome = chain.run(chain.call('sudo', 'sudo', set), Alice);
    expect(own(outcome.events)).toEqual(['sudo.Sudid']);
    expect(free(Bob.publicKey)).toBe(7n * PHA);
    expect(free(Alice.publicKey)).toBe(before);
    const asBob = chain.call('sudo', 'sudoAs', { Id: Bob.address }, tooMuch());
    expect(chain.run(asBob, Alice).events).toContain('sudo.SudoAsDone');
    expectOk(chain.run(chain.call('sudo', 'setKey', { Id: Bob.address }), Alice));
    expect(chain.run(chain.call('sudo', 'sudo', set), Alice).result).toBe('sudo.RequireSudo');
  });

  it('can write any storage', () => {
    const items = [['0x0102', '0x03']];
    expect(chain.sudo(chain.call('system', 'setStorage', items)).result).toBe('ok');
    expect(chain.state.get(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(3));
    expect(chain.sudo(chain.call('system', 'killStorage', ['0x0102'])).result).toBe('ok');
    expect(chain.state.get(Uint8Array.of(1, 2))).toBeUndefined();
  });
});
