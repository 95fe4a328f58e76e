import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expandMetadata, Metadata, TypeRegistry } from '@polkadot/types';
import { toHex, type Hex } from '@runtime-bridge/base';
import { beforeAll, describe, expect, it } from 'vitest';
import { accountOfAddress, CallBuilder, type CallSource } from './calls.js';
import { index, ownMetadata } from './metadata.test.kit.js';

const fixtures = process.env['RB_CHAIN_FIXTURES'];
if (fixtures === undefined) {
  if (process.env['CI'] === 'true') throw new Error('RB_CHAIN_FIXTURES is not set');
  console.warn('SKIPPED: calls on recorded metadata (RB_CHAIN_FIXTURES is not set)');
}

function sourceOf(bytes: Hex): CallSource {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, bytes);
  registry.setMetadata(metadata, undefined, { CheckMqSequence: { extrinsic: {}, payload: {} } });
  return { registry, tx: expandMetadata(registry, metadata).tx };
}

const aa = 'aa'.repeat(32);
const worker: Hex = `0x${aa}`;
const pid7 = '0700000000000000';
const onePha = 1_000_000_000_000n;
const alice = 'd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';
/** SignedMessage of Worker(aa…), `^phala/registry/event`, payload 00, sequence 5, signature bb×64. */
const message: Hex = `0x02${aa}545e7068616c612f72656769737472792f6576656e7404000500000000000000${'0101'}${'bb'.repeat(64)}`;
/** WorkerRegistrationInfo: machine id 01×16, key aa…, ecdh cc…, genesis dd…, features [4, 1], operator Alice. */
const infoV1 = `0100000040${'01'.repeat(16)}${aa}${'cc'.repeat(32)}${'dd'.repeat(32)}08040000000100000001${alice}`;
const infoV2 = `${infoV1}d407000000000000`;
/** SgxIas { `{}`, 0102, 03 } */
const attestation = '00087b7d0801020403';

// Source of the indices: metadata of Khala spec 1251, phala-blockchain 654b1b6 standalone/prb/artifacts.
describe.skipIf(fixtures === undefined)('calls on Khala 1251', () => {
  let calls: CallBuilder;
  beforeAll(async () => {
    const raw = await readFile(join(fixtures!, 'metadata', 'khala-1251.v14.scale'));
    calls = new CallBuilder(sourceOf(toHex(raw)));
  });

  it.each<[string, () => Hex, string]>([
    ['addWorker', () => calls.addWorker(7n, worker), `5d01${pid7}${aa}`],
    [
      'startComputing',
      () => calls.startComputing(7n, worker, onePha),
      `5d0d${pid7}${aa}0010a5d4e80000000000000000000000`,
    ],
    [
      'restartComputing',
      () => calls.restartComputing(7n, worker, onePha),
      `5d11${pid7}${aa}0010a5d4e80000000000000000000000`,
    ],
    ['stopComputing', () => calls.stopComputing(7n, worker), `5d0e${pid7}${aa}`],
    ['reclaimPoolWorker', () => calls.reclaimPoolWorker(7n, worker), `5d0f${pid7}${aa}`],
    ['syncOffchainMessage', () => calls.syncOffchainMessage(message), `5500${message.slice(2)}`],
    [
      'registerWorker',
      () =>
        calls.registerWorker({
          runtimeInfo: `0x${infoV1}`,
          attestation: `0x${attestation}`,
          version: 'v1',
        }),
      `5606${infoV1}${attestation}`,
    ],
    [
      'registerWorkerV2',
      () =>
        calls.registerWorker({
          runtimeInfo: `0x${infoV2}`,
          attestation: `0x01${attestation}`,
          version: 'v2',
        }),
      `5607${infoV2}01${attestation}`,
    ],
    [
      'forceBatch',
      () => calls.forceBatch([calls.stopComputing(7n, worker)]),
      `0304045d0e${pid7}${aa}`,
    ],
    [
      'proxy',
      () => calls.proxy(`0x${alice}`, calls.forceBatch([calls.stopComputing(7n, worker)])),
      `050000${alice}000304045d0e${pid7}${aa}`,
    ],
  ])('%s', (_name, build, expected) => {
    expect(build()).toBe(`0x${expected}`);
  });

  it('knows the newer registration', () => {
    expect(calls.supportsRegisterWorkerV2).toBe(true);
  });

  it.each<[string, () => Hex]>([
    ['a message with bytes behind it', () => calls.syncOffchainMessage(`${message}00`)],
    ['a message that is cut', () => calls.syncOffchainMessage(message.slice(0, -2) as Hex)],
    ['nonsense', () => calls.syncOffchainMessage('0x0102')],
    [
      'a V1 info in the V2 call',
      () =>
        calls.registerWorker({
          runtimeInfo: `0x${infoV1}`,
          attestation: `0x01${attestation}`,
          version: 'v2',
        }),
    ],
    ['a short key', () => calls.addWorker(1n, '0xaa')],
    ['a pool above 64 bits', () => calls.addWorker(1n << 64n, worker)],
    ['a negative stake', () => calls.startComputing(1n, worker, -1n)],
  ])('refuses %s', (_what, build) => {
    expect(build).toThrow(expect.objectContaining({ code: 'BAD_CALL' }));
  });

  it('says in few words what is wrong', () => {
    expect(() => calls.syncOffchainMessage('0x0102')).toThrow(
      expect.objectContaining({
        cause: expect.objectContaining({ message: expect.stringMatching(/^.{5,300}$/) }),
      }),
    );
  });
});

describe('calls on a runtime of our own', () => {
  const calls = new CallBuilder(sourceOf(ownMetadata()));
  const byte = (value: number) => value.toString(16).padStart(2, '0');

  it('takes indices from the metadata', () => {
    const stop = `${byte(index.stakePool)}02${pid7}${aa}`;
    expect(calls.stopComputing(7n, worker)).toBe(`0x${stop}`);
    const batch = `${byte(index.utility)}0204${stop}`;
    expect(calls.forceBatch([`0x${stop}`])).toBe(`0x${batch}`);
    expect(calls.proxy(`0x${alice}`, `0x${batch}`)).toBe(
      `0x${byte(index.proxy)}0100${alice}00${batch}`,
    );
    expect(calls.syncOffchainMessage(message)).toBe(`0x${byte(index.mq)}04${message.slice(2)}`);
  });

  it.each([1, 63, 64, 100, 16_383, 16_384])('counts %i calls as SCALE does', (count) => {
    const one = calls.stopComputing(7n, worker);
    const batch = calls.forceBatch(Array.from({ length: count }, () => one));
    const registry = sourceOf(ownMetadata()).registry;
    expect(registry.createType('Call', batch).toHex()).toBe(batch);
  });

  it('tells when the runtime has only the older registration', () => {
    const older = new CallBuilder(sourceOf(ownMetadata({ withV2: false })));
    expect([calls.supportsRegisterWorkerV2, older.supportsRegisterWorkerV2]).toEqual([true, false]);
    expect(() =>
      older.registerWorker({ runtimeInfo: '0x00', attestation: '0x00', version: 'v2' }),
    ).toThrow(expect.objectContaining({ code: 'MISSING_PALLET' }));
  });

  it('names a pallet that is missing', () => {
    const bare = new CallBuilder({ registry: new TypeRegistry(), tx: {} });
    expect(() => bare.addWorker(1n, worker)).toThrow(
      expect.objectContaining({
        code: 'MISSING_PALLET',
        facts: { pallet: 'phalaStakePoolv2', item: 'addWorker' },
      }),
    );
  });
});

describe('addresses', () => {
  it('of any network give the account', () => {
    for (const address of [
      '45R2pfjQUW2s9PQRHU48HQKLKHVMaDja7N3wpBtmF28UYDs2',
      '15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5',
    ]) {
      expect(accountOfAddress(address)).toBe(`0x${alice}`);
    }
  });

  it.each(['', 'nobody', '45R2pfjQUW2s9PQRHU48HQKLKHVMaDja7N3wpBtmF28UYDs3'])(
    'that are none are refused: %j',
    (address) => {
      expect(() => accountOfAddress(address)).toThrow(
        expect.objectContaining({ code: 'BAD_ADDRESS' }),
      );
    },
  );
});
