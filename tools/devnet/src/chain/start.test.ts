import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
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

describe('the relay chain', () => {
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
