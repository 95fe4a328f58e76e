import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WsProvider } from '@polkadot/api';
import { NODE_FAULTS } from '@runtime-bridge/devnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BlobReader, DevChains, feedWorker, ProviderProcess } from './lying-node/index.js';
import { Lane, nameOf, type Honest } from './node-faults/lane.js';
import { rows, withoutEffect, type Row, type Side } from './node-faults/rows.js';
import { until } from './with-demo.js';

/*
 * Every fault that the dev network knows of a node befalls one of two: data providers, each with nodes of its own, go
 * through all of them, and what they serve is in the end what one serves that saw none of it.
 */

const PARA_ID = 2004;
const LANES = 4;
const TEST_TIMEOUT_MS = 280_000;
vi.setConfig({ testTimeout: TEST_TIMEOUT_MS });

let folder: string;
let chains: DevChains;
let provider: ProviderProcess;
let honest: Honest;
const failures: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'node-faults-'));
  chains = await DevChains.start(join(folder, 'chains'), [
    ...['--block-ms', '300', '--session-blocks', '10', '--nodes', String(1 + 2 * LANES)],
  ]);
  provider = await ProviderProcess.start({
    folder: join(folder, 'honest'),
    relay: [chains.relay],
    para: [chains.para],
  });
  const untilAt = async (relay: number, para: number) => {
    await until(
      `the honest provider stands at ${relay} and ${para}`,
      () => provider.heights(),
      (now) => now.relay >= relay && now.para >= para,
      60_000,
    );
  };
  await untilAt(20, 9);
  honest = { untilAt, blobs: await BlobReader.connect(provider.blobPort) };
});

afterAll(async () => {
  honest?.blobs.close();
  await provider?.stop();
  await chains?.stop();
  if (failures.length === 0) await rm(folder, { recursive: true });
  else console.error(`Logs and stores are kept in ${folder}`);
});

describe('the table', () => {
  it('has every fault of the dev network at every chain at which it makes a difference', () => {
    const expected = (['relay', 'para'] as const).flatMap((side) =>
      Object.keys(NODE_FAULTS)
        .filter((kind) => !withoutEffect[side].includes(kind))
        .map((kind) => `${side} ${kind}`),
    );
    const listed = new Set(rows.map(({ side, kind }) => `${side} ${kind}`));
    expect([...listed].sort()).toEqual(expected.sort());
  });

  it('has what the control port can do to the chains themselves', async () => {
    const commands = await chains.control.commands();
    expect(commands.sort()).toEqual([...chainCommands, ...noFaults].sort());
  });
});

/** What the control port tells, or can only do to chains that stand still. */
const noFaults = ['heights', 'step'];
const chainCommands = [
  'pause',
  'resume',
  'finality',
  'reorg',
  'parachain',
  'upgrade',
  'disconnect',
] as const;

/** Rows for each lane, as even as can be, those from the start first. */
const dealt = Array.from({ length: LANES }, (_, lane) => {
  const of = (side: Side, fromStart: boolean) =>
    rows
      .filter((row) => row.side === side && (row.fromStart === true) === fromStart)
      .filter((_row, i) => i % LANES === lane);
  return {
    fromStart: [...of('relay', true), ...of('para', true)],
    relay: of('relay', false),
    para: of('para', false),
  };
});

describe.concurrent('one of two nodes', () => {
  it('that has a fault is answered as it should be, and nothing wrong is served', async () => {
    const lanes: Lane[] = [];
    try {
      await Promise.all(
        dealt.map(async (own, index) => {
          const nodes = [1 + 2 * index, 2 + 2 * index] as const;
          const name = `lane-${index + 1}`;
          const options = { name, folder, paraId: PARA_ID, nodes };
          const lane = await Lane.start(options, chains, honest, own.fromStart);
          lanes.push(lane);
          await Promise.all([sufferAll(lane, own.relay), sufferAll(lane, own.para)]);
          await lane.expectTruth(honest);
        }),
      );
      for (const lane of lanes) await expectFeedsWorker(lane.provider);
    } catch (error) {
      failures.push(String(error));
    } finally {
      await Promise.all(lanes.map((lane) => lane.stop()));
    }
    expect(failures).toEqual([]);
  });
});

describe.concurrent('justifications that are only announced', () => {
  it('are heard from the node that is read, also when it is not the one that was followed', async () => {
    // Neither keeps any, nor proves finality: what one announces ends ranges, the other one's is of no use.
    const own = await DevChains.start(join(folder, 'announcing'), [
      ...['--block-ms', '300', '--session-blocks', '1000', '--justification-period', '0'],
      ...['--nodes', '2'],
      ...['relay', 'relay2'].flatMap((target) => [
        '--fault',
        `${target}:error,methods=grandpa_proveFinality,code=-32601,message=Method not found`,
      ]),
    ]);
    const follower = await ProviderProcess.start({
      folder: join(folder, 'follower'),
      relay: own.nodes.relay,
      para: own.nodes.para,
    });
    const goesOnFrom = async (height: number, what: string) =>
      (
        await until(
          `${what}: ranges end`,
          () => follower.heights(),
          ({ relay }) => relay >= height + 10,
          20_000,
        )
      ).relay;
    try {
      let height = await until(
        'the follower stands at the head',
        () => follower.heights(),
        ({ relay }) => relay >= 20,
        60_000,
      ).then(({ relay }) => relay);
      // A wrong head makes announcements go elsewhere, while nothing is wrong with what is read.
      for (const target of ['relay', 'relay2', 'relay']) {
        const fault = { target, kind: 'null', methods: 'chain_getFinalizedHead', times: 1 };
        const id = await own.control.begin(fault);
        await until(
          `${target} tells of no head`,
          () => own.control.count(id),
          (count) => count > 0,
          60_000,
        );
        height = await goesOnFrom(height, `${target} has told of no head`);
        height = await goesOnFrom(height, `${target} has told of no head, later`);
      }
    } catch (error) {
      failures.push(String(error));
      throw error;
    } finally {
      await follower.stop();
      await own.stop();
    }
  });
});

describe('a chain', () => {
  /** Blocks of both chains after something happened to it. */
  const untilFurther = async (what: string, relay: number, para: number) => {
    const now = await provider.heights();
    await until(
      `${what}: heights go on`,
      () => provider.heights(),
      (later) => later.relay >= now.relay + relay && later.para >= now.para + para,
      60_000,
    );
  };
  const target = async () => (await provider.heights()).relayTarget;
  const run = (command: string, parameters: object = {}) => chains.control.run(command, parameters);

  /** What the control port can do to it, by the command that ends it. */
  const events: Record<(typeof chainCommands)[number], () => Promise<void>> = {
    disconnect: async () => {
      await run('disconnect');
      await untilFurther('connections broke', 6, 3);
    },
    reorg: async () => {
      await run('finality', { held: true });
      await until(
        'there are blocks that can be replaced',
        () => run('heights'),
        ({ relayBest, relayFinalized }) => Number(relayBest) - Number(relayFinalized) > 6,
        30_000,
      );
      const { replaced } = await run('reorg', { depth: 4 });
      expect(replaced).toBeGreaterThan(0);
      await run('finality', { held: false });
      await untilFurther('blocks were replaced', 12, 5);
    },
    finality: async () => {
      const from = (await provider.heights()).relay;
      await run('finality', { held: true });
      const { relayBest } = await run('heights');
      await until(
        'the chain is far ahead of its finality',
        () => run('heights'),
        (now) => Number(now['relayBest']) >= Number(relayBest) + 12,
        30_000,
      );
      expect((await provider.heights()).relay).toBeLessThan(from + 12);
      await run('finality', { held: false });
      await untilFurther('finality jumped', 16, 6);
    },
    parachain: async () => {
      await run('parachain', { relayBlocksPerBlock: 4 });
      await untilFurther('heads come seldom', 10, 4);
      await run('parachain', { relayBlocksPerBlock: 2 });
      await untilFurther('heads come as before', 6, 3);
    },
    upgrade: async () => {
      const specVersion = 1290;
      await run('upgrade', { specVersion });
      const rpc = new WsProvider(chains.para);
      try {
        await until(
          'the parachain runs new code',
          () => rpc.send<{ specVersion: number }>('state_getRuntimeVersion', []),
          (version) => version.specVersion === specVersion,
          60_000,
        );
      } finally {
        await rpc.disconnect();
      }
      await untilFurther('blocks of the new code are made', 12, 5);
    },
    pause: async () => {
      await run('pause');
      const stood = await target();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      expect(await target()).toBeLessThanOrEqual(stood + 2);
      await events.resume();
    },
    resume: async () => {
      await run('resume');
      await untilFurther('blocks are made again', 6, 3);
    },
  };

  it.each(chainCommands)('is followed through: %s', async (command) => {
    await events[command]();
  });

  it('that went through all of it is taken by a worker, from the genesis on', async () => {
    await expectFeedsWorker(provider);
  });
});

/** Goes on after a row that fails, so that one run tells of all. */
async function sufferAll(lane: Lane, all: readonly Row[]): Promise<void> {
  for (const row of all) {
    try {
      await lane.suffer(row, honest);
    } catch (error) {
      failures.push(`${nameOf(row)} in ${lane.name}: ${String(error)}`);
    }
  }
}

async function expectFeedsWorker(of: ProviderProcess): Promise<void> {
  const blobs = await BlobReader.connect(of.blobPort);
  try {
    const { relay } = await of.heights();
    await feedWorker(blobs, { paraId: PARA_ID, relayHeight: relay });
  } finally {
    blobs.close();
  }
}
