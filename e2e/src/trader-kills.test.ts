import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRecord } from './trader/chain-record.js';
import { CHARLIE, hasRedis, KillRig } from './trader/kill-rig.js';

/** Calls and deaths of one run; the long form has 500 and 100. */
const CALLS = Number(process.env['TRADER_KILLS_CALLS'] ?? 100);
const KILLS = Number(process.env['TRADER_KILLS'] ?? 16);
const SEED = Number(process.env['TRADER_KILLS_SEED'] ?? Date.now() % 1_000_000);
const victims = ['trader', 'manager', 'redis', 'node'] as const;
/** Between two deaths. */
const GAP_MS = { least: 500, most: 3_000 };
const PATIENCE_MS = 180_000;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until all calls are answered, then holds them against the chain. */
async function judge(rig: KillRig): Promise<Record<string, unknown>> {
  const open = async () => {
    const answers = await rig.answers();
    const done = new Set(answers.filter(({ outcome }) => outcome.ok).map(({ id }) => id));
    return rig.ids.filter((id) => !done.has(id));
  };
  const end = Date.now() + PATIENCE_MS;
  while ((await open()).length > 0 && Date.now() < end) await pause(500);
  expect(await open()).toEqual([]);
  // Should anything be sent that ought not to be, it is in a block by then.
  await pause(5_000);
  const origins = rig.messages.map(({ origin }) => origin);
  const record = await readRecord(rig.paraUrl, CHARLIE, origins);
  const times = rig.messages.map(({ signed }) => record.times.get(signed) ?? 0);
  expect(times.filter((count) => count !== 1)).toEqual([]);
  expect([...record.ingress.values()].filter((next) => next !== 1n)).toEqual([]);
  expect(record.nonces).toEqual(record.nonces.map((_, index) => index));
  const answers = await rig.answers();
  const unfounded = answers.filter(
    ({ outcome }) => outcome.ok && !record.hashes.has(outcome.txHash ?? ''),
  );
  expect(unfounded).toEqual([]);
  return {
    transactions: record.nonces.length,
    answers: answers.length,
    failures: answers.flatMap(({ outcome }) => (outcome.ok ? [] : [outcome.error?.code])),
    blocks: record.blocks,
  };
}

/** Runs a story on processes of its own; their logs are kept when it ends badly. */
async function withRig(
  options: Omit<ConstructorParameters<typeof KillRig>[0], 'folder'>,
  run: (rig: KillRig, deaths: string[]) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'trader-kills-'));
  const rig = new KillRig({ ...options, folder });
  const deaths: string[] = [];
  const startedAtMs = Date.now();
  try {
    await rig.start();
    await pause(8_000);
    await run(rig, deaths);
    const killedForSec = Math.round((Date.now() - startedAtMs) / 1_000);
    const judged = await judge(rig);
    const totalSec = Math.round((Date.now() - startedAtMs) / 1_000);
    const counts = new Map<string, number>();
    for (const death of deaths) counts.set(death, (counts.get(death) ?? 0) + 1);
    console.log(
      JSON.stringify({
        ...{ seed: SEED, calls: options.calls, deaths: Object.fromEntries(counts) },
        ...{ killedForSec, totalSec },
        ...judged,
      }),
    );
  } catch (error) {
    console.error(`seed ${SEED}, ${deaths.join(', ')}; logs are kept in ${folder}`);
    await rig.stop();
    throw error;
  }
  await rig.stop();
  await rm(folder, { recursive: true, force: true });
}

describe.skipIf(!hasRedis())(
  'deaths at random moments leave each call in effect exactly once, and answered',
  () => {
    it('kill -9 of trader, manager, Redis (empty afterwards) and node', async () => {
      const random = randomOf(SEED);
      const askForMs = (KILLS * (GAP_MS.least + GAP_MS.most)) / 2;
      await withRig({ calls: CALLS, askForMs }, async (rig, deaths) => {
        for (let index = 0; index < KILLS; index += 1) {
          await pause(GAP_MS.least + random() * (GAP_MS.most - GAP_MS.least));
          const victim = victims[Math.floor(random() * victims.length)]!;
          deaths.push(victim);
          rig.kill(victim);
        }
      });
    }, 900_000);

    it('of one of two traders with journals of their own, killed or stopped for a while', async () => {
      const random = randomOf(SEED + 1);
      const deathsWanted = Math.ceil(KILLS / 3);
      const askForMs = deathsWanted * 3_500;
      await withRig({ calls: Math.ceil(CALLS / 3), askForMs, traders: 2 }, async (rig, deaths) => {
        for (let index = 0; index < deathsWanted; index += 1) {
          await pause(1_500 + random() * 4_000);
          const victim = random() < 0.5 ? 'trader' : 'trader2';
          if (random() < 0.5) {
            deaths.push(`${victim} killed`);
            rig.kill(victim);
          } else {
            deaths.push(`${victim} stopped`);
            await rig.pause(victim, 4_000);
          }
        }
      });
    }, 900_000);
  },
);
