import { silentLogger, sleep, Watched, type Hex } from '@runtime-bridge/base';
import type { ChainFacts, ChainFactsQuery } from '@runtime-bridge/chain-client/tx';
import { WalkieRoles } from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork } from '@runtime-bridge/walkie-protocol/testing';
import { expect, it } from 'vitest';

import { ChainWatch } from './chain-watch.js';
import { ProviderWatch } from './provider-watch.js';

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !holds(); tries += 1) await sleep(5);
  expect(holds()).toBe(true);
}

it('follows the data providers of its chain and bridge, and drops those that are gone', async () => {
  const network = new MemoryNetwork();
  const manager = network.node();
  await manager.start();
  const provider = async (over: object) => {
    const node = network.node({ role: WalkieRoles.WR_DATA_PROVIDER_INT, ...over });
    node.handle('GetDataProviderInfo', () => ({
      paraId: 2004,
      parentTarget: 10,
      parentProcessedHeight: 9,
      paraTarget: 5,
      paraProcessedHeight: 4,
      blobServerPort: 8012,
    }));
    await node.start();
    return node;
  };
  const ours = await provider({ peerId: 'ours', address: '/ip4/10.0.0.9/tcp/1' });
  await provider({ peerId: 'otherChain', chainIdentity: '0x02' });
  await provider({ peerId: 'otherBridge', bridgeIdentity: 'b' });
  await provider({ peerId: 'otherRole', role: WalkieRoles.WR_LIFECYCLE_MANAGER });
  const watch = new ProviderWatch(
    { chainIdentity: '0x01', bridgeIdentity: 'default', ignoreBridgeIdentity: false, pollMs: 5 },
    { walkie: manager, logger: silentLogger },
  );
  await watch.start();
  await until(() => watch.providers.value.length === 1);
  expect(watch.providers.value[0]).toEqual({
    peerId: 'ours',
    host: '10.0.0.9',
    port: 8012,
    paraId: 2004,
    relayTarget: 10,
    relayHeight: 9,
    paraTarget: 5,
    paraHeight: 4,
  });
  await ours.stop();
  await until(() => watch.providers.value.length === 0);
  await watch.stop();
  await manager.stop();
});

it('reads the chain once per block, at once for a new interest, and goes on after a failure', async () => {
  const finalizedHead = new Watched<{ number: number; hash: Hex } | undefined>(undefined);
  const reads: ChainFactsQuery[] = [];
  let fails = false;
  const watch = new ChainWatch({
    source: {
      finalizedHead,
      read: async (query) => {
        reads.push(query);
        await Promise.resolve();
        if (fails) throw new Error('the node is gone');
        return { block: finalizedHead.value!.number } as ChainFacts;
      },
      supportsRegisterWorkerV2: () => true,
    },
    logger: silentLogger,
  });
  await watch.start();
  finalizedHead.set({ number: 1, hash: '0x01' });
  await until(() => watch.facts.value?.block === 1);
  await sleep(20);
  expect(reads).toHaveLength(1);
  watch.setInterest({ workers: ['0xaa'], origins: [], pools: [] });
  await until(() => reads.length === 2);
  expect(reads[1]).toMatchObject({ workers: ['0xaa'], at: '0x01' });
  fails = true;
  finalizedHead.set({ number: 2, hash: '0x02' });
  await until(() => reads.length === 3);
  fails = false;
  finalizedHead.set({ number: 3, hash: '0x03' });
  await until(() => watch.facts.value?.block === 3);
  await watch.stop();
});
