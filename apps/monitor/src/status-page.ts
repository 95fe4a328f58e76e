import type { ChainProgress, FleetView, ProviderView, WorkerView } from './fleet-view.js';
import { html, type SafeHtml } from './html.js';

/** What of the workers is shown. */
export interface StatusFilter {
  /** Name of a state; all when undefined. */
  state?: string | undefined;
  /** Part of a name, endpoint or message. */
  text?: string | undefined;
}

/** Rows of one page; more would make it slow, and the filter finds the others. */
const MAX_WORKER_ROWS = 300;

/** States in order of how soon somebody should look, with a word and a tone. */
const STATES: Readonly<Record<string, { word: string; tone: Tone; rank: number }>> = {
  S_ERROR: { word: 'error', tone: 'bad', rank: 0 },
  S_KICKED: { word: 'kicked', tone: 'bad', rank: 1 },
  'not running': { word: 'not running', tone: 'idle', rank: 2 },
  S_IDLE: { word: 'waiting', tone: 'idle', rank: 3 },
  S_STARTING: { word: 'starting', tone: 'busy', rank: 4 },
  S_SYNCHING: { word: 'syncing', tone: 'busy', rank: 5 },
  S_SYNCHED: { word: 'synced', tone: 'busy', rank: 6 },
  S_PRE_ACTIVE: { word: 'almost active', tone: 'busy', rank: 7 },
  S_ACTIVE: { word: 'active', tone: 'good', rank: 8 },
};
type Tone = 'good' | 'busy' | 'idle' | 'bad';
const ICONS: Readonly<Record<Tone, string>> = { good: '●', busy: '◐', idle: '○', bad: '▲' };

/** The whole page. It shows everything without its script, which only keeps it up to date. */
export function renderPage(fleet: FleetView, filter: StatusFilter): SafeHtml {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Runtime Bridge</title>
        <link rel="stylesheet" href="/assets/status.css" />
        <link rel="icon" href="/assets/icon.svg" />
        <script type="module" src="/assets/status.js"></script>
        <noscript><meta http-equiv="refresh" content="10" /></noscript>
      </head>
      <body>
        <header>
          <h1>Runtime Bridge</h1>
          <p id="link" role="status">As of ${timeOf(fleet.atMs)}</p>
        </header>
        <main id="fleet">${renderFleet(fleet, filter)}</main>
      </body>
    </html>`;
}

/** The part of the page that changes. */
export function renderFleet(fleet: FleetView, filter: StatusFilter): SafeHtml {
  const workers = fleet.managers.flatMap((manager) => manager.workers);
  return html`${renderSummary(fleet, workers)} ${renderProviders(fleet)} ${renderManagers(fleet)}
  ${renderPools(fleet)} ${renderWorkers(workers, filter)}`;
}

function renderSummary(fleet: FleetView, workers: readonly WorkerView[]): SafeHtml {
  const problems = [
    ...(fleet.providers.length === 0 ? ['No data provider has been found.'] : []),
    ...(fleet.managers.length === 0 ? ['No lifecycle manager has been found.'] : []),
    ...[...fleet.providers, ...fleet.managers].flatMap(({ peer, problem }) =>
      problem === undefined ? [] : [`${peer.hostname} does not answer: ${problem}`],
    ),
  ];
  const hint =
    fleet.providers.length + fleet.managers.length === 0
      ? html`<p>
          Peers are found in the local network, or through PTP_BOOT_NODES: the multiaddrs that
          services log as “Walkie is up”.
        </p>`
      : undefined;
  const counts = countStates(workers);
  return html`<section aria-label="Summary">
    <ul class="chips">
      ${counts.map(
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

function renderProviders(fleet: FleetView): SafeHtml {
  return table(
    'Data providers',
    ['Host', 'State', 'Relay chain', 'Behind', 'Parachain', 'Behind', 'Bridge', 'Peer'],
    fleet.providers.map(
      (provider) =>
        html`<tr>
          <th scope="row">${provider.peer.hostname}</th>
          <td>${providerState(provider)}</td>
          ${progressCells(provider.relay)} ${progressCells(provider.para)}
          <td>${provider.peer.bridgeIdentity}</td>
          <td>${peerCell(provider.peer.peerId, provider.peer.multiaddr)}</td>
        </tr>`,
    ),
  );
}

function providerState({ status, problem }: ProviderView): SafeHtml {
  if (problem !== undefined) return badge('bad', 'no answer', problem);
  return status === 'S_IDLE' ? badge('good', 'at the head') : badge('busy', 'catching up');
}

function progressCells(progress: ChainProgress | undefined): SafeHtml {
  return html`<td class="number" title="fetched ${height(progress?.fetched)}">
      ${height(progress?.done)} <span class="of">of ${height(progress?.target)}</span>
    </td>
    <td class="number">${height(progress?.lag)}</td>`;
}

function renderManagers(fleet: FleetView): SafeHtml {
  return table(
    'Lifecycle managers',
    ['Host', 'State', 'Pools', 'Workers', 'Active', 'Bridge', 'Peer'],
    fleet.managers.map(
      ({ peer, pools, workers, problem }) =>
        html`<tr>
          <th scope="row">${peer.hostname}</th>
          <td>
            ${problem === undefined ? badge('good', 'answers') : badge('bad', 'problem', problem)}
          </td>
          <td class="number">${pools.length}</td>
          <td class="number">${workers.length}</td>
          <td class="number">${workers.filter(({ state }) => state === 'S_ACTIVE').length}</td>
          <td>${peer.bridgeIdentity}</td>
          <td>${peerCell(peer.peerId, peer.multiaddr)}</td>
        </tr>`,
    ),
  );
}

function renderPools(fleet: FleetView): SafeHtml {
  return table(
    'Pools',
    ['Pool', 'Name', 'State', 'Workers', 'Operator', 'Acts for'],
    fleet.managers
      .flatMap((manager) => manager.pools)
      .map(
        (pool) =>
          html`<tr>
            <th scope="row" class="number">${pool.pid}</th>
            <td>${pool.name}</td>
            <td>${poolState(pool)}</td>
            <td class="number">${pool.workerCount}</td>
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

function renderWorkers(workers: readonly WorkerView[], filter: StatusFilter): SafeHtml {
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
            <td class="number">${height(worker.lag)}</td>
            <td class="message">${worker.message}</td>
          </tr>`,
      ),
    )}
    ${more}`;
}

function matches(worker: WorkerView, { state, text }: StatusFilter): boolean {
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

function peerCell(peerId: string, address: string): SafeHtml {
  return html`<span class="key" title="${address}">${peerId}</span>`;
}

function countStates(workers: readonly WorkerView[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { state } of workers) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => rankOf(a) - rankOf(b));
}

const wordOf = (state: string): string => STATES[state]?.word ?? state;
const toneOf = (state: string): Tone => STATES[state]?.tone ?? 'idle';
const rankOf = (state: string): number => STATES[state]?.rank ?? -1;
const height = (value: number | undefined): string =>
  value === undefined ? '–' : value.toLocaleString('en-US');
const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
