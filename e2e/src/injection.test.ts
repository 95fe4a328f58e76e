import { readWorkerInfo } from '@runtime-bridge/auditor';
import type { Demo } from '@runtime-bridge/demo';
import { describe, expect, it } from 'vitest';
import { Injector, type InjectionKind } from './injector/index.js';
import { until, untilWorkers, withDemo } from './with-demo.js';

type Height = 'relayNext' | 'paraNext' | 'blockNext';

interface Case {
  kind: InjectionKind;
  /** What pRuntime says to it. */
  answer: RegExp;
  /** Injected first, so that the worker falls behind and its next bodies hold several headers and blocks. */
  first?: InjectionKind;
  /**
   * Heights that must stand still meanwhile. A combined call is not atomic: its relay headers stay when its para headers
   * are refused. None where the bridge goes on with single headers, of which none can be swapped or left out.
   */
  standing: Height[];
}

/** Blocks whose headers were accepted before may still be dispatched. */
const headers: Height[] = ['relayNext', 'paraNext'];

const cases: Case[] = [
  { kind: 'justificationByte', answer: /HeaderValidateFailed/, standing: headers },
  {
    kind: 'swapBlocks',
    first: 'justificationByte',
    answer: /BlockNumberMismatch/,
    standing: ['blockNext'],
  },
  { kind: 'relayHeaderByte', answer: /HeaderValidateFailed|HeaderHashMismatch/, standing: headers },
  {
    kind: 'dropBlock',
    first: 'justificationByte',
    answer: /BlockNumberMismatch/,
    standing: ['blockNext'],
  },
  {
    kind: 'swapRelayHeaders',
    first: 'justificationByte',
    answer: /HeaderHashMismatch|BlockNumberMismatch/,
    standing: [],
  },
  { kind: 'storageChangeByte', answer: /StateRootMismatch/, standing: ['blockNext'] },
  {
    kind: 'dropRelayHeader',
    first: 'justificationByte',
    answer: /HeaderHashMismatch|BlockNumberMismatch/,
    standing: [],
  },
  { kind: 'dropStorageChange', answer: /StateRootMismatch/, standing: ['blockNext'] },
  { kind: 'paraProofByte', answer: /StorageProofFailed/, standing: ['paraNext'] },
  { kind: 'paraHeaderByte', answer: /StorageProofFailed/, standing: ['paraNext'] },
];

/** Blocks go to a worker that is behind in twos. */
const batches = {
  PHALA_ENABLE_PARA_BATCH_SYNC: 'true',
  PHALA_DATA_PROVIDER_BLOB_MAX_PARA_BLOCK_RANGE_COUNT: '2',
};

describe('one thing changed between the bridge and a worker', () => {
  it('is refused with pRuntime’s own words, harms nobody else, and is over when it ends', async () => {
    let injector: Injector | undefined;
    const behindInjector = async (url: string) => {
      if (injector) return url;
      injector = await Injector.start({ target: url });
      return injector.url;
    };
    try {
      await withDemo(
        { workers: 2 },
        async (demo) => {
          await untilWorkers(demo, 'both active', (states) =>
            states.every(({ status }) => status === 'S_ACTIVE'),
          );
          for (const one of cases) await checkCase(demo, injector!, one);
        },
        { endpointOf: behindInjector, serviceEnv: batches },
      );
    } finally {
      await injector?.stop();
    }
  }, 600_000);
});

async function checkCase(
  demo: Demo,
  injector: Injector,
  { kind, first, answer, standing }: Case,
): Promise<void> {
  const [victimUrl, otherUrl] = demo.network.workerUrls as [string, string];
  const stateOf = async (index: number) => {
    const states = await demo.monitor.workerStates(demo.peers.manager);
    return states.find(({ worker }) => worker?.name === demo.workers[index]!.name)!;
  };
  const otherBefore = await readWorkerInfo(otherUrl);
  if (first) {
    injector.inject({ kind: first });
    await until(
      `${kind}: behind by more than an authority set's blocks`,
      async () =>
        (await readWorkerInfo(otherUrl)).blockNext - (await readWorkerInfo(victimUrl)).blockNext,
      (behind) => behind > 12,
      90_000,
    );
  }
  const seen = injector.injected.length;
  injector.inject({ kind });
  await until(
    `${kind}: something was changed`,
    async () => injector.injected.length,
    (count) => count > seen,
    60_000,
  );
  const refused = await readWorkerInfo(victimUrl);
  await until(
    `${kind}: the refusal in the last message`,
    () => stateOf(0),
    ({ lastMessage }) => answer.test(lastMessage ?? ''),
    60_000,
  );
  const still = await readWorkerInfo(victimUrl);
  for (const height of standing)
    expect({ kind, [height]: still[height] }).toEqual({ kind, [height]: refused[height] });

  const taken = injector.injected
    .slice(seen)
    .filter((record) => !/"status":"error"/.test(record.answer));
  expect({ kind, taken }).toEqual({ kind, taken: [] });

  const other = await stateOf(1);
  expect({ kind, status: other.status }).toEqual({ kind, status: 'S_ACTIVE' });
  await until(
    `${kind}: the other worker moves on`,
    () => readWorkerInfo(otherUrl),
    ({ blockNext }) => blockNext > otherBefore.blockNext,
    30_000,
  );

  injector.clear();
  await until(
    `${kind}: active again by itself`,
    () => stateOf(0),
    ({ status }) => status === 'S_ACTIVE',
    120_000,
  );
  await until(
    `${kind}: at the head again`,
    async () => ({
      victim: await readWorkerInfo(victimUrl),
      other: await readWorkerInfo(otherUrl),
    }),
    (now) => now.victim.blockNext >= now.other.blockNext - 2,
    60_000,
  );
}
