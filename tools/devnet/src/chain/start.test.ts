import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions, SubmittableExtrinsic } from '@polkadot/api/types';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../log.js';
import { fromHex, toHex } from '../primitives/bytes.js';
import { decodeHeader, headerHash } from '../primitives/header.js';
import { readProof } from '../primitives/proof.js';
import { ScaleReader } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import { DataDirectoryError } from './store.js';
import {
  ConfigMismatchError,
  startChains,
  type ChainsOptions,
  type RunningChains,
} from './start.js';

const OPTIONS: Omit<ChainsOptions, 'directory'> = {
  host: '127.0.0.1',
  relayPort: 0,
  paraPort: 0,
  relay: 'old',
  seed: 'test',
  paraId: 2004,
  authorities: 4,
  sessionBlocks: 5,
  blockMs: 150,
  finalityLag: 2,
  justificationPeriod: 8,
};

let directory: string;
let chains: RunningChains;
let relay: ApiPromise;
let para: ApiPromise;

const connect = (url: string) =>
  ApiPromise.create({
    provider: new WsProvider(url) as unknown as NonNullable<ApiOptions['provider']>,
    noInitWarn: true,
    throwOnConnect: true,
  });

/** Rejects until the finalised head has this number. */
async function reached(api: ApiPromise, number: number): Promise<void> {
  const head = await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead());
  expect(head.number.toNumber()).toBeGreaterThanOrEqual(number);
}

/** Sends and waits until final; the names of the extrinsic's events. */
function send(extrinsic: SubmittableExtrinsic<'promise'>, signer: string): Promise<string[]> {
  const pair = new Keyring({ type: 'sr25519' }).addFromUri(signer);
  return new Promise((resolve, reject) => {
    extrinsic
      .signAndSend(pair, ({ status, events, dispatchError }) => {
        if (dispatchError !== undefined) reject(new Error(dispatchError.toString()));
        if (status.isInvalid || status.isDropped) reject(new Error(status.type));
        if (status.isFinalized) {
          resolve(events.map(({ event }) => `${event.section}.${event.method}`));
        }
      })
      .catch(reject);
  });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devnet-start-'));
  chains = await startChains({ ...OPTIONS, directory }, { log: silentLog });
  [relay, para] = await Promise.all([connect(chains.relayUrl), connect(chains.paraUrl)]);
  await vi.waitFor(() => reached(relay, 9), { timeout: 20_000, interval: 100 });
  await vi.waitFor(() => reached(para, 3), { timeout: 20_000, interval: 100 });
}, 45_000);

afterAll(async () => {
  await relay?.disconnect();
  await para?.disconnect();
  await chains?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('an unchanged @polkadot/api', () => {
  it('follows the heads of both chains', async () => {
    for (const api of [relay, para]) {
      const numbers = await new Promise<number[]>((resolve) => {
        const seen: number[] = [];
        void api.rpc.chain.subscribeNewHeads((head) => {
          seen.push(head.number.toNumber());
          if (seen.length === 4) resolve(seen);
        });
      });
      const [first = 0] = numbers;
      expect(numbers).toEqual([first, first + 1, first + 2, first + 3]);
    }
  }, 20_000);

  it('reads storage and decodes blocks and events', async () => {
    expect((await para.query['parachainInfo']?.['parachainId']?.())?.toString()).toBe('2004');
    const hash = await relay.rpc.chain.getBlockHash(5);
    const at = await relay.at(hash);
    expect((await at.query['grandpa']?.['currentSetId']?.())?.toString()).toBe('1');
    const { block } = await relay.rpc.chain.getBlock(hash);
    expect(block.extrinsics.map((x) => `${x.method.section}.${x.method.method}`)).toEqual([
      'timestamp.set',
    ]);
    const events = (await at.query['system']?.['events']?.()) as unknown as {
      event: { section: string; method: string };
    }[];
    expect(events.map(({ event }) => `${event.section}.${event.method}`)).toEqual([
      'system.ExtrinsicSuccess',
      'grandpa.NewAuthorities',
    ]);
    const now = (await at.query['timestamp']?.['now']?.())?.toString();
    expect(Math.abs(Number(now) - Date.now())).toBeLessThan(60_000);
  });

  it('proves the parachain’s head under a relay header', async () => {
    const hash = await relay.rpc.chain.getFinalizedHead();
    const header = await relay.rpc.chain.getHeader(hash);
    const key = RelayKey.parasHeads(2004);
    const { proof } = await relay.rpc.state.getReadProof([toHex(key)], hash);
    const value = readProof(
      proof.map((node) => node.toU8a(true)),
      header.stateRoot.toU8a(),
      key,
    );
    const head = new ScaleReader(value ?? new Uint8Array()).bytes();
    const known = await para.rpc.chain.getBlockHash(decodeHeader(head).number);
    expect(known.toHex()).toBe(toHex(headerHash(head)));
  });

  it('sends a transaction and watches it to the end', async () => {
    const bob = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
    const before = await para.rpc.system.accountNextIndex(bob.address);
    const remark = para.tx['system']?.['remark']?.('0x0102');
    if (remark === undefined) throw new Error('no system.remark');
    expect(await send(remark, '//Bob')).toContain('system.ExtrinsicSuccess');
    const after = await para.rpc.system.accountNextIndex(bob.address);
    expect(after.toNumber()).toBe(before.toNumber() + 1);
    const info = await remark.paymentInfo(bob);
    expect(info.partialFee.toBigInt()).toBeGreaterThan(0n);
  }, 30_000);
});

describe('the parachain', () => {
  it('has a trusted start whose relay block is in its registry', async () => {
    const first = await para.rpc.chain.getBlockHash(1);
    const at = await para.at(first);
    const data = (await at.query['parachainSystem']?.['validationData']?.()) as unknown as {
      unwrap(): { relayParentNumber: { toNumber(): number } };
    };
    const start = data.unwrap().relayParentNumber.toNumber() - 1;
    expect(start).toBe(1);
    const hash = await relay.rpc.chain.getBlockHash(start);
    const allowed = await para.query['phalaRegistry']?.['relaychainGenesisBlockHashAllowList']?.();
    expect(allowed?.toJSON()).toContain(hash.toHex());
  });

  it('tells storage changes that lead from root to root', async () => {
    const provider = new WsProvider(chains.paraUrl);
    await provider.isReady;
    const hash = (await para.rpc.chain.getBlockHash(2)).toHex();
    const changes = await provider.send<string>('pha_getStorageChangesAt', [hash]);
    expect(new ScaleReader(fromHex(changes)).compact()).toBeGreaterThan(5);
    await provider.disconnect();
  });
});

it('serves a relay chain of the new era', async () => {
  const other = await mkdtemp(join(tmpdir(), 'devnet-new-'));
  const started = await startChains(
    { ...OPTIONS, directory: other, relay: 'new' },
    { log: silentLog },
  );
  const api = await connect(started.relayUrl);
  const authorities = await api.query['grandpa']?.['authorities']?.();
  expect(authorities?.toJSON()).toHaveLength(4);
  expect(await api.rpc.state.getStorage(toHex(RelayKey.grandpaAuthoritiesOld))).toMatchObject({
    isNone: true,
  });
  await api.disconnect();
  await started.stop();
  await rm(other, { recursive: true });
}, 20_000);

it('does not share a directory with another process', async () => {
  await expect(startChains({ ...OPTIONS, directory }, { log: silentLog })).rejects.toThrow(
    DataDirectoryError,
  );
});

it('does not go on with a directory of other settings', async () => {
  const other = await mkdtemp(join(tmpdir(), 'devnet-other-'));
  const first = await startChains({ ...OPTIONS, directory: other }, { log: silentLog });
  await first.stop();
  await expect(
    startChains({ ...OPTIONS, directory: other, sessionBlocks: 6 }, { log: silentLog }),
  ).rejects.toThrow(ConfigMismatchError);
  const again = await startChains({ ...OPTIONS, directory: other }, { log: silentLog });
  await again.stop();
  await rm(other, { recursive: true });
});

it('has each node where it was before', async () => {
  const other = await mkdtemp(join(tmpdir(), 'devnet-nodes-'));
  const relayPort = 10_000 + 8 * Math.floor(Math.random() * 1_000);
  const options = { ...OPTIONS, directory: other, nodes: 3, relayPort, paraPort: relayPort + 1 };
  const first = await startChains(options, { log: silentLog });
  await first.stop();
  const again = await startChains(options, { log: silentLog });
  await again.stop();
  expect(new Set([...first.relayUrls, ...first.paraUrls]).size).toBe(6);
  expect([again.relayUrls, again.paraUrls]).toEqual([first.relayUrls, first.paraUrls]);
  await rm(other, { recursive: true });
});
