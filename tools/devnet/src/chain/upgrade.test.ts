import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../log.js';
import { startChains, type ChainsOptions, type RunningChains } from './start.js';

const options: Omit<ChainsOptions, 'directory'> = {
  host: '127.0.0.1',
  relayPort: 0,
  paraPort: 0,
  relay: 'new',
  seed: 'upgrade',
  paraId: 2004,
  authorities: 4,
  sessionBlocks: 5,
  blockMs: 100,
  finalityLag: 2,
  justificationPeriod: 8,
  controlPort: 0,
};

let directory: string;
let chains: RunningChains;
let para: ApiPromise;

const connect = (url: string) =>
  ApiPromise.create({
    provider: new WsProvider(url) as unknown as NonNullable<ApiOptions['provider']>,
    noInitWarn: true,
    throwOnConnect: true,
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devnet-upgrade-'));
  chains = await startChains({ ...options, directory }, { log: silentLog });
  para = await connect(chains.paraUrl);
}, 30_000);

afterAll(async () => {
  await para?.disconnect();
  await chains?.stop();
  await rm(directory, { recursive: true, force: true });
});

const command = async (name: string, body: unknown): Promise<unknown> => {
  const response = await fetch(`${chains.controlUrl}/${name}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
};

const waits = { timeout: 30_000, interval: 100 };

async function remarked(signer: string): Promise<number> {
  const pair = new Keyring({ type: 'sr25519' }).addFromUri(signer);
  const remark = para.tx['system']?.['remark']?.('0x01');
  if (remark === undefined) throw new Error('no system.remark');
  const hash = await new Promise<string>((resolve, reject) => {
    remark
      .signAndSend(pair, ({ status }) => {
        if (status.isFinalized) resolve(status.asFinalized.toHex());
        if (status.isInvalid || status.isDropped) reject(new Error(status.type));
      })
      .catch(reject);
  });
  return (await para.rpc.chain.getHeader(hash)).number.toNumber();
}

describe('a runtime upgrade of a running parachain', () => {
  it('reaches an unchanged @polkadot/api, which goes on with the new metadata and form of extrinsics', async () => {
    await remarked('//Bob');
    expect(para.runtimeVersion.specVersion.toNumber()).toBe(1251);
    expect(para.registry.signedExtensions).not.toContain('CheckMetadataHash');
    await command('upgrade', { specVersion: 1290 });
    await vi.waitFor(() => expect(para.runtimeVersion.specVersion.toNumber()).toBe(1290), waits);
    await vi.waitFor(
      () => expect(para.registry.signedExtensions).toContain('CheckMetadataHash'),
      waits,
    );
    const number = await remarked('//Bob');
    const at = await para.at(await para.rpc.chain.getBlockHash(number));
    expect(at.runtimeVersion.specVersion.toNumber()).toBe(1290);
    const old = await para.at(await para.rpc.chain.getBlockHash(1));
    expect(old.runtimeVersion.specVersion.toNumber()).toBe(1251);
  }, 60_000);

  it('is possible again, and by the network’s own account with the new metadata', async () => {
    await command('upgrade', { specVersion: 1300 });
    await vi.waitFor(() => expect(para.runtimeVersion.specVersion.toNumber()).toBe(1300), waits);
    await remarked('//Charlie');
  }, 60_000);

  it('outlives a restart of the node', async () => {
    await para.disconnect();
    await chains.stop();
    chains = await startChains({ ...options, directory }, { log: silentLog });
    para = await connect(chains.paraUrl);
    expect(para.runtimeVersion.specVersion.toNumber()).toBe(1300);
    await remarked('//Dave');
  }, 60_000);
});

it('the new relay era has hashed values in its proofs', async () => {
  const relay = await connect(chains.relayUrl);
  expect((await relay.rpc.state.getRuntimeVersion()).toJSON()).toMatchObject({ stateVersion: 1 });
  const hash = await relay.rpc.chain.getFinalizedHead();
  const key = relay.query['paras']?.['heads']?.key(2004) ?? '';
  const { proof } = await relay.rpc.state.getReadProof([key], hash);
  const head = await relay.rpc.state.getStorage(key, hash);
  const value = (head as { unwrap(): { toU8a(bare: true): Uint8Array } }).unwrap();
  const nodes = proof.map((node) => Buffer.from(node.toU8a(true)).toString('hex'));
  expect(nodes).toContain(Buffer.from(value.toU8a(true)).toString('hex'));
  await relay.disconnect();
}, 30_000);
