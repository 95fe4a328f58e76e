import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { parseFault } from '../faults/index.js';
import { silentLog } from '../log.js';
import type { Heights } from './driver.js';
import { startChains, type RunningChains } from './start.js';

let directory: string;
let chains: RunningChains;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devnet-control-'));
  chains = await startChains(
    {
      directory,
      host: '127.0.0.1',
      relayPort: 0,
      paraPort: 0,
      relay: 'old',
      seed: 'control',
      paraId: 2004,
      authorities: 4,
      sessionBlocks: 10,
      blockMs: 50,
      finalityLag: 2,
      justificationPeriod: 8,
      controlPort: 0,
      nodes: 3,
    },
    { log: silentLog },
  );
  await vi.waitFor(() => expect(chains.driver.heights().paraFinalized).toBeGreaterThan(2), waits);
}, 40_000);

afterEach(() => chains.faults.clear());

afterAll(async () => {
  await chains?.stop();
  await rm(directory, { recursive: true, force: true });
});

const waits = { timeout: 30_000, interval: 20 };

async function order<T = Heights>(command: string, body: unknown = {}): Promise<T> {
  const response = await fetch(`${chains.controlUrl}/${command}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function ask<T>(url: string, method: string, ...params: unknown[]): Promise<T> {
  const response = await fetch(url.replace('ws:', 'http:'), {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as { result: T; error?: { message: string } };
  if (error !== undefined) throw new Error(error.message);
  return result;
}

describe('several nodes', () => {
  it('of a chain tell the same', async () => {
    for (const urls of [chains.relayUrls, chains.paraUrls]) {
      expect(new Set(urls).size).toBe(3);
      const genesis = await Promise.all(urls.map((url) => ask(url, 'chain_getBlockHash', 0)));
      const first = await Promise.all(urls.map((url) => ask(url, 'chain_getBlockHash', 1)));
      expect(new Set(genesis).size).toBe(1);
      expect(new Set(first).size).toBe(1);
      expect(first[0]).not.toBeNull();
    }
  });

  it('have faults of their own, by their names', async () => {
    const first = (index: number, urls = chains.relayUrls) =>
      ask<string | null>(urls[index] ?? '', 'chain_getBlockHash', 1);
    chains.faults.add(parseFault('relay2:null'));
    chains.faults.add(parseFault('para3:error,code=-32000,message=broken'));
    expect(await first(0)).not.toBeNull();
    expect(await first(1)).toBeNull();
    expect(await first(2)).not.toBeNull();
    expect(await first(0, chains.paraUrls)).not.toBeNull();
    await expect(first(2, chains.paraUrls)).rejects.toThrow('broken');
    expect(() => chains.faults.add(parseFault('relay4:null'))).toThrow(/relay4/);
  });

  it('share the pool: what one takes, all know', async () => {
    const provider = new WsProvider(chains.paraUrls[1] ?? '');
    const api = await ApiPromise.create({
      provider: provider as unknown as NonNullable<ApiOptions['provider']>,
      noInitWarn: true,
    });
    // Too early a nonce: it waits as long as the test looks.
    const bob = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
    const remark = await api.tx['system']?.['remark']?.('0x01').signAsync(bob, { nonce: 7 });
    await ask(chains.paraUrls[1] ?? '', 'author_submitExtrinsic', remark?.toHex());
    for (const url of chains.paraUrls) {
      expect(await ask<string[]>(url, 'author_pendingExtrinsics')).toContain(remark?.toHex());
    }
    await api.disconnect();
  });
});

describe('the control port', () => {
  it('pauses the making of blocks, and lets it go on', async () => {
    await order('pause');
    // A block that was being made may still come.
    await vi.waitFor(async () => {
      const before = await order('heights');
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await order('heights')).toEqual(before);
    }, waits);
    const { relayBest } = await order('resume');
    await vi.waitFor(
      async () => expect((await order('heights')).relayBest).toBeGreaterThan(relayBest + 3),
      waits,
    );
  });

  it('breaks every connection, and takes new ones', async () => {
    const sockets = [...chains.relayUrls, ...chains.paraUrls].map((url) => new WebSocket(url));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const closed = sockets.map((socket) => once(socket, 'close'));
    await order('disconnect');
    await Promise.all(closed);
    const again = new WebSocket(chains.relayUrl);
    await once(again, 'open');
    again.close();
  });

  it('holds finality, which jumps after', async () => {
    await order('finality', { held: true });
    const { relayFinalized } = await order('heights');
    await vi.waitFor(
      async () => expect((await order('heights')).relayBest).toBeGreaterThan(relayFinalized + 8),
      waits,
    );
    expect((await order('heights')).relayFinalized).toBeLessThanOrEqual(relayFinalized + 1);
    await order('finality', { held: false });
    await vi.waitFor(
      async () =>
        expect((await order('heights')).relayFinalized).toBeGreaterThan(relayFinalized + 5),
      waits,
    );
  });

  it('replaces blocks, and changes how often the parachain has one', async () => {
    const { replaced } = await order<{ replaced: number }>('reorg', { depth: 2 });
    expect(replaced).toBeGreaterThan(0);
    await order('parachain', { relayBlocksPerBlock: 50 });
    const before = await order('heights');
    await vi.waitFor(
      async () => expect((await order('heights')).relayBest).toBeGreaterThan(before.relayBest + 20),
      waits,
    );
    expect((await order('heights')).paraBest).toBeLessThanOrEqual(before.paraBest + 2);
    await order('parachain', { relayBlocksPerBlock: 2 });
  });
});
