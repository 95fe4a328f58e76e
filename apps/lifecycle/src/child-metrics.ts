import type { ChildProcess } from 'node:child_process';

import type { ProcessMetricsInlet } from '@runtime-bridge/fleet';
import { SampledMetrics, type MetricFamily } from '@runtime-bridge/fleet/runner';

/** All snapshots are wrapped in this, so that the channel can be shared. */
const TAG = 'runtime-bridge/metrics';
/** Between two snapshots of a child, well below the usual interval of scrapes. */
const INTERVAL_MS = 5_000;

/** What a child tells of its own process, and the line that it tells it on. */
interface Reporter {
  readonly memoryUsage: { rss(): number };
  /** In microseconds. */
  cpuUsage(): { user: number; system: number };
}

/** The metrics of a child, of which its parent gets a snapshot every few seconds until `stop` is called. */
export function reportMetrics(
  child: Reporter,
  parent: { readonly connected: boolean; send(message: unknown): boolean },
  intervalMs = INTERVAL_MS,
): { metrics: SampledMetrics; stop: () => void } {
  const metrics = new SampledMetrics();
  metrics.gauge({
    name: 'runtime_bridge_child_resident_memory_bytes',
    help: 'Resident memory of a child process',
    collect: (gauge) => gauge.set(child.memoryUsage.rss()),
  });
  metrics.gauge({
    name: 'runtime_bridge_child_cpu_seconds',
    help: 'CPU time of a child process since its start',
    collect: (gauge) => {
      const { user, system } = child.cpuUsage();
      gauge.set((user + system) / 1e6);
    },
  });
  const timer = setInterval(() => {
    if (parent.connected) parent.send({ tag: TAG, families: metrics.snapshot() });
  }, intervalMs);
  timer.unref();
  return { metrics, stop: () => clearInterval(timer) };
}

/** Shows a child's snapshots as long as it lives. @returns the child */
export function showMetrics(child: ChildProcess, inlet: ProcessMetricsInlet): ChildProcess {
  child.on('message', (message) => {
    const told = message as { tag?: unknown; families?: readonly MetricFamily[] } | null;
    if (told?.tag === TAG && told.families) inlet.take(told.families);
  });
  child.once('exit', () => inlet.end());
  return child;
}
