import type { ChainHeads, WorkerDetail, WorkerRow } from '../../../src/api/contract.js';
import { formatPha } from '../../../src/api/amounts.js';
import { ExplainedChip } from '../components/chip.js';
import { Copyable } from '../components/copyable.js';
import { Fact, Facts, Panel } from '../components/page.js';
import {
  countOf,
  formatCount,
  formatDecimal,
  formatMib,
  formatRate,
  formatSpan,
  percentOf,
  UNKNOWN,
} from '../view/format.js';
import { lookOfSession } from '../view/tones.js';
import { etaOf, type FleetFrame } from '../view/worker-list.js';

/** Each height beside what it has to reach. */
export function HeightsPanel({
  worker,
  heads,
  frame,
}: {
  worker: WorkerRow;
  heads: ChainHeads | undefined;
  frame: FleetFrame;
}) {
  const eta = etaOf(worker, frame);
  return (
    <Panel
      title="Where it stands"
      icon="head"
      aside={
        worker.perMinute === null ? null : (
          <span>
            {formatRate(worker.perMinute)} blocks/min
            {eta === undefined ? '' : ` · head in ${formatSpan(eta * 1_000)}`}
          </span>
        )
      }
    >
      <div className="rb-stack">
        <Height label="Para blocks" height={worker.paraBlock} head={heads?.para ?? null} />
        <Height label="Para headers" height={worker.paraHeader} head={heads?.para ?? null} />
        <Height label="Relay headers" height={worker.relayHeader} head={heads?.relay ?? null} />
      </div>
    </Panel>
  );
}

function Height({
  label,
  height,
  head,
}: {
  label: string;
  height: number | null;
  head: number | null;
}) {
  const percent = percentOf(height, head);
  const lag = height === null || head === null ? undefined : Math.max(0, head - height);
  return (
    <div className="rb-meter">
      <div className="rb-meter-head">
        <span>{label}</span>
        <span className="rb-figures">
          <b>{formatCount(height)}</b>
          <span className="rb-dim"> of {formatCount(head)}</span>
        </span>
      </div>
      <div
        className="rb-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
      >
        <span
          className={`rb-track-fill ${lag !== undefined && lag <= 10 ? 'rb-track-ok' : ''}`}
          style={{ width: `${percent ?? 0}%` }}
        />
      </div>
      <div className="rb-meter-foot">
        {lag === undefined
          ? 'not known'
          : lag <= 3
            ? 'at the head'
            : `${countOf(lag, 'block')} behind`}
      </div>
    </div>
  );
}

/** What the chain says. */
export function ChainPanel({
  worker,
  detail,
}: {
  worker: WorkerRow;
  detail: WorkerDetail | undefined;
}) {
  const { session } = worker;
  const look = lookOfSession(session?.state ?? null);
  const coolDown = coolDownOf(detail?.session);
  return (
    <Panel title="On chain" icon="link" aside={<ExplainedChip look={look} />}>
      <Facts>
        <Fact label="V">{formatDecimal(session?.v, 4)}</Fact>
        <Fact label="Ve">{formatDecimal(session?.ve, 4)}</Fact>
        <Fact label="Rewards">
          {session?.reward === null || session?.reward === undefined
            ? UNKNOWN
            : `${formatPha(session.reward, 4)} PHA`}
        </Fact>
        <Fact label="Stake wanted">{formatPha(worker.stake)} PHA</Fact>
        <Fact label="P init">{formatCount(session?.pInit)}</Fact>
        <Fact label="P instant">{formatCount(session?.pInstant)}</Fact>
        {coolDown === undefined ? null : <Fact label="Cooling down since">{coolDown}</Fact>}
        <Fact label="Session account">
          {session?.account === null || session?.account === undefined ? (
            UNKNOWN
          ) : (
            <Copyable text={session.account} what="session account" />
          )}
        </Fact>
        <Fact label="Public key">
          {worker.publicKey === '' ? (
            UNKNOWN
          ) : (
            <Copyable text={`0x${worker.publicKey}`} what="public key" />
          )}
        </Fact>
      </Facts>
    </Panel>
  );
}

/** When a cool-down began, where one is; the chain tells it in seconds. */
function coolDownOf(session: Record<string, unknown> | null | undefined): string | undefined {
  const raw = session?.['raw'] as Record<string, unknown> | undefined;
  const seconds = Number(raw?.['coolDownStart'] ?? 0);
  return seconds > 0
    ? new Date(seconds * 1_000).toISOString().slice(0, 16).replace('T', ' ')
    : undefined;
}

/** What pRuntime says of itself. */
export function RuntimePanel({
  worker,
  detail,
}: {
  worker: WorkerRow;
  detail: WorkerDetail | undefined;
}) {
  const { runtime } = worker;
  const told = plainFacts(detail?.runtime);
  return (
    <Panel title="pRuntime" icon="cpu">
      <Facts>
        <Fact label="Version">{runtime?.version ?? UNKNOWN}</Fact>
        <Fact label="Revision">
          {runtime?.gitRevision === null || runtime?.gitRevision === undefined ? (
            UNKNOWN
          ) : (
            <code>{runtime.gitRevision.slice(0, 12)}</code>
          )}
        </Fact>
        <Fact label="Memory">{formatMib(runtime?.memoryMib)}</Fact>
        <Fact label="Memory, peak">{formatMib(runtime?.peakMemoryMib)}</Fact>
        <Fact label="Initialized">
          {detail === undefined ? UNKNOWN : detail.initialized ? 'yes' : 'no'}
        </Fact>
        <Fact label="Sync only">{worker.syncOnly ? 'yes' : 'no'}</Fact>
      </Facts>
      {told.length === 0 ? null : (
        <details className="rb-more">
          <summary>All it tells</summary>
          <Facts>
            {told.map(([name, value]) => (
              <Fact key={name} label={name}>
                {value}
              </Fact>
            ))}
          </Facts>
        </details>
      )}
    </Panel>
  );
}

/** Values of an object, one level deep, as text. */
function plainFacts(value: object | null | undefined): [string, string][] {
  return Object.entries(value ?? {}).flatMap(([name, one]: [string, unknown]) => {
    if (typeof one !== 'object' || one === null) return factOf(name, one);
    return Object.entries(one).flatMap(([inner, deep]: [string, unknown]) =>
      factOf(`${name}.${inner}`, deep),
    );
  });
}

function factOf(name: string, value: unknown): [string, string][] {
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
  return isPlain && value !== '' ? [[name, `${value as string | number | boolean}`]] : [];
}
