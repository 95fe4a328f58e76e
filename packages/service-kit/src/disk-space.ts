import { statfsSync, type StatsFs } from 'node:fs';
import { dirname } from 'node:path';
import type { MetricsRegister } from '@runtime-bridge/base';

/** Shows at each scrape how much room a service's folders have. A folder that is not there yet is asked for by its parent. */
export function exposeDiskSpace(metrics: MetricsRegister, folders: readonly string[]): void {
  metrics.gauge({
    name: 'runtime_bridge_disk_free_bytes',
    help: 'Bytes that an ordinary user may still write to the disk of a folder',
    labels: ['folder'],
    collect: (gauge) => {
      for (const folder of folders) {
        const disk = diskOf(folder);
        if (disk) gauge.set(disk.bavail * disk.bsize, { folder });
      }
    },
  });
  metrics.gauge({
    name: 'runtime_bridge_disk_size_bytes',
    help: 'Bytes that the disk of a folder holds in all',
    labels: ['folder'],
    collect: (gauge) => {
      for (const folder of folders) {
        const disk = diskOf(folder);
        if (disk) gauge.set(disk.blocks * disk.bsize, { folder });
      }
    },
  });
}

function diskOf(folder: string): StatsFs | undefined {
  try {
    return statfsSync(folder);
  } catch {
    const parent = dirname(folder);
    return parent === folder ? undefined : diskOf(parent);
  }
}
