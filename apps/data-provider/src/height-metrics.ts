import type { MetricsRegister } from '@runtime-bridge/base';
import type { ProviderInfo } from './provider-info.js';

/** Heights as metrics, read at each scrape. */
export function exposeHeights(metrics: MetricsRegister, info: () => ProviderInfo): void {
  metrics.gauge({
    name: 'runtime_bridge_provider_height_blocks',
    help: 'Heights by chain: finalised at the nodes, stored, served in blobs, closed by a set change',
    labels: ['chain', 'stage'],
    collect: (gauge) => {
      const now = info();
      gauge.set(now.parentTarget, { chain: 'relay', stage: 'finalized' });
      gauge.set(now.parentFetchedHeight, { chain: 'relay', stage: 'fetched' });
      gauge.set(now.parentProcessedHeight, { chain: 'relay', stage: 'built' });
      gauge.set(now.parentCommittedHeight, { chain: 'relay', stage: 'sealed' });
      gauge.set(now.paraTarget, { chain: 'para', stage: 'finalized' });
      gauge.set(now.paraFetchedHeight, { chain: 'para', stage: 'fetched' });
    },
  });
}
