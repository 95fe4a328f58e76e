import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  BlobReader,
  DevChains,
  differencesOf,
  feedWorker,
  lies,
  LyingNode,
  ProviderProcess,
  type Lie,
  type LogLine,
  type LyingNodeOptions,
} from './lying-node/index.js';
import { until } from './with-demo.js';

/*
 * Each lie is told by the only node of its chain: the provider names block and check, serves what it has and nothing
 * wrong, and goes on by itself when the lie ends. Then all of them are told at once by nodes in front of an honest one.
 */

// They mostly wait for a liar to be asked again.
vi.setConfig({ maxConcurrency: 12, testTimeout: 120_000 });

const PARA_ID = 2004;
const BLOCK_MS = 300;

interface Case {
  what: string;
  side: 'relay' | 'para';
  lie: () => Lie;
  /** Told from the start, or once the provider stands at the head. */
  when: 'start' | 'head';
  /** What the liar does not offer, so that it is asked in another way. */
  lacks?: string[];
  code: string;
  check?: string;
  /** The only block that it can be about. */
  block?: number;
  /** Makes the thing happen that is lied about. */
  provoke?: () => Promise<void>;
}

const withoutStream = ['grandpa_subscribeJustifications'];
const refused = (check: string, block?: number) => ({
  code: 'BLOCK_REFUSED',
  check,
  ...(block === undefined ? {} : { block }),
});

const cases: Case[] = [
  {
    what: 'a flipped field of relay headers',
    side: 'relay',
    lie: () => lies.headers.flippedField(1),
    when: 'head',
    code: 'HEADER_HASH_MISMATCH',
  },
  {
    what: 'unknown relay headers',
    side: 'relay',
    lie: lies.headers.unknown,
    when: 'head',
    code: 'BLOCK_UNKNOWN',
  },
  {
    what: 'relay headers that never come',
    side: 'relay',
    lie: lies.headers.hanging,
    when: 'head',
    code: 'CALL_TIMEOUT',
  },
  {
    what: 'a flipped byte of an announced signature',
    side: 'relay',
    lie: lies.finality.announcedSignature,
    when: 'head',
    ...refused('justification'),
  },
  {
    what: 'an announced justification of another set',
    side: 'relay',
    lie: lies.finality.announcedOtherSet,
    when: 'head',
    ...refused('justification'),
  },
  {
    what: 'a flipped byte of a proved signature',
    side: 'relay',
    lie: lies.finality.provedSignature,
    when: 'head',
    lacks: withoutStream,
    ...refused('justification'),
  },
  {
    what: 'a proved justification of another set',
    side: 'relay',
    lie: lies.finality.provedOtherSet,
    when: 'start',
    lacks: withoutStream,
    ...refused('justification'),
  },
  {
    what: 'a broken parent',
    side: 'relay',
    lie: lies.finality.brokenParent,
    when: 'start',
    lacks: withoutStream,
    ...refused('parent link', 3),
  },
  {
    what: 'a missing header',
    side: 'relay',
    lie: lies.finality.missingHeader,
    when: 'start',
    lacks: withoutStream,
    ...refused('number', 3),
  },
  {
    what: 'a missing node of para head proofs',
    side: 'relay',
    lie: lies.proofs.missingNode,
    when: 'head',
    ...refused('para head proof'),
  },
  {
    what: 'a changed node of para head proofs',
    side: 'relay',
    lie: lies.proofs.changedNode,
    when: 'head',
    ...refused('para head proof'),
  },
  {
    what: 'a missing node of the proof of the next voters',
    side: 'relay',
    lie: lies.proofs.voters,
    when: 'head',
    ...refused('authority proof'),
  },
  {
    what: 'a missing node of the proof of the first voters',
    side: 'relay',
    lie: lies.proofs.voters,
    when: 'start',
    ...refused('authority proof', 1),
  },
  {
    what: 'no proof',
    side: 'relay',
    lie: lies.proofs.none,
    when: 'head',
    code: 'BAD_RESPONSE',
  },
  {
    what: 'discarded relay states',
    side: 'relay',
    lie: lies.proofs.stateDiscarded,
    when: 'head',
    code: 'STATE_DISCARDED',
  },
  {
    what: 'a flipped byte of a storage change',
    side: 'para',
    lie: lies.changes.flipped,
    when: 'head',
    ...refused('state root'),
  },
  {
    what: 'an added storage change',
    side: 'para',
    lie: lies.changes.added,
    when: 'head',
    ...refused('state root'),
  },
  {
    what: 'a dropped storage change',
    side: 'para',
    lie: lies.changes.dropped,
    when: 'start',
    ...refused('state root', 1),
  },
  {
    what: 'an empty value told as none',
    side: 'para',
    lie: lies.changes.emptyToNone,
    when: 'head',
    provoke: () => putEmptyValue(),
    ...refused('state root'),
  },
  {
    what: 'no value told as an empty one',
    side: 'para',
    lie: lies.changes.noneToEmpty,
    when: 'head',
    ...refused('state root'),
  },
  {
    what: 'no storage changes',
    side: 'para',
    lie: lies.changes.none,
    when: 'head',
    code: 'BAD_RESPONSE',
  },
  {
    what: 'discarded para states',
    side: 'para',
    lie: lies.changes.stateDiscarded,
    when: 'head',
    code: 'STATE_DISCARDED',
  },
  {
    what: 'a flipped field of para headers',
    side: 'para',
    lie: () => lies.headers.flippedField(1),
    when: 'start',
    code: 'HEADER_HASH_MISMATCH',
  },
  {
    what: 'a changed pair of the genesis state',
    side: 'para',
    lie: lies.genesis.pair,
    when: 'start',
    ...refused('genesis state', 0),
  },
  {
    what: 'a changed proof of where the parachain began',
    side: 'para',
    lie: lies.proofs.changedNode,
    when: 'start',
    ...refused('validation data', 1),
  },
];

let folder: string;
let chains: DevChains;
let honest: ProviderProcess;
let honestBlobs: BlobReader;
const failed = { count: 0 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lying-node-'));
  chains = await DevChains.start(join(folder, 'chains'), [
    ...['--block-ms', String(BLOCK_MS), '--session-blocks', '10'],
  ]);
  honest = await ProviderProcess.start({
    folder: join(folder, 'honest'),
    relay: [chains.relay],
    para: [chains.para],
  });
  // Far enough for a whole set of voters to be proved at once.
  await untilRelay(honest, 22);
  honestBlobs = await BlobReader.connect(honest.blobPort);
});

afterAll(async () => {
  honestBlobs?.close();
  await honest?.stop();
  await chains?.stop();
  if (failed.count === 0) await rm(folder, { recursive: true });
  else console.error(`Logs and stores are kept in ${folder}`);
});

/** Stores an empty value on chain, which is another thing than to store none. */
async function putEmptyValue(): Promise<void> {
  const api = await ApiPromise.create({
    provider: new WsProvider(chains.para) as NonNullable<ApiOptions['provider']>,
    noInitWarn: true,
  });
  try {
    const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
    const call = api.tx['system']!['setStorage']!([['0x1234', '0x']]);
    await api.tx['sudo']!['sudo']!(call).signAndSend(alice);
  } finally {
    await api.disconnect();
  }
}

async function untilRelay(provider: ProviderProcess, height: number): Promise<number> {
  const { relay } = await until(
    `the provider has relay block ${height}`,
    () => provider.heights(),
    (now) => now.relay >= height,
    60_000,
  );
  return relay;
}

/** The line by which it says what is wrong. */
function refusalIn(log: readonly LogLine[], url: string, { code, check, block }: Case) {
  return log.find(({ error }) => {
    const facts = error?.facts ?? {};
    return (
      error?.code === code &&
      facts['endpoint'] === url &&
      (check === undefined || facts['check'] === check) &&
      (block === undefined || facts['block'] === block)
    );
  });
}

/** What a provider serves of every height is what the honest one serves, and a worker takes it from the genesis on. */
async function expectTruth(provider: ProviderProcess): Promise<void> {
  const { relay, para } = await provider.heights();
  const blobs = await BlobReader.connect(provider.blobPort);
  try {
    await untilRelay(honest, relay);
    const about = { paraId: PARA_ID, relay: [2, relay], para: [0, para] } as const;
    expect(await differencesOf(blobs, honestBlobs, about)).toEqual([]);
    await feedWorker(blobs, { paraId: PARA_ID, relayHeight: relay });
  } finally {
    blobs.close();
  }
}

interface Scene {
  provider: ProviderProcess;
  liars: LyingNode[];
}

/** Runs something on a provider with liars of its own. */
async function withProvider(
  name: string,
  nodes: { relay?: LyingNodeOptions[]; para?: LyingNodeOptions[] },
  andHonest: boolean,
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  const start = (all: LyingNodeOptions[] = []) =>
    Promise.all(all.map((one) => LyingNode.start(one)));
  const [relay, para] = [await start(nodes.relay), await start(nodes.para)];
  const urls = (liars: LyingNode[], node: string) => [
    ...liars.map(({ url }) => url),
    ...(andHonest || liars.length === 0 ? [node] : []),
  ];
  const provider = await ProviderProcess.start({
    folder: join(folder, name.replaceAll(' ', '-')),
    relay: urls(relay, chains.relay),
    para: urls(para, chains.para),
  });
  try {
    await run({ provider, liars: [...relay, ...para] });
    expect(provider.ended).toBeUndefined();
  } catch (error) {
    failed.count += 1;
    throw error;
  } finally {
    await provider.stop();
    await Promise.all([...relay, ...para].map((liar) => liar.stop()));
  }
}

// Those that take longest are begun first.
describe.concurrent('an honest node behind', () => {
  it('all the liars of both chains is found at once', async () => {
    // Lies that only a subscription tells come from the first node alone; a node that hangs takes its time.
    const told = cases.filter(
      ({ lie, code }) =>
        lie !== lies.finality.announcedSignature &&
        lie !== lies.finality.announcedOtherSet &&
        lie !== lies.changes.emptyToNone &&
        code !== 'CALL_TIMEOUT',
    );
    // Those who lie about the beginning come first: it is asked of one that tells the truth of it.
    const isOfBeginning = ({ check = '' }: Case) => /^(genesis state|validation data)$/.test(check);
    const of = (side: Case['side']) =>
      told
        .filter((one) => one.side === side)
        .sort((a, b) => Number(isOfBeginning(b)) - Number(isOfBeginning(a)));
    const nodes = (side: Case['side']) =>
      of(side).map(({ lie, lacks = [] }) => ({ target: chains[side], lacks, lie: lie() }));
    const all = { relay: nodes('relay'), para: nodes('para') };
    await withProvider('all liars', all, true, async ({ provider, liars }) => {
      await untilRelay(provider, (await honest.heights()).relay);
      // Whichever node is connected first is asked first, so that not every liar need have had its chance.
      const heard = [...of('relay'), ...of('para')].filter((_, i) => liars[i]!.told > 0);
      expect(heard.length).toBeGreaterThan(5);
      const missing = [...of('relay'), ...of('para')].filter((one, i) => {
        // A lie told from the start can be found out at another block than later.
        const { block: _block, check: _check, ...rest } = one;
        return liars[i]!.told > 0 && !refusalIn(provider.log, liars[i]!.url, rest);
      });
      expect(missing.map(({ what }) => what)).toEqual([]);
      await expectTruth(provider);
    });
  });

  it('one that hangs is found when a call has had its time', async () => {
    const node = { target: chains.relay, lie: lies.headers.hanging() };
    await withProvider('hanging', { relay: [node] }, true, async ({ provider }) => {
      await untilRelay(provider, (await honest.heights()).relay);
      await expectTruth(provider);
    });
  });

  it('one that stands still is found', async () => {
    const hash = await chains.ask(chains.relay, 'chain_getBlockHash', [15]);
    const node = { target: chains.relay, lie: lies.headers.stale(15, String(hash)) };
    await withProvider('stale', { relay: [node] }, true, async ({ provider }) => {
      await untilRelay(provider, (await honest.heights()).relay);
      await expectTruth(provider);
    });
  });
});

describe.concurrent('the head', () => {
  it('that a node made up is forgotten when it tells the true one', async () => {
    const node = { target: chains.relay, lie: lies.headers.futureHead() };
    await withProvider('future head', { relay: [node] }, false, async ({ provider, liars }) => {
      await until(
        'the provider takes the head for true',
        () => provider.heights(),
        ({ relayTarget }) => relayTarget > 1_000_000,
        30_000,
      );
      liars[0]!.end();
      await until(
        'the target is one of the chain',
        () => provider.heights(),
        ({ relay, relayTarget }) => relay >= 60 && Math.abs(relayTarget - relay) < 10,
        45_000,
      );
    });
  });
});

describe.concurrent('a node that lies', () => {
  it.each(cases)('is refused, named, and forgiven when it stops: $what', async (one) => {
    const options = {
      target: chains[one.side],
      ...(one.lacks ? { lacks: one.lacks } : {}),
      ...(one.when === 'start' ? { lie: one.lie() } : {}),
    };
    await withProvider(one.what, { [one.side]: [options] }, false, async ({ provider, liars }) => {
      const liar = liars[0]!;
      if (one.when === 'head') {
        await untilRelay(provider, 20);
        liar.begin(one.lie());
        await one.provoke?.();
      }
      const refusal = await until(
        `the log tells of ${one.code} ${one.check ?? ''}`,
        async () => refusalIn(provider.log, liar.url, one),
        (line) => line !== undefined,
        60_000,
      );
      expect(liar.told).toBeGreaterThan(0);
      const facts = refusal!.error!.facts!;
      const block = facts['block'] ?? facts['number'];
      if (one.code === 'BLOCK_REFUSED') {
        expect(block).toBeTypeOf('number');
        expect(facts['chain']).toBe(one.side);
      }
      // It is there, with what it has, and with nothing of what was refused.
      const now = await provider.heights();
      if (typeof block === 'number' && one.code === 'BLOCK_REFUSED') {
        expect(one.side === 'relay' ? now.relay : now.para).toBeLessThan(Math.max(block, 1));
      }
      const blobs = await BlobReader.connect(provider.blobPort);
      const served = await blobs.get('dryParaBlock:1');
      expect(served !== undefined).toBe(now.para >= 1);
      blobs.close();

      liar.end();
      await untilRelay(provider, now.relay + 12);
      await expectTruth(provider);
    });
  });
});
