import { join } from 'node:path';
import { readWorkerInfo } from '@runtime-bridge/auditor';
import {
  PRUNTIME_VERSIONS,
  startWorkers,
  type PruntimeVersion,
} from '@runtime-bridge/devnet/workers';
import type { ProviderProcess } from '../lying-node/index.js';
import { until } from '../with-demo.js';
import { LifecycleProcess, walkieAddressIn } from './lifecycle-process.js';

/** Where a bridge with workers of several eras is to arrive. */
export interface EraWorkersOptions {
  folder: string;
  para: string;
  /** Heights that the workers have to reach. */
  relayHeight: number;
  paraHeight: number;
  pruntime?: readonly PruntimeVersion[];
  /** Of the lifecycle manager. */
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

/**
 * A worker of each era is brought from its genesis to the head by a lifecycle manager, out of one data provider. The
 * workers prove every header, proof and state for themselves. Throws with the workers' states when they do not arrive.
 */
export async function syncEraWorkers(
  provider: ProviderProcess,
  options: EraWorkersOptions,
): Promise<void> {
  const { folder, relayHeight, paraHeight, pruntime = PRUNTIME_VERSIONS } = options;
  const address = await until(
    'the provider is on Walkie',
    async () => walkieAddressIn(provider.log),
    (found) => found !== undefined,
    30_000,
  );
  const workers = await startWorkers({
    count: pruntime.length,
    basePort: 0,
    dataDir: undefined,
    pruntime,
    seed: 'eras',
  });
  let manager: LifecycleProcess | undefined;
  try {
    manager = await LifecycleProcess.start({
      folder: join(folder, 'lifecycle'),
      para: options.para,
      providers: [address!],
      ...(options.env ? { env: options.env } : {}),
    });
    await manager.addWorkers(workers.urls);
    const found = manager;
    await until(
      `workers of ${pruntime.join(', ')} stand at relay block ${relayHeight}, para block ${paraHeight}`,
      async () => ({
        heights: await Promise.all(
          workers.urls.map(async (url) => {
            const { relayNext, blockNext } = await readWorkerInfo(url);
            return { relay: relayNext - 1, para: blockNext - 1 };
          }),
        ),
        states: await found.states(),
      }),
      ({ heights }) =>
        heights.every(({ relay, para }) => relay >= relayHeight && para >= paraHeight),
      options.timeoutMs ?? 120_000,
    );
  } finally {
    await manager?.stop();
    await workers.stop();
  }
}
