import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SteppedClock } from '../chain/clock.js';
import { startChains } from '../chain/start.js';
import { silentLog } from '../log.js';
import { toHex } from '../primitives/bytes.js';
import { RelayKey } from '../primitives/storage-key.js';
import { record } from './recorder.js';
import { readRecording, writeRecording } from './recording.js';
import { startReplay } from './replay-server.js';
import { RpcCaller } from './rpc-caller.js';

it('serves what was recorded of chains, as their nodes did', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'devnet-replay-'));
  const chains = await startChains(
    {
      directory: join(directory, 'chains'),
      host: '127.0.0.1',
      relayPort: 0,
      paraPort: 0,
      relay: 'old',
      seed: 'replay',
      paraId: 2004,
      authorities: 4,
      sessionBlocks: 8,
      blockMs: 600,
      finalityLag: 2,
      justificationPeriod: 4,
      historyBlocks: 40,
    },
    { log: silentLog, newClock: (times) => new SteppedClock(times) },
  );
  const urls = { relayUrl: chains.relayUrl, paraUrl: chains.paraUrl };
  const recording = await record(
    { ...urls, paraId: 2004, from: undefined, count: 30 },
    { log: silentLog },
  );
  expect(recording.relay).toMatchObject({ first: 1, last: 30 });
  expect(recording.para).toMatchObject({ first: 0, last: 14 });
  const out = join(directory, 'recording');
  await writeRecording(out, recording);
  const replay = await startReplay(
    { directory: out, host: '127.0.0.1', relayPort: 0, paraPort: 0 },
    { log: silentLog },
  );
  const [live, served] = [
    await RpcCaller.open(chains.relayUrl),
    await RpcCaller.open(replay.relayUrl),
  ];
  const [livePara, servedPara] = [
    await RpcCaller.open(chains.paraUrl),
    await RpcCaller.open(replay.paraUrl),
  ];
  try {
    const heights = Array.from({ length: 30 }, (_, n) => n + 1);
    const hashes = await served.call<string[]>('chain_getBlockHash', [heights]);
    expect(hashes).toEqual(await live.call('chain_getBlockHash', [heights]));
    const heads = toHex(RelayKey.parasHeads(2004));
    const authorities = toHex(RelayKey.grandpaAuthoritiesOld);
    for (const [method, params] of [
      ['chain_getHeader', [hashes[11]]],
      ['chain_getBlock', [hashes[15]]],
      ['state_getReadProof', [[heads], hashes[20]]],
      ['state_getReadProof', [[authorities], hashes[15]]],
      ['grandpa_proveFinality', [9]],
    ] as const) {
      expect(await served.call(method, params)).toEqual(await live.call(method, params));
    }
    expect(await served.call('chain_getFinalizedHead', [])).toBe(hashes[29]);
    const [genesis = '', third = ''] = await servedPara.call<string[]>('chain_getBlockHash', [
      [0, 3],
    ]);
    for (const [method, params] of [
      ['state_getPairs', ['0x', genesis]],
      ['pha_getStorageChangesAt', [third]],
    ] as const) {
      expect(await servedPara.call(method, params)).toEqual(await livePara.call(method, params));
    }
    await expect(served.call('chain_getBlock', [`0x${'00'.repeat(32)}`])).rejects.toThrow(
      'not recorded',
    );
    expect(await served.call('chain_getBlockHash', [31])).toBeNull();
    await expect(readRecording(directory)).rejects.toThrow('holds no recording');
  } finally {
    for (const caller of [live, served, livePara, servedPara]) caller.close();
    await replay.stop();
    await chains.stop();
    await rm(directory, { recursive: true, force: true });
  }
});
