import { describe, expect, it } from 'vitest';
import type { PoolRow } from '../../../src/api/contract.js';
import {
  describePhrase,
  faultsOfPool,
  faultsOfWorker,
  plainEndpoint,
  type PoolDraft,
  type WorkerDraft,
} from './inventory-rules.js';

const phrase = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
const pool: PoolDraft = {
  manager: 'QmManager',
  pid: '7',
  name: 'mine',
  mnemonic: phrase,
  proxiedAccount: '',
  enabled: true,
  syncOnly: false,
};
const there: PoolRow = {
  manager: 'QmManager',
  uuid: 'u',
  pid: '8',
  name: 'other',
  enabled: true,
  syncOnly: false,
  operator: '',
  proxiedAccount: '',
};
const worker: WorkerDraft = {
  manager: 'QmManager',
  pid: '7',
  name: 'w',
  endpoint: 'http://10.0.0.2:8000',
  stakePha: '2,500',
  enabled: true,
  syncOnly: false,
};
const wrong = <T extends object>(faults: T) => Object.keys(faults);

describe('a pool', () => {
  it('is fine', () => {
    expect(faultsOfPool(pool, [there], true)).toEqual({});
    expect(faultsOfPool({ ...pool, mnemonic: `${phrase}//Alice` }, [], true)).toEqual({});
    expect(faultsOfPool({ ...pool, mnemonic: '' }, [], false)).toEqual({});
  });

  it.each([
    ['manager', { manager: '' }],
    ['pid', { pid: '' }],
    ['pid', { pid: '1.5' }],
    ['pid', { pid: '18446744073709551616' }],
    ['pid', { pid: '8' }],
    ['name', { name: ' ' }],
    ['name', { name: 'other' }],
    ['name', { name: 'x'.repeat(201) }],
    ['mnemonic', { mnemonic: '' }],
    ['mnemonic', { mnemonic: 'eleven words only' }],
    ['proxiedAccount', { proxiedAccount: '0xabc' }],
  ] as const)('has its %s wrong with %j', (field, change) => {
    expect(wrong(faultsOfPool({ ...pool, ...change }, [there], true))).toEqual([field]);
  });

  it('may be like one at another manager', () => {
    expect(faultsOfPool({ ...pool, manager: 'QmOther', pid: '8' }, [there], true)).toEqual({});
  });

  it('has its phrase described without a word of it', () => {
    expect(describePhrase(`${phrase}//Alice///pass`)).toBe('12 words, with a derivation path');
    expect(describePhrase('bottom')).toBe('1 word');
    expect(describePhrase('  ')).toBeUndefined();
  });
});

describe('a worker', () => {
  const others = [
    { manager: 'QmManager', name: 'taken', endpoint: 'http://10.0.0.3:8000' },
    { manager: 'QmOther', name: 'w', endpoint: 'http://10.0.0.4:8000' },
  ];

  it('is fine', () => {
    expect(faultsOfWorker(worker, others)).toEqual({});
    expect(faultsOfWorker({ ...worker, endpoint: 'https://host/prb/' }, others)).toEqual({});
    expect(plainEndpoint(' http://a:1// ')).toBe('http://a:1');
  });

  it.each([
    ['pid', { pid: '' }],
    ['name', { name: '' }],
    ['name', { name: 'taken' }],
    ['endpoint', { endpoint: '10.0.0.2:8000' }],
    ['endpoint', { endpoint: 'ftp://10.0.0.2' }],
    ['endpoint', { endpoint: 'http://user:secret@10.0.0.2' }],
    ['endpoint', { endpoint: 'http://10.0.0.2/?a=1' }],
    ['endpoint', { endpoint: 'http://10.0.0.4:8000/' }],
    ['stakePha', { stakePha: '' }],
    ['stakePha', { stakePha: '0.5' }],
    ['stakePha', { stakePha: '1e5' }],
    ['stakePha', { stakePha: '1.0000000000001' }],
  ] as const)('has its %s wrong with %j', (field, change) => {
    expect(wrong(faultsOfWorker({ ...worker, ...change }, others))).toEqual([field]);
  });
});
