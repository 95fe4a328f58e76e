import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { syncEraWorkers } from './durability/era-workers.js';
import { untilHead } from './durability/killed-sync.js';
import { DevChains } from './lying-node/dev-chains.js';
import { ProviderProcess } from './lying-node/index.js';

const HISTORY_BLOCKS = 100;

it('one data provider serves lifecycle managers of different bridges at once, and of its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rb-identities-'));
  const chains = await DevChains.start(join(folder, 'chains'), [
    ...['--clock', 'stepped', '--history-blocks', String(HISTORY_BLOCKS)],
  ]);
  const provider = await ProviderProcess.start({
    folder: join(folder, 'provider'),
    relay: [chains.relay],
    para: [chains.para],
    env: { PHALA_BRIDGE_IDENTITY: 'one' },
  });
  try {
    const { relay, para } = await untilHead(provider, HISTORY_BLOCKS - 2);
    const sync = (name: string, identity: string, env: Record<string, string>, timeoutMs: number) =>
      syncEraWorkers(provider, {
        folder: join(folder, name),
        para: chains.para,
        relayHeight: relay,
        paraHeight: para,
        pruntime: ['0.2.6'],
        env: { PHALA_BRIDGE_IDENTITY: identity, ...env },
        timeoutMs,
      });
    const ignoring = { PHALA_PTP_IGNORE_BRIDGE_IDENTITY: 'true' };
    await Promise.all([
      sync('own', 'one', {}, 120_000),
      sync('second', 'two', ignoring, 120_000),
      sync('third', 'three', ignoring, 120_000),
      // The label separates bridges unless that is said.
      expect(sync('apart', 'four', {}, 25_000)).rejects.toThrow('Not within'),
    ]);
  } finally {
    await provider.stop();
    await chains.stop();
  }
  await rm(folder, { recursive: true });
}, 240_000);
