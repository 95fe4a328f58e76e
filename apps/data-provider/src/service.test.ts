import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics, toHex } from '@runtime-bridge/base';
import {
  encodeGenesisInfo,
  encodeHeader,
  headerHash,
  headerNumber,
  splitCombinedHeaders,
  type Header,
} from '@runtime-bridge/blob-codec';
import { BlockStore } from '@runtime-bridge/block-store';
import { Identity } from '@runtime-bridge/keystore';
import { Health, readSettings } from '@runtime-bridge/service-kit';
import {
  BlobClient,
  DataProviderStatus,
  WalkieNode,
  WalkieRoles,
} from '@runtime-bridge/walkie-protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataProvider, type DataProvider } from './service.js';
import { dataProviderSettings } from './settings.js';

const GENESIS = 5;

function chain(length: number, firstParent: Uint8Array, firstNumber: number): Uint8Array[] {
  const headers: Uint8Array[] = [];
  let parentHash = firstParent;
  for (let number = firstNumber; number < firstNumber + length; number += 1) {
    const header: Header = {
      parentHash,
      number,
      stateRoot: new Uint8Array(32).fill(number),
      extrinsicsRoot: new Uint8Array(32),
      logs: [],
    };
    headers.push(encodeHeader(header));
    parentHash = headerHash(headers.at(-1)!);
  }
  return headers;
}

/** What a sync would have stored, put there by hand: the service must serve it without any node. */
async function fill(path: string): Promise<{ relay: Uint8Array[]; para: Uint8Array[] }> {
  const relay = chain(6, new Uint8Array(32), GENESIS);
  const para = chain(3, new Uint8Array(32), 0);
  const store = new BlockStore({ path });
  await store.start();
  await store.putGenesis({
    chain: {
      paraId: 2004,
      paraBlock1: toHex(headerHash(para[1]!)),
      paraGenesis: toHex(headerHash(para[0]!)),
      relayGenesisHeight: GENESIS,
      relayGenesis: toHex(headerHash(relay[0]!)),
    },
    info: encodeGenesisInfo({
      header: relay[0]!,
      authoritySet: { authorities: [], setId: 0n },
      proof: [],
    }),
    state: Uint8Array.of(0),
    paraHeader: para[0]!,
  });
  await store.appendRange({
    headers: relay.slice(1),
    proof: {
      justification: Uint8Array.of(1, 2, 3),
      setId: 0n,
      paraHead: { number: 2, proof: Uint8Array.of(4, 4, 9) },
      authoritySetChange: undefined,
    },
  });
  const changes = Uint8Array.of(0, 0);
  await store.appendParaBlocks(
    para.slice(1).map((header) => ({ header, storageChanges: changes })),
    undefined,
  );
  await store.stop();
  return { relay, para };
}

describe('the data provider', () => {
  let directory: string;
  let health: Health;
  let provider: DataProvider | undefined;

  const settings = (env: Record<string, string> = {}) =>
    readSettings(dataProviderSettings, {
      PHALA_CHAIN_ENDPOINT: 'ws://127.0.0.1:1',
      PHALA_PARENT_CHAIN_ENDPOINT: 'ws://127.0.0.1:1',
      PHALA_LOCAL_DB_PATH: join(directory, 'store'),
      PHALA_PEER_ID_PREFIX: join(directory, 'id'),
      PHALA_WALKIE_LISTEN_ADDRESSES: '/ip4/127.0.0.1/tcp/0',
      PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
      ...env,
    }).values;

  async function open(env?: Record<string, string>): Promise<DataProvider> {
    provider = await createDataProvider(
      { ...settings(env), blobPort: 0 },
      { logger: silentLogger, metrics: silentMetrics, health },
    );
    await provider.start();
    return provider;
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rb-data-provider-'));
    health = new Health();
  });

  afterEach(async () => {
    await provider?.stop();
    provider = undefined;
    await rm(directory, { recursive: true, force: true });
  });

  it('starts without nodes, says what it waits for, and stops', async () => {
    const one = await open();
    await expect.poll(() => health.parts['relay chain']).toMatchObject({ ready: false });
    expect(health.ready).toBe(false);
    expect(health.parts['walkie']).toMatchObject({ ready: false });
    expect(one.info()).toMatchObject({
      status: DataProviderStatus.S_SYHCHING,
      parentTarget: -1,
      paraProcessedHeight: -1,
      blobServerPort: one.blobServerPort,
    });
    const { mode } = await stat(join(directory, 'id', 'DATA_PROVIDER'));
    expect(mode & 0o777).toBe(0o600);
    const startedAt = Date.now();
    await one.stop();
    expect(Date.now() - startedAt).toBeLessThan(2_000);
    const port = one.blobServerPort;
    expect(port).toBe(0);
  });

  it('keeps its identity', async () => {
    const first = await open();
    const { peerId } = first;
    await first.stop();
    expect((await open()).peerId).toBe(peerId);
  });

  it('serves what its store holds on Walkie and TCP, with no node in sight', async () => {
    const { relay, para } = await fill(join(directory, 'store'));
    const one = await open();
    await expect.poll(() => one.addresses.length).toBeGreaterThan(0);

    const { privateKey } = await Identity.generate();
    const node = new WalkieNode(
      {
        role: WalkieRoles.WR_CLIENT,
        privateKey,
        chainIdentity: 'client',
        bridgeIdentity: 'client',
        hostname: 'test',
        listenAddresses: [],
        bootNodes: one.addresses,
        mdns: false,
      },
      { logger: silentLogger, metrics: silentMetrics },
    );
    await node.start();
    try {
      await expect
        .poll(() => node.peers.list().map((peer) => [peer.role, peer.chainIdentity]))
        .toEqual([[WalkieRoles.WR_DATA_PROVIDER_INT, toHex(headerHash(para[1]!))]]);
      const client = node.client(one.peerId);
      const info = await client.call('GetDataProviderInfo', {});
      expect(info).toMatchObject({
        paraId: 2004,
        parentStartHeader: GENESIS,
        parentTarget: -1,
        parentFetchedHeight: 10,
        parentProcessedHeight: 10,
        paraCommittedHeight: 2,
        blobServerPort: one.blobServerPort,
      });
      const blob = await client.call('GetBlobByKey', { key: 'drySyncHeader:7:10:1:2' });
      expect(blob.empty).toBe(false);
      expect(splitCombinedHeaders(blob.data)).toMatchObject({
        relay: { first: 7, last: 10 },
        para: { first: 1, last: 2 },
      });
      expect((await client.call('GetBlobByKey', { key: 'window:0:pb' })).empty).toBe(true);

      const blobs = new BlobClient(
        { host: '127.0.0.1', port: info.blobServerPort, requestTimeoutMs: 5_000 },
        { logger: silentLogger },
      );
      const block = await blobs.get('dryParaBlock:2', {});
      expect(headerNumber(block!.subarray(1))).toBe(2);
      expect(headerNumber(relay[1]!)).toBe(6);
      await blobs.close();
    } finally {
      await node.stop();
    }
  });

  it('does not let its blob port be taken silently', async () => {
    const one = await open();
    const socket = createConnection(one.blobServerPort, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.destroy();
    const other = await createDataProvider(
      {
        ...settings({ PHALA_LOCAL_DB_PATH: join(directory, 'other') }),
        blobPort: one.blobServerPort,
      },
      { logger: silentLogger, metrics: silentMetrics, health },
    );
    await expect(other.start()).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    await other.stop();
  });
});
