import { Button } from '@mantine/core';
import { Icon } from '../components/icons.js';
import { useNow } from '../components/use-now.js';
import { useFleet, useFleetLink } from '../live/fleet-context.js';
import { formatSpan, formatTime } from '../view/format.js';

/** Whether the page is live, in a word. */
export function LinkMark() {
  const { link } = useFleet();
  switch (link.kind) {
    case 'live':
      return (
        <span
          className="rb-link rb-ok"
          title="What you see is current; changes show by themselves."
        >
          <span className="rb-link-dot" aria-hidden="true" />
          Live
        </span>
      );
    case 'connecting':
      return (
        <span className="rb-link rb-info">
          <Icon name="sync" size={14} />
          Connecting
        </span>
      );
    case 'lost':
    case 'over':
      return (
        <span className="rb-link rb-bad">
          <Icon name="unlink" size={14} />
          Link lost
        </span>
      );
  }
}

/** Says plainly that what is shown is old, and since when. */
export function LostBanner() {
  const { link, model } = useFleet();
  const fleetLink = useFleetLink();
  const now = useNow();
  const isLost = link.kind === 'lost';
  return (
    <div role="alert" className="rb-lost-room">
      {isLost ? (
        <div className="rb-lost">
          <Icon name="unlink" size={20} />
          <div>
            <strong>The link to the monitor is lost.</strong>{' '}
            {model === undefined ? (
              <>It has not answered yet.</>
            ) : (
              <>
                What you see is as of <time>{formatTime(model.atMs)}</time>
                <span aria-hidden="true"> ({formatSpan(now - model.atMs)} old)</span>.
              </>
            )}{' '}
            It is tried again by itself.
          </div>
          <Button size="compact-sm" variant="default" onClick={() => fleetLink.tryNow()}>
            Try now
          </Button>
        </div>
      ) : null}
    </div>
  );
}
