import type { ProviderRow } from '../../../src/api/contract.js';
import { formatAddress, formatAgo, formatCount } from '../view/format.js';
import { lookOfProvider } from '../view/tones.js';
import { ChainMeter } from './chain-meter.js';
import { ExplainedChip } from './chip.js';
import { Copyable } from './copyable.js';
import { Fact, Facts, Note } from './page.js';
import { useNow } from './use-now.js';

/** A data provider: how far it is on both chains, and how it answers. */
export function ProviderCard({
  provider,
  brief = false,
}: {
  provider: ProviderRow;
  brief?: boolean;
}) {
  const now = useNow(5_000);
  return (
    <article className={brief ? 'rb-stack' : 'rb-card'} aria-label={provider.hostname}>
      <div className="rb-card-head">
        <h3>{provider.hostname || provider.peerId.slice(-8)}</h3>
        <ExplainedChip look={lookOfProvider(provider)} />
      </div>
      {provider.problem === null ? null : (
        <Note shade="bad" icon="warning">
          {provider.problem.message} <span>({formatAgo(provider.problem.sinceMs, now)})</span>
        </Note>
      )}
      <ChainMeter label="Relay chain" progress={provider.relay} />
      <ChainMeter label="Parachain" progress={provider.para} />
      {brief ? null : (
        <Facts>
          <Fact label="Fetched, relay">{formatCount(provider.relay.fetched)}</Fact>
          <Fact label="Fetched, para">{formatCount(provider.para.fetched)}</Fact>
          <Fact label="Parachain id">{provider.paraId ?? '–'}</Fact>
          <Fact label="Answers in">
            {provider.latencyMs === null ? '–' : `${formatCount(provider.latencyMs)} ms`}
          </Fact>
          <Fact label="Last answer">{formatAgo(provider.answeredMs, now)}</Fact>
          <Fact label="Bridge">{provider.bridgeIdentity}</Fact>
          <Fact label="Peer id">
            <Copyable text={provider.peerId} what="peer id" />
          </Fact>
          <Fact label="Chain">
            <Copyable text={provider.chainIdentity} what="chain identity" />
          </Fact>
          <Fact label="Reached at">
            <code>{formatAddress(provider.multiaddr)}</code>
          </Fact>
        </Facts>
      )}
    </article>
  );
}
