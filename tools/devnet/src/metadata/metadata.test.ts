import { expandMetadata, Metadata, TypeRegistry } from '@polkadot/types';
import { compactStripLength } from '@polkadot/util';
import { describe, expect, it } from 'vitest';

import { fromHex, toHex } from '../primitives/index.js';
import { defaultRuntimeConfig } from '../para/runtime.js';
import { decodeExtrinsic, unsignedExtrinsic } from '../para/extrinsic.js';
import { sessionAccount } from '../para/pallets/base-pool.js';
import { offchainIngress } from '../para/pallets/mq.js';
import { workers } from '../para/pallets/registry-storage.js';
import { releaseOf } from '../para/release.js';
import { paraMetadata, runtimeCodecs } from '../para/runtime-types.js';
import { fixtures, recordedMetadata, shapesOf, type Shapes } from './recorded.test.kit.js';
import { relayMetadata } from './relay.js';

const ours = paraMetadata(defaultRuntimeConfig, releaseOf());

/** Everything of ours that is not in the recorded metadata in the same form. */
function differences(mine: Shapes, recorded: Shapes): string[] {
  return [...mine]
    .filter(([name, shape]) => recorded.get(name) !== shape)
    .map(([name, shape]) => `${name}\n  ours     ${shape}\n  recorded ${recorded.get(name)}`);
}

const only = (shapes: Shapes, keep: (name: string) => boolean): Shapes =>
  new Map([...shapes].filter(([name]) => keep(name)));

describe.skipIf(!fixtures)('parachain metadata against the recorded one', () => {
  it('declares nothing that Khala does not declare in the same form', () => {
    const khala = shapesOf(recordedMetadata('khala-1251.v14.scale'));
    const mine = only(shapesOf(ours), (name) => {
      // The runtime APIs in the version are those that we answer.
      return !name.startsWith('Sudo.') && name !== 'System.constant.Version';
    });
    expect(mine.size).toBeGreaterThan(350);
    expect(differences(mine, khala)).toEqual([]);
  });

  it('declares sudo as the test chain does', () => {
    const rhala = shapesOf(recordedMetadata('rhala-1241.v14.scale'));
    const mine = only(shapesOf(ours), (name) => name.startsWith('Sudo.'));
    expect(mine.size).toBeGreaterThan(8);
    // The recorded test chain is older: its token errors have other names. Khala's are compared above.
    const blur = (shapes: Shapes): Shapes =>
      new Map([...shapes].map(([name, text]) => [name, text.replace(/TokenError \[[^\]]*\]/, '')]));
    expect(differences(blur(mine), blur(rhala))).toEqual([]);
  });

  it('has every error and event of the pallets that the bridge meets', () => {
    const khala = shapesOf(recordedMetadata('khala-1251.v14.scale'));
    const mine = shapesOf(ours);
    const pallets =
      'System|Utility|Proxy|ParachainSystem|Balances|PhalaMq|PhalaRegistry|PhalaComputation|' +
      'PhalaStakePoolv2|PhalaWrappedBalances|PhalaBasePool';
    const wanted = only(khala, (name) => new RegExp(`^(${pallets})\\.(error|event)\\.`).test(name));
    expect(wanted.size).toBeGreaterThan(200);
    expect([...wanted.keys()].filter((name) => !mine.has(name))).toEqual([]);
  });

  it('notices a difference', () => {
    const khala = shapesOf(recordedMetadata('khala-1251.v14.scale'));
    const mine = shapesOf(ours);
    const call = mine.get('PhalaStakePoolv2.call.start_computing') ?? '';
    mine.set('PhalaStakePoolv2.call.start_computing', call.replace('13', '12'));
    expect(differences(mine, khala).join()).toContain('PhalaStakePoolv2.call.start_computing');
  });
});

describe.skipIf(!fixtures)('relay metadata against the recorded one', () => {
  it('declares what the bridge reads as Kusama does', () => {
    const kusama = shapesOf(recordedMetadata('kusama-9260.v14.scale'));
    const mine = only(shapesOf(relayMetadata('old')), (name) =>
      /^(Grandpa\.(index|prefix|storage)|Timestamp\.(index|prefix|storage|call\.)|Paras\.(index|prefix|storage))/.test(
        name,
      ),
    );
    expect(mine.size).toBeGreaterThan(7);
    expect(differences(mine, kusama)).toEqual([]);
  });

  it('has Grandpa.Authorities only in the new era', () => {
    const name = 'Grandpa.storage.Authorities';
    expect(shapesOf(relayMetadata('old')).has(name)).toBe(false);
    expect(shapesOf(relayMetadata('new')).has(name)).toBe(true);
  });
});

describe('calls', () => {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, toHex(ours));
  registry.setMetadata(metadata, undefined, { CheckMqSequence: { extrinsic: {}, payload: {} } });
  const { tx, query } = expandMetadata(registry, metadata);
  const call = (pallet: string, name: string, ...args: unknown[]): string => {
    const make = tx[pallet]?.[name];
    if (!make) throw new Error(`no call ${pallet}.${name}`);
    return make(...args)
      .toHex()
      .slice(2);
  };
  const key = `0x${'aa'.repeat(32)}`;
  const pool7 = '0700000000000000';
  const aa = 'aa'.repeat(32);
  const stopComputing = `5d0e${pool7}${aa}`;
  const alice = 'd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';

  it('are encoded by polkadot.js as on Khala', () => {
    expect(call('phalaStakePoolv2', 'addWorker', 7, key)).toBe(`5d01${pool7}${aa}`);
    expect(call('phalaStakePoolv2', 'startComputing', 7, key, 1_000_000_000_000)).toBe(
      `5d0d${pool7}${aa}0010a5d4e80000000000000000000000`,
    );
    expect(call('phalaStakePoolv2', 'restartComputing', 7, key, 1_000_000_000_000)).toBe(
      `5d11${pool7}${aa}0010a5d4e80000000000000000000000`,
    );
    expect(call('phalaStakePoolv2', 'stopComputing', 7, key)).toBe(stopComputing);
    const stop = tx['phalaStakePoolv2']?.['stopComputing']?.(7, key);
    const batch = tx['utility']?.['forceBatch']?.([stop]);
    expect(batch?.toHex().slice(2)).toBe(`030404${stopComputing}`);
    expect(call('proxy', 'proxy', { Id: `0x${alice}` }, null, batch)).toBe(
      `050000${alice}00030404${stopComputing}`,
    );
  });

  it('of the message queue and the registry have the recorded bytes', () => {
    const signedMessage = {
      message: {
        sender: { Worker: key },
        destination: '0x5e7068616c612f72656769737472792f6576656e74',
        payload: '0x00',
      },
      sequence: 5,
      signature: `0x${'bb'.repeat(64)}`,
    };
    const message = `02${aa}545e7068616c612f72656769737472792f6576656e7404000500000000000000`;
    expect(call('phalaMq', 'syncOffchainMessage', signedMessage)).toBe(
      `5500${message}0101${'bb'.repeat(64)}`,
    );
    const info = {
      version: 1,
      machineId: `0x${'01'.repeat(16)}`,
      pubkey: key,
      ecdhPubkey: `0x${'cc'.repeat(32)}`,
      genesisBlockHash: `0x${'dd'.repeat(32)}`,
      features: [4, 1],
      operator: `0x${alice}`,
    };
    const v1 =
      `0100000040${'01'.repeat(16)}${aa}${'cc'.repeat(32)}${'dd'.repeat(32)}` +
      `080400000001000000` +
      `01${alice}`;
    const attestation = {
      SgxIas: { raReport: '0x7b7d', signature: '0x0102', rawSigningCert: '0x03' },
    };
    expect(call('phalaRegistry', 'registerWorker', info, attestation)).toBe(
      `5606${v1}00087b7d0801020403`,
    );
    const v2 = { ...info, paraId: 2004, maxConsensusVersion: 0 };
    expect(call('phalaRegistry', 'registerWorkerV2', v2, attestation)).toBe(
      `5607${v1}d4070000000000000100087b7d0801020403`,
    );
    expect(call('phalaRegistry', 'registerWorkerV2', v2, null)).toBe(`5607${v1}d40700000000000000`);
  });

  it('are read by our codec as polkadot.js wrote them', () => {
    const batch = tx['utility']?.['forceBatch']?.([
      tx['phalaStakePoolv2']?.['stopComputing']?.(7, key),
      tx['balances']?.['transferKeepAlive']?.({ Id: `0x${alice}` }, '123456789012345678901'),
    ]);
    const bytes = batch?.toU8a() ?? new Uint8Array();
    const decoded = runtimeCodecs.decode('RuntimeCall', bytes);
    expect(decoded).toEqual({
      type: 'Utility',
      value: {
        type: 'force_batch',
        calls: [
          {
            type: 'PhalaStakePoolv2',
            value: { type: 'stop_computing', pid: 7n, worker: fromHex(aa) },
          },
          {
            type: 'Balances',
            value: {
              type: 'transfer_keep_alive',
              dest: { type: 'Id', value: fromHex(alice) },
              value: 123456789012345678901n,
            },
          },
        ],
      },
    });
    expect(toHex(runtimeCodecs.encode('RuntimeCall', decoded))).toBe(toHex(bytes));
    const unsigned = unsignedExtrinsic({ type: 'Timestamp', value: { type: 'set', now: 7n } });
    expect(decodeExtrinsic(unsigned, releaseOf()).signed).toBeUndefined();
  });

  it('and storage keys of polkadot.js are the known ones', () => {
    const keyOf = (pallet: string, item: string, arg: unknown): string => {
      const entry = query[pallet]?.[item];
      if (!entry) throw new Error(`no storage ${pallet}.${item}`);
      // polkadot.js puts the key's length before it.
      const [, key] = compactStripLength(entry(arg));
      return Buffer.from(key).toString('hex');
    };
    expect(keyOf('phalaRegistry', 'workers', key)).toBe(
      `0d746931e7a6bfd47fbcccfd71984aef1bf55d6b9732eb86723ccad1af88b985d293ba795509cbdb${aa}`,
    );
    const ingress = '2f039a6a7f13e94b9545257e54062a042bd035cc68bbf7411ccb4d17987934cf';
    expect(keyOf('phalaMq', 'offchainIngress', { Worker: key })).toBe(
      `${ingress}08e2ac5d9be229b502${aa}`,
    );
    expect(keyOf('phalaMq', 'offchainIngress', 'Gatekeeper')).toBe(`${ingress}0f974013a815ff5005`);
    const worker = fromHex(aa);
    expect(toHex(offchainIngress.keyOf({ type: 'Worker', value: worker }))).toBe(
      `0x${ingress}08e2ac5d9be229b502${aa}`,
    );
    expect(toHex(workers.keyOf(worker))).toBe(`0x${keyOf('phalaRegistry', 'workers', key)}`);
    expect(toHex(sessionAccount(7n, worker))).toBe(
      '0x73706d2f48f391166875104de74b055392b423aa6ea400ce3fdcf3cdac171f7e',
    );
  });
});
