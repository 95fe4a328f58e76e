import {
  stateMeanings,
  workerStates,
  type ChainProgress,
  type FleetState,
  type PeerRow,
  type ProviderRow,
  type Tone,
  type WorkerRow,
  type WorkerState,
} from '../api/index.js';
import { html, type SafeHtml } from './html.js';

/** What of the workers is shown. */
export interface PlainFilter {
  /** Name of a state; all when undefined. */
  state?: string | undefined;
  /** Part of a name, endpoint or message. */
  text?: string | undefined;
}

/** Rows of one page; more would make it slow, and the filter finds the others. */
const MAX_WORKER_ROWS = 300;

const ICONS: Readonly<Record<Tone, string>> = { good: '●', busy: '◐', idle: '○', bad: '▲' };

/** The whole page. It shows everything without its script, which only keeps it up to date. */
export function renderPage(
  fleet: FleetState,
  filter: PlainFilter,
  { hasDashboard }: { hasDashboard: boolean },
): SafeHtml {
  const other = hasDashboard
    ? html`<p>This is the plain page. <a href="/">To the dashboard</a></p>`
    : html`<p class="problem">
        ▲ The dashboard has not been built, so this is the plain page. In the repository:
        <code>npm run build -w @runtime-bridge/monitor</code>
      </p>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Runtime Bridge</title>
        <link rel="stylesheet" href="/plain/assets/plain.css" />
        <link rel="icon" href="/plain/assets/icon.svg" />
        <script type="module" src="/plain/assets/plain.js"></script>
        <noscript><meta http-equiv="refresh" content="10" /></noscript>
      </head>
      <body>
        <header>
          <h1>Runtime Bridge</h1>
          <p id="link" role="status">As of ${timeOf(fleet.atMs)}</p>
        </header>
        ${other}
        <main id="fleet">${renderFleet(fleet, filter)}</main>
      </body>
    </html>`;
}

/** The part of the page that changes. */
export function renderFleet(fleet: FleetState, filter: PlainFilter): SafeHtml {
  return html`${renderSummary(fleet)} ${renderProviders(fleet)} ${renderManagers(fleet)}
  ${renderPools(fleet)} ${renderWorkers(fleet, filter)}`;
}

function renderSummary(fleet: FleetState): SafeHtml {
  const problems = [
    ...(fleet.providers.length === 0 ? ['No data provider has been found.'] : []),
    ...(fleet.managers.length === 0 ? ['No lifecycle manager has been found.'] : []),
    ...[...fleet.providers, ...fleet.managers].flatMap(({ hostname, problem, isThere }) => {
      if (!isThere) return [`${hostname} has departed.`];
      return problem === null
        ? []
        : [`${hostname} does not answer: ${problem.code}: ${problem.message}`];
    }),
    ...fleet.alerts.flatMap(({ title, detail, kind }) =>
      kind.startsWith('workers-') ? [detail === '' ? title : `${title}: ${detail}`] : [],
    ),
  ];
  const hint =
    fleet.providers.length + fleet.managers.length === 0
      ? html`<p>
          Peers are found in the local network, or through PTP_BOOT_NODES: the multiaddrs that
          services log as “Walkie is up”.
        </p>`
      : undefined;
  return html`<section aria-label="Summary">
    <ul class="chips">
      ${countStates(fleet.workers).map(
        ([state, count]) =>
          html`<li>
            <a class="chip ${toneOf(state)}" href="?state=${encodeURIComponent(state)}#workers"
              >${ICONS[toneOf(state)]} ${count} ${wordOf(state)}</a
            >
          </li>`,
      )}
    </ul>
    ${problems.map((problem) => html`<p class="problem">▲ ${problem}</p>`)} ${hint}
  </section>`;
}

function renderProviders({ providers }: FleetState): SafeHtml {
  return table(
    'Data providers',
    ['Host', 'State', 'Relay chain', 'Behind', 'Parachain', 'Behind', 'Bridge', 'Peer'],
    providers.map(
      (provider) =>
        html`<tr>
          <th scope="row">${provider.hostname}</th>
          <td>${providerState(provider)}</td>
          ${progressCells(provider.relay)} ${progressCells(provider.para)}
          <td>${provider.bridgeIdentity}</td>
          <td>${peerCell(provider)}</td>
        </tr>`,
    ),
  );
}

function providerState({ state, problem, isThere }: ProviderRow): SafeHtml {
  if (!isThere) return badge('bad', 'departed');
  if (problem !== null) return badge('bad', 'no answer', problem.message);
  return state === 'idle' ? badge('good', 'at the head') : badge('busy', 'catching up');
}

function progressCells({ done, target, fetched }: ChainProgress): SafeHtml {
  return html`<td class="number" title="fetched ${height(fetched)}">
      ${height(done)} <span class="of">of ${height(target)}</span>
    </td>
    <td class="number">${height(lagOf(target, done))}</td>`;
}

function renderManagers({ managers, pools, workers }: FleetState): SafeHtml {
  return table(
    'Lifecycle managers',
    ['Host', 'State', 'Pools', 'Workers', 'Active', 'Bridge', 'Peer'],
    managers.map((row) => {
      const own = workers.filter(({ manager }) => manager === row.peerId);
      return html`<tr>
        <th scope="row">${row.hostname}</th>
        <td>${managerState(row)}</td>
        <td class="number">${pools.filter(({ manager }) => manager === row.peerId).length}</td>
        <td class="number">${own.length}</td>
        <td class="number">${own.filter(({ state }) => state === 'S_ACTIVE').length}</td>
        <td>${row.bridgeIdentity}</td>
        <td>${peerCell(row)}</td>
      </tr>`;
    }),
  );
}

function managerState({ problem, isThere }: PeerRow): SafeHtml {
  if (!isThere) return badge('bad', 'departed');
  return problem === null ? badge('good', 'answers') : badge('bad', 'problem', problem.message);
}

function renderPools({ pools, workers }: FleetState): SafeHtml {
  return table(
    'Pools',
    ['Pool', 'Name', 'State', 'Workers', 'Operator', 'Acts for'],
    pools.map(
      (pool) =>
        html`<tr>
          <th scope="row" class="number">${pool.pid}</th>
          <td>${pool.name}</td>
          <td>${poolState(pool)}</td>
          <td class="number">
            ${workers.filter((w) => w.manager === pool.manager && w.pid === pool.pid).length}
          </td>
          <td class="key">${pool.operator}</td>
          <td class="key">${pool.proxiedAccount === '' ? 'itself' : pool.proxiedAccount}</td>
        </tr>`,
    ),
  );
}

function poolState({ enabled, syncOnly }: { enabled: boolean; syncOnly: boolean }): SafeHtml {
  if (!enabled) return badge('idle', 'disabled');
  return syncOnly ? badge('busy', 'sync only') : badge('good', 'enabled');
}

function renderWorkers(fleet: FleetState, filter: PlainFilter): SafeHtml {
  const { workers } = fleet;
  const chains = new Map(fleet.managers.map((row) => [row.peerId, row.chainIdentity]));
  const heads = new Map(fleet.chains.map((row) => [row.chainIdentity, row.para]));
  const lag = ({ manager, paraBlock }: WorkerRow) =>
    lagOf(heads.get(chains.get(manager) ?? '') ?? null, paraBlock);
  const found = workers
    .filter((worker) => matches(worker, filter))
    .sort((a, b) => rankOf(a.state) - rankOf(b.state) || a.name.localeCompare(b.name));
  const shown = found.slice(0, MAX_WORKER_ROWS);
  const count =
    found.length === workers.length
      ? `${workers.length} workers`
      : html`${found.length} of ${workers.length} — <a href="?#workers">show all</a>`;
  const more =
    shown.length < found.length
      ? html`<p>The first ${shown.length} are shown; narrow the search to see others.</p>`
      : undefined;
  return html`<form method="get" action="#workers" role="search" id="workers">
      <label>Find workers <input name="q" type="search" value="${filter.text ?? ''}" /></label>
      ${
        filter.state === undefined
          ? undefined
          : html`<input type="hidden" name="state" value="${filter.state}" />`
      }
      <button>Find</button> <span>${count}</span>
    </form>
    ${table(
      'Workers',
      [
        'Worker',
        'Pool',
        'State',
        'Relay header',
        'Para header',
        'Para block',
        'Behind',
        'Last message',
      ],
      shown.map(
        (worker) =>
          html`<tr>
            <th scope="row" title="${worker.endpoint}">${worker.name}</th>
            <td class="number">${worker.pid}</td>
            <td>
              ${
                worker.enabled
                  ? badge(toneOf(worker.state), wordOf(worker.state))
                  : badge('idle', 'disabled')
              }
            </td>
            <td class="number">${height(worker.relayHeader)}</td>
            <td class="number">${height(worker.paraHeader)}</td>
            <td class="number">${height(worker.paraBlock)}</td>
            <td class="number">${height(lag(worker))}</td>
            <td class="message">${worker.message}</td>
          </tr>`,
      ),
    )}
    ${more}`;
}

function matches(worker: WorkerRow, { state, text }: PlainFilter): boolean {
  if (state !== undefined && worker.state !== state) return false;
  if (text === undefined) return true;
  const wanted = text.toLowerCase();
  return [worker.name, worker.endpoint, worker.message].some((part) =>
    part.toLowerCase().includes(wanted),
  );
}

function table(caption: string, heads: readonly string[], rows: readonly SafeHtml[]): SafeHtml {
  return html`<section>
    <h2>${caption}</h2>
    ${
      rows.length === 0
        ? html`<p class="none">None yet.</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
            <table>
              <thead>
                <tr>
                  ${heads.map((head) => html`<th scope="col">${head}</th>`)}
                </tr>
              </thead>
              <tbody>
                ${rows}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

function badge(tone: Tone, word: string, title = ''): SafeHtml {
  return html`<span class="badge ${tone}" title="${title}">${ICONS[tone]} ${word}</span>`;
}

function peerCell({ peerId, multiaddr }: PeerRow): SafeHtml {
  return html`<span class="key" title="${multiaddr}">${peerId}</span>`;
}

function countStates(workers: readonly WorkerRow[]): [WorkerState, number][] {
  const counts = new Map<WorkerState, number>();
  for (const { state } of workers) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => rankOf(a) - rankOf(b));
}

const wordOf = (state: WorkerState): string => stateMeanings[state].word;
const toneOf = (state: WorkerState): Tone => stateMeanings[state].tone;
const rankOf = (state: WorkerState): number =>
  (workerStates as readonly WorkerState[]).indexOf(state);
const lagOf = (target: number | null, done: number | null): number | null =>
  target === null || done === null ? null : Math.max(0, target - done);
const height = (value: number | null): string =>
  value === null ? '–' : value.toLocaleString('en-US');
const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
