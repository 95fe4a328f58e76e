import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions, SubmittableExtrinsic } from '@polkadot/api/types';
import type { EventRecord } from '@polkadot/types/interfaces';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../log.js';
import { toHex } from '../primitives/bytes.js';
import { RelayKey } from '../primitives/storage-key.js';
import { startChains, type RunningChains } from './start.js';

const connect = (url: string) =>
  ApiPromise.create({
    provider: new WsProvider(url) as unknown as NonNullable<ApiOptions['provider']>,
    noInitWarn: true,
    throwOnConnect: true,
  });

const namesOf = (events: readonly EventRecord[]) =>
  events.map(({ event }) => `${event.section}.${event.method}`);

/** Sends and watches to the end: statuses in order, and the names of the extrinsic's events. */
function send(extrinsic: SubmittableExtrinsic<'promise'>, signer: string) {
  const pair = new Keyring({ type: 'sr25519' }).addFromUri(signer);
  const statuses: string[] = [];
  return new Promise<{ statuses: string[]; events: string[]; block: string }>((resolve, reject) => {
    extrinsic
      .signAndSend(pair, ({ status, events }) => {
        statuses.push(status.type);
        if (status.isInvalid || status.isDropped) reject(new Error(status.type));
        if (!status.isFinalized) return;
        resolve({ statuses, events: namesOf(events), block: status.asFinalized.toHex() });
      })
      .catch(reject);
  });
}

/** So many numbers of a stream of heads. */
const heads = (
  count: number,
  subscribe: (tell: (head: { number: { toNumber(): number } }) => void) => Promise<() => void>,
) =>
  new Promise<number[]>((resolve, reject) => {
    const seen: number[] = [];
    const stop = subscribe((head) => {
      seen.push(head.number.toNumber());
      if (seen.length < count) return;
      resolve(seen);
      void stop.then((end) => end());
    });
    stop.catch(reject);
  });

describe.each(['old', 'new'] as const)('an unchanged @polkadot/api, %s relay era', (era) => {
  let directory: string;
  let chains: RunningChains;
  let relay: ApiPromise;
  let para: ApiPromise;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'devnet-api-'));
    chains = await startChains(
      {
        directory,
        host: '127.0.0.1',
        relayPort: 0,
        paraPort: 0,
        relay: era,
        seed: 'api',
        paraId: 2004,
        authorities: 4,
        sessionBlocks: 5,
        blockMs: 150,
        finalityLag: 2,
        justificationPeriod: 8,
      },
      { log: silentLog },
    );
    [relay, para] = await Promise.all([connect(chains.relayUrl), connect(chains.paraUrl)]);
    const finalized = async (api: ApiPromise) =>
      (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
    const waits = { timeout: 30_000, interval: 100 };
    await vi.waitFor(async () => expect(await finalized(relay)).toBeGreaterThan(8), waits);
    await vi.waitFor(async () => expect(await finalized(para)).toBeGreaterThan(2), waits);
  }, 60_000);

  afterAll(async () => {
    await relay?.disconnect();
    await para?.disconnect();
    await chains?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('knows both chains by their metadata', async () => {
    expect(relay.runtimeVersion.specName.toString()).toBe('kusama');
    expect(relay.registry.chainSS58).toBe(2);
    expect(para.runtimeVersion.specName.toString()).toBe('khala');
    expect(para.registry.chainSS58).toBe(30);
    expect(para.registry.chainTokens).toEqual(['PHA']);
    expect((await relay.rpc.system.chain()).toString()).not.toBe('');
    expect((await para.rpc.system.health()).isSyncing.isFalse).toBe(true);
  });

  it('follows best and finalised heads of both', async () => {
    for (const api of [relay, para]) {
      const best = await heads(4, (tell) => api.rpc.chain.subscribeNewHeads(tell));
      const [first = 0] = best;
      expect(best).toEqual([first, first + 1, first + 2, first + 3]);
      const final = await heads(3, (tell) => api.rpc.chain.subscribeFinalizedHeads(tell));
      expect(final).toEqual([...final].sort((a, b) => a - b));
    }
  }, 40_000);

  it('reads storage, plain and by maps, now and in the past', async () => {
    expect((await para.query['parachainInfo']?.['parachainId']?.())?.toString()).toBe('2004');
    const { address } = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
    const account = (await para.query['system']?.['account']?.(address)) as unknown as {
      data: { free: { toBigInt(): bigint } };
    };
    expect(account.data.free.toBigInt()).toBeGreaterThan(0n);
    const pools = await para.query['phalaBasePool']?.['pools']?.entries();
    expect(pools).toHaveLength(3);
    const at = await relay.at(await relay.rpc.chain.getBlockHash(5));
    expect((await at.query['grandpa']?.['currentSetId']?.())?.toString()).toBe('1');
    const head = await relay.query['paras']?.['heads']?.(2004);
    expect(head?.isEmpty).toBe(false);
    const old = await relay.rpc.state.getStorage(toHex(RelayKey.grandpaAuthoritiesOld));
    expect((old as { isNone: boolean }).isNone).toBe(era === 'new');
    const list = await relay.query['grandpa']?.['authorities']?.();
    if (era === 'new') expect(list?.toJSON()).toHaveLength(4);
    else expect(list).toBeUndefined();
  });

  it('decodes blocks and events of both', async () => {
    const hash = await relay.rpc.chain.getBlockHash(5);
    const { block } = await relay.rpc.chain.getBlock(hash);
    expect(block.extrinsics.map((x) => `${x.method.section}.${x.method.method}`)).toEqual([
      'timestamp.set',
    ]);
    const at = await relay.at(hash);
    const events = (await at.query['system']?.['events']?.()) as unknown as EventRecord[];
    expect(namesOf(events)).toEqual(['system.ExtrinsicSuccess', 'grandpa.NewAuthorities']);
    const now = (await at.query['timestamp']?.['now']?.())?.toString();
    expect(Math.abs(Number(now) - Date.now())).toBeLessThan(600_000);

    const first = await para.rpc.chain.getBlockHash(1);
    const paraBlock = await para.rpc.chain.getBlock(first);
    expect(
      paraBlock.block.extrinsics.slice(0, 2).map((x) => `${x.method.section}.${x.method.method}`),
    ).toEqual(['timestamp.set', 'parachainSystem.setValidationData']);
    const paraAt = await para.at(first);
    const paraEvents = (await paraAt.query['system']?.['events']?.()) as unknown as EventRecord[];
    expect(namesOf(paraEvents)).toContain('system.ExtrinsicSuccess');
  });

  it('sends signed extrinsics and watches them to the end', async () => {
    const { address } = new Keyring({ type: 'sr25519' }).addFromUri('//Charlie');
    const pay = para.tx['balances']?.['transferKeepAlive']?.(address, 10n ** 12n);
    if (pay === undefined) throw new Error('no balances.transferKeepAlive');
    const { statuses, events, block } = await send(pay, '//Bob');
    expect(statuses[0]).toBe('Ready');
    expect(statuses.slice(-2)).toEqual(['InBlock', 'Finalized']);
    expect(events).toEqual(
      expect.arrayContaining(['balances.Transfer', 'system.ExtrinsicSuccess']),
    );
    const included = await para.rpc.chain.getBlock(block);
    expect(included.block.extrinsics.map((x) => x.method.method)).toContain('transferKeepAlive');
    const { partialFee } = await pay.paymentInfo(
      new Keyring({ type: 'sr25519' }).addFromUri('//Bob'),
    );
    expect(partialFee.toBigInt()).toBeGreaterThan(0n);
  }, 30_000);

  it('sends signed remarks to the relay chain, too, and watches them to the end', async () => {
    const { address } = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
    const before = (await relay.rpc.system.accountNextIndex(address)).toNumber();
    const remark = relay.tx['system']?.['remarkWithEvent']?.('0x0102');
    if (remark === undefined) throw new Error('no system.remarkWithEvent');
    const { statuses, events, block } = await send(remark, '//Bob');
    expect(statuses.slice(-2)).toEqual(['InBlock', 'Finalized']);
    expect(events).toEqual(['system.Remarked', 'system.ExtrinsicSuccess']);
    const included = await relay.rpc.chain.getBlock(block);
    expect(included.block.extrinsics.map((x) => x.method.method)).toEqual([
      'set',
      'remarkWithEvent',
    ]);
    expect((await relay.rpc.system.accountNextIndex(address)).toNumber()).toBe(before + 1);
    const { partialFee } = await remark.paymentInfo(address);
    expect(partialFee.toBigInt()).toBe(0n);
  }, 30_000);

  it('is told why an extrinsic fails, and that one is not taken', async () => {
    const { address } = new Keyring({ type: 'sr25519' }).addFromUri('//Charlie');
    const tooMuch = para.tx['balances']?.['transferKeepAlive']?.(address, 10n ** 24n);
    const remark = para.tx['system']?.['remark']?.('0x01');
    if (tooMuch === undefined || remark === undefined) throw new Error('the metadata lacks calls');
    expect((await send(tooMuch, '//Dave')).events).toContain('system.ExtrinsicFailed');
    const nobody = new Keyring({ type: 'sr25519' }).addFromUri('//Nobody');
    await expect(remark.signAndSend(nobody)).rejects.toThrow(/1010/);
  }, 30_000);
});
