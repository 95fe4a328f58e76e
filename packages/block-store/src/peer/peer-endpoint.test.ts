import { BinaryReader } from '@bufbuild/protobuf/wire';
import { silentLogger, sleep, toHex } from '@runtime-bridge/base';
import { ChainClientErrorCode } from '@runtime-bridge/chain-client';
import { afterEach, describe, expect, it } from 'vitest';
import { Bench, fastClock, rowsOf, type BenchOptions } from '../store-filled.test.support.js';
import { verifyStore } from '../transfer/verify-store.js';
import { BlobViews } from '../views/blob-views.js';
import { PeerEndpoint, type PeerBlobs } from './peer-endpoint.js';

const benches: Bench[] = [];

async function open(options: BenchOptions): Promise<Bench> {
  const bench = await Bench.create(options);
  benches.push(bench);
  return bench;
}

afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.destroy()));
});

const chains = { relayBlocks: 90, sessionBlocks: 20 };

/** A provider that is filled, and its blobs with the keys that were asked for. */
async function filled(): Promise<{ bench: Bench; blobs: PeerBlobs; keys: string[] }> {
  const bench = await open({ chains });
  await bench.untilBuilt(90);
  const views = new BlobViews({}, { store: bench.store });
  const keys: string[] = [];
  const blobs: PeerBlobs = async (key, signal) => {
    keys.push(key);
    return (await views.get(key, signal))?.bytes;
  };
  return { bench, blobs, keys };
}

/** A node that has the genesis, but says of later blocks only what is needed for knowing that they are there. */
const withoutHistory = {
  tamper: (method: string, params: readonly unknown[], answer: unknown) => {
    const isLater =
      method === 'pha_getStorageChangesAt' ||
      (method === 'grandpa_proveFinality' && params[0] !== 0);
    if (isLater) throw new Error('not from the node');
    return answer;
  },
};

const copyOptions = (source: Bench, peers: PeerBlobs[]): BenchOptions => ({
  chains: source.chains,
  relay: [{ ...withoutHistory, missing: ['grandpa_subscribeJustifications'] }],
  para: [withoutHistory],
  peers,
  clock: fastClock,
});

describe('a copy from a peer', () => {
  it('is the same store, proved', async () => {
    const { bench, blobs, keys } = await filled();
    const copy = await open(copyOptions(bench, [blobs]));
    await copy.untilBuilt(90);
    const [rows, original] = [await rowsOf(copy.store), await rowsOf(bench.store)];
    expect(rows).toEqual(original);
    await verifyStore(copy.store);
    expect(new Set(keys.map((key) => key.split(':')[0]))).toEqual(new Set(['para', 'parent']));
  });

  it('goes on where it stopped', async () => {
    const { bench, blobs } = await filled();
    const limits: Record<string, number> = { parent: 50, para: 20 };
    const until: PeerBlobs = async (key, signal) => {
      const [kind, height] = key.split(':');
      return Number(height) > (limits[kind!] ?? 0) ? undefined : blobs(key, signal);
    };
    const copy = await open(copyOptions(bench, [until]));
    await expect
      .poll(() => copy.store.heights.value?.relay ?? 0, { timeout: 20_000 })
      .toBeGreaterThan(19);
    await copy.stop();
    Object.assign(limits, { parent: Infinity, para: Infinity });
    await copy.start();
    await copy.untilBuilt(90);
    expect(await rowsOf(copy.store)).toEqual(await rowsOf(bench.store));
  });

  it.each(['parent:30:pb', 'para:20:pb'])(
    'from two of which one lies about %s stores nothing wrong',
    async (wrong) => {
      const { bench, blobs } = await filled();
      let lies = 0;
      const liar: PeerBlobs = async (key, signal) => {
        const bytes = await blobs(key, signal);
        if (!bytes || key !== wrong) return bytes;
        lies += 1;
        const changed = Uint8Array.from(bytes);
        changed[Math.floor(bytes.length * 0.8)]! ^= 1;
        return changed;
      };
      // The honest one is there only once the other has lied: else that might never be asked.
      const honest: PeerBlobs = async (key, signal) =>
        lies === 0 ? undefined : blobs(key, signal);
      const copy = await open(copyOptions(bench, [liar, honest]));
      await copy.untilBuilt(90);
      expect(lies).toBeGreaterThan(0);
      expect(await rowsOf(copy.store)).toEqual(await rowsOf(bench.store));
      await verifyStore(copy.store);
    },
  );

  it('ends with the nodes, which have more', async () => {
    const { bench, blobs } = await filled();
    const short: PeerBlobs = async (key, signal) =>
      Number(key.split(':')[1]) > 40 ? undefined : blobs(key, signal);
    const copy = await open({ chains: bench.chains, peers: [short], clock: fastClock });
    await copy.untilBuilt(90);
    await verifyStore(copy.store);
  });
});

describe('a peer that cannot go on', () => {
  /** A peer whose relay headers from a height on prove nothing, as those behind the last justification of a 2022 one. */
  async function peerWithTail(justifiedUpTo: number) {
    const { bench } = await filled();
    const views = new BlobViews({}, { store: bench.store });
    const blobs: PeerBlobs = async (key, signal) => {
      const height = Number(key.split(':')[1]);
      const bytes = (await views.get(key, signal))?.bytes;
      if (!bytes || height <= justifiedUpTo) return bytes;
      return bytes.subarray(0, headerPartOf(bytes));
    };
    const stored = { height: 20 };
    const endpoint = new PeerEndpoint(
      { url: 'prb://peer', kind: 'relay' },
      { blobs, storedHeight: () => stored.height, logger: silentLogger, clock: fastClock },
    );
    await endpoint.start();
    await endpoint.connected.until((isThere) => isThere);
    return { endpoint, stored };
  }

  it('is left at once for the nodes, and asked again when they are past that place', async () => {
    const { endpoint, stored } = await peerWithTail(60);
    stored.height = 40;
    expect(await endpoint.call('grandpa_proveFinality', [41])).toEqual(expect.any(String));
    stored.height = 60;
    const request = { method: 'grandpa_subscribeJustifications', unsubscribe: 'none' };
    const announcing = endpoint.subscribe(request, () => {}, AbortSignal.timeout(10_000));
    await expect(endpoint.call('grandpa_proveFinality', [61])).rejects.toMatchObject({
      code: ChainClientErrorCode.NOT_CONNECTED,
    });
    expect(endpoint.connected.value).toBe(false);
    // Nodes are listened to again.
    await announcing;
    // Looks go by in the meantime: it has as many blocks more as would make it worth asking.
    await sleep(150);
    expect(endpoint.connected.value).toBe(false);
    await endpoint.stop();
  });

  it('is asked again after a while, for it may have got more', async () => {
    const { endpoint, stored } = await peerWithTail(60);
    stored.height = 60;
    await expect(endpoint.call('grandpa_proveFinality', [61])).rejects.toBeDefined();
    await endpoint.connected.until((isThere) => isThere, AbortSignal.timeout(10_000));
    await endpoint.stop();
  });
});

describe('a peer that has para blocks', () => {
  it('gives them by hashes that only the relay chain told', async () => {
    const { bench, blobs } = await filled();
    const stored = { height: 4 };
    const endpoint = new PeerEndpoint(
      { url: 'prb://peer', kind: 'para' },
      { blobs, storedHeight: () => stored.height, logger: silentLogger, clock: fastClock },
    );
    await endpoint.start();
    await endpoint.connected.until((isThere) => isThere);
    const changesAt = (height: number) =>
      endpoint.call('pha_getStorageChangesAt', [toHex(bench.chains.para[height]!.hash)]);
    expect(await changesAt(5)).toEqual(expect.any(String));
    expect(await changesAt(12)).toEqual(expect.any(String));
    // Headers up to the one before are asked for by their heights.
    await endpoint.call('chain_getBlockHash', [[28, 29]]);
    expect(await changesAt(30)).toEqual(expect.any(String));
    await expect(
      endpoint.call('pha_getStorageChangesAt', [`0x${'77'.repeat(32)}`]),
    ).rejects.toMatchObject({ code: ChainClientErrorCode.NOT_CONNECTED });
    expect(endpoint.connected.value).toBe(false);
    await endpoint.stop();
  });
});

/** Where the third field of a record ends: number, hash, header. */
function headerPartOf(record: Uint8Array): number {
  const reader = new BinaryReader(record);
  for (;;) {
    const [field, type] = reader.tag();
    reader.skip(type, field);
    if (field === 3) return reader.pos;
  }
}
