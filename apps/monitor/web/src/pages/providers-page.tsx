import { Nothing, Page } from '../components/page.js';
import { ProviderCard } from '../components/provider-card.js';
import { useModel } from '../live/fleet-context.js';

/** All data providers. */
export function ProvidersPage() {
  const model = useModel();
  const providers = [...model.providers.values()];
  return (
    <Page
      title="Data providers"
      lead="They fetch both chains, verify every block, and serve them to the managers."
    >
      {providers.length === 0 ? (
        <Nothing icon="database" title="No data provider has been found">
          <p>
            Start one, or name its address in <code>PTP_BOOT_NODES</code> of the monitor: it logs it
            as “Walkie is up”.
          </p>
        </Nothing>
      ) : (
        <div className="rb-cards">
          {providers.map((provider) => (
            <ProviderCard key={provider.peerId} provider={provider} />
          ))}
        </div>
      )}
    </Page>
  );
}
