import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ProviderProcess, type ProviderHeights } from '../lying-node/index.js';
import { until } from '../with-demo.js';
import type { Random } from './random.js';
import { inspectHeights, verifyStore } from './store-command.js';

/** A chain that does not go on, and how its provider is killed. */
export interface KilledSyncOptions {
  /** Of the provider's store, keys and log. */
  folder: string;
  relay: readonly string[];
  para: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** A process is killed at most this long after it has begun to work. */
  maxLifeMs: number;
  /** The heights at which the store is whole. */
  head: StoredHeights;
  /** Kills that may still be done. */
  maxKills: number;
  /** Whether `verify` proves what each kill left. @default false */
  verifyEach?: boolean;
}

/** Last blocks that are stored. */
export interface StoredHeights {
  relay: number;
  para: number;
}

/** What a kill left. */
export interface Kill {
  lifeMs: number;
  /** Undefined: before the genesis was stored. */
  heights: StoredHeights | undefined;
}

/** Whether a kill left a store that has all. */
export function isWhole({ heights }: Kill, head: StoredHeights): boolean {
  return heights !== undefined && heights.relay >= head.relay && heights.para >= head.para;
}

/**
 * A sync from empty whose process is killed with SIGKILL at random moments, again and again, until its store is whole or
 * all kills are done; then it ends by itself. After each kill `verify` may prove what is there.
 */
export async function killedSync(options: KilledSyncOptions, random: Random): Promise<Kill[]> {
  const kills: Kill[] = [];
  while (kills.length < options.maxKills) {
    const provider = await ProviderProcess.start(options);
    const lifeMs = random.below(options.maxLifeMs);
    await until(
      'the provider begins',
      async () => provider.log.length + (provider.ended === undefined ? 0 : 1),
      (count) => count > 0,
      60_000,
      5,
    );
    await new Promise((resolve) => setTimeout(resolve, lifeMs));
    if (provider.ended !== undefined) throw new Error(`It ended by itself: ${provider.ended}`);
    await provider.kill();
    const kill = { lifeMs, heights: await examine(options) };
    kills.push(kill);
    if (isWhole(kill, options.head)) return kills;
  }
  const provider = await ProviderProcess.start(options);
  await untilHead(provider, options.head.relay);
  await provider.kill();
  return kills;
}

/** Waits until a provider has made blobs up to a relay height. */
export function untilHead(
  provider: ProviderProcess,
  headHeight: number,
  timeoutMs = 120_000,
): Promise<ProviderHeights> {
  return until(
    `the provider has relay block ${headHeight}`,
    () => provider.heights(),
    ({ relay }) => relay >= headHeight,
    timeoutMs,
  );
}

/** Looks at a copy of what is there: opening a store mends what a kill left, and that is up to the provider. */
async function examine({
  folder,
  verifyEach = false,
}: KilledSyncOptions): Promise<Kill['heights']> {
  const copy = join(folder, 'copy');
  await rm(copy, { recursive: true, force: true });
  const exists = await cp(join(folder, 'store'), copy, { recursive: true }).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  await mkdir(copy, { recursive: true });
  const heights = await inspectHeights(copy);
  if (heights && verifyEach) await verifyStore(copy);
  await rm(copy, { recursive: true, force: true });
  return heights;
}
