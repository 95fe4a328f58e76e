import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger, silentMetrics, toHex, type Hex } from '@runtime-bridge/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChainFactsReader } from './chain-facts-reader.js';
import { ownMetadata } from './metadata.test.kit.js';
import { ParaApi } from './para-api.js';
import { headerJson, headOf, ScriptedNode, until } from './scripted-node.test.kit.js';

const fixtures = process.env['RB_CHAIN_FIXTURES'];
if (fixtures === undefined) {
  if (process.env['CI'] === 'true') throw new Error('RB_CHAIN_FIXTURES is not set');
  console.warn('SKIPPED: chain facts on recorded metadata (RB_CHAIN_FIXTURES is not set)');
}

const aa = 'aa'.repeat(32);
const worker: Hex = `0x${aa}`;
const session: Hex = '0x73706d2f48f391166875104de74b055392b423aa6ea400ce3fdcf3cdac171f7e';
const poolAccount = '55'.repeat(32);
const parent: Hex = `0x${'22'.repeat(32)}`;
const le = (value: bigint, bytes: number) =>
  Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex')
    .reverse()
    .toString('hex');

// Prefixes and suffixes of keys: metadata of Khala spec 1251.
const suffix = `d293ba795509cbdb${aa}`;
const keys = {
  registration: `0x0d746931e7a6bfd47fbcccfd71984aef1bf55d6b9732eb86723ccad1af88b985${suffix}`,
  assignment: `0x75e3ed3f59e45643ed1149ad80929c1b19607b9c9a8737bdc9a8097e5575f8df${suffix}`,
  binding: `0xb71c310d8c830d345ee1c1b84566a8d129508a101b262c94ae3b928a07bb3cd5${suffix}`,
  coolDown: '0xb71c310d8c830d345ee1c1b84566a8d13621662dc0372018ee7c335e6740fdf0',
  ingress: `0x2f039a6a7f13e94b9545257e54062a042bd035cc68bbf7411ccb4d17987934cf08e2ac5d9be229b502${aa}`,
};
const prefixes = {
  session: '0xb71c310d8c830d345ee1c1b84566a8d1028685274e698e781f7f2766cba0cc83',
  stake: '0xb71c310d8c830d345ee1c1b84566a8d199631790894601a7ff7dac1d1ca231bc',
};
const one = 1n << 64n;
const values: Record<string, string> = {
  // pubkey, ecdh, version, updated, Some(operator), Some(Ias), confidence 2, Some(score 1234), features [4, 1]
  [keys.registration]: `0x${aa}${'cc'.repeat(32)}${le(1n, 4)}${le(99n, 8)}01${'44'.repeat(32)}010102${`01${le(1234n, 4)}`}08${le(4n, 4)}${le(1n, 4)}`,
  [keys.assignment]: `0x${le(7n, 8)}`,
  [keys.binding]: session,
  [keys.coolDown]: `0x${le(604_800n, 8)}`,
  [keys.ingress]: `0x${le(258n, 8)}`,
};
/** WorkerIdle, ve 2.5, v 1.25, … reward 1.5 PHA */
const sessionValue = `0x01${le((one * 5n) / 2n, 16)}${le((one * 5n) / 4n, 16)}${le(50n, 8)}${le(1000n, 4)}${le(900n, 4)}${le(5n, 8)}${le(6n, 8)}${le(7n, 8)}${le(0n, 8)}${le(1_500_000_000_000n, 16)}`;
/** StakePool 7 of owner 44…, three workers */
const poolValue = `0x00${le(7n, 8)}${'44'.repeat(32)}${le(0n, 16)}${le(0n, 16)}0000${le(0n, 4)}${poolAccount}0000${`0c${'01'.repeat(32)}${'02'.repeat(32)}${'03'.repeat(32)}`}00${'66'.repeat(32)}${'77'.repeat(32)}`;

describe('ChainFactsReader', () => {
  let node: ScriptedNode;
  let para: ParaApi;
  let reader: ChainFactsReader;
  let metadata: Hex = '0x';
  const queries = () => node.calls.filter(({ method }) => method === 'state_queryStorageAt');

  async function begin(): Promise<void> {
    node = new ScriptedNode('ws://one', () => metadata);
    node.handlers['state_queryStorageAt'] = (wanted: Hex[], block: Hex) => [
      { block, changes: wanted.map((key) => [key, valueOf(key)]) },
    ];
    para = new ParaApi(
      { endpoints: [node.url] },
      { logger: silentLogger, metrics: silentMetrics, openEndpoint: () => node },
    );
    const start = para.start();
    await until(() => node.subscribers.size >= 3);
    node.notify('chain_subscribeFinalizedHeads', headerJson(5, parent));
    await start;
    reader = new ChainFactsReader({}, { api: para, logger: silentLogger });
  }

  function valueOf(key: Hex): string | null {
    if (key in values) return values[key]!;
    if (key.startsWith(prefixes.session))
      return key.endsWith(session.slice(2)) ? sessionValue : null;
    if (key.startsWith(prefixes.stake)) return `0x${le(3_000_000_000_000n, 16)}`;
    // Pools (7 only) and the wPHA of its account.
    if (key.endsWith(le(7n, 8)) && key.length === 2 + 64 + 16 + 16) return poolValue;
    if (key.endsWith(poolAccount)) return `0x${le(42n, 16)}000000`;
    return null;
  }

  afterEach(() => para.stop());

  describe.skipIf(fixtures === undefined)('on Khala 1251', () => {
    beforeEach(async () => {
      metadata = toHex(await readFile(join(fixtures!, 'metadata', 'khala-1251.v14.scale')));
      await begin();
    });

    it('reads everything about a worker, its messages and its pool', async () => {
      const facts = await reader.read({
        workers: [worker],
        origins: [`0x02${aa}`, '0x05'],
        pools: [7n, 8n],
      });
      expect(facts).toMatchObject({
        block: 5,
        blockHash: headOf(5, parent).hash,
        coolDownPeriodSec: 604_800,
        ingress: new Map([
          [`0x02${aa}`, 258n],
          ['0x05', 0n],
        ]),
        pools: new Map([
          [7n, { ownerAccount: `0x${'44'.repeat(32)}`, workerCount: 3, freeStake: 42n }],
        ]),
      });
      expect(facts.workers.get(worker)).toMatchObject({
        registered: true,
        operator: `0x${'44'.repeat(32)}`,
        initialScore: 1234,
        confidenceLevel: 2,
        poolId: 7n,
        sessionAccount: session,
        stake: 3_000_000_000_000n,
        session: {
          state: 'WorkerIdle',
          v: (one * 5n) / 4n,
          ve: (one * 5n) / 2n,
          pInit: 1000,
          pInstant: 900,
          totalReward: 1_500_000_000_000n,
          coolDownStart: 0n,
          json: {
            state: 'WorkerIdle',
            v: '1.25000000',
            ve: '2.50000000',
            stats: { totalReward: '1.5000 PHA' },
            benchmark: { pInit: '1,000', pInstant: '900' },
            raw: { benchmark: { pInit: 1000, pInstant: 900 } },
          },
        },
      });
    });

    it('asks once per block as soon as it knows the accounts', async () => {
      const query = { workers: [worker], origins: [], pools: [7n] };
      const first = await reader.read(query);
      expect(queries()).toHaveLength(2);
      const second = await reader.read(query);
      expect(queries()).toHaveLength(3);
      expect(second).toEqual(first);
    });

    it('notices a session account that has changed', async () => {
      const query = { workers: [worker], origins: [], pools: [] };
      await reader.read(query);
      const other = `0x${'99'.repeat(32)}` as const;
      values[keys.binding] = other;
      try {
        const facts = (await reader.read(query)).workers.get(worker);
        expect(facts?.sessionAccount).toBe(other);
        expect(facts?.session).toBeUndefined();
      } finally {
        values[keys.binding] = session;
      }
    });

    it('reads a worker that nobody knows', async () => {
      const stranger: Hex = `0x${'bb'.repeat(32)}`;
      const facts = await reader.read({ workers: [stranger], origins: [], pools: [] });
      expect(facts.workers.get(stranger)).toEqual({ publicKey: stranger, registered: false });
    });

    it('names a value that cannot be read', async () => {
      const before = values[keys.registration]!;
      values[keys.registration] = '0x0102';
      try {
        await expect(
          reader.read({ workers: [worker], origins: [], pools: [] }),
        ).rejects.toMatchObject({
          code: 'BAD_STORAGE',
          facts: { pallet: 'phalaRegistry', item: 'workers' },
        });
      } finally {
        values[keys.registration] = before;
      }
    });

    it.each([[null], ['x'], [[{}]], [[{ changes: [1] }]]])(
      'refuses an answer of another form: %j',
      async (answer) => {
        node.handlers['state_queryStorageAt'] = () => answer;
        await expect(
          reader.read({ workers: [worker], origins: [], pools: [] }),
        ).rejects.toMatchObject({ code: 'BAD_ANSWER' });
      },
    );
  });

  it('names the pallet that a chain does not have', async () => {
    metadata = ownMetadata();
    await begin();
    await expect(reader.read({ workers: [], origins: [], pools: [] })).rejects.toMatchObject({
      code: 'MISSING_PALLET',
      facts: { pallet: 'phalaComputation', item: 'coolDownPeriod' },
    });
  });
});
