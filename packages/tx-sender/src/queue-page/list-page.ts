import { BridgeError } from '@runtime-bridge/base';
import type { QueuedJobInfo } from '@runtime-bridge/tx-queue';
import type { TxHistory } from '../history.js';
import type { OpenPage } from './page-server.js';

/** What the plain list shows. */
export interface QueueListing {
  waiting: number;
  active: number;
  /** Oldest first; may be fewer than there are. */
  jobs: readonly QueuedJobInfo[];
  /** Where the transactions are known to the one who serves the page. */
  history?: Pick<TxHistory, 'open' | 'ended'>;
}

/** The queue without Redis as a plain page that reloads itself; `/jobs.json` is the same as data. */
export function listPage(listing: () => Promise<QueueListing>): OpenPage {
  const handle: OpenPage['handle'] = (request, response) => {
    const [path] = (request.url ?? '/').split('?');
    if (path !== '/' && path !== '/jobs.json') {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Not found\n');
      return;
    }
    listing().then(
      (shown) => {
        const isJson = path === '/jobs.json';
        response.writeHead(200, {
          'Content-Type': isJson ? 'application/json' : 'text/html; charset=utf-8',
          'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
        });
        response.end(isJson ? toJson(shown) : toHtml(shown));
      },
      (error: unknown) => {
        const { message } = BridgeError.from(error);
        response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8' });
        response.end(`The queue cannot be read: ${message}\n`);
      },
    );
  };
  return { handle };
}

function toJson(listing: QueueListing): string {
  return JSON.stringify(listing, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

function toHtml({ waiting, active, jobs, history }: QueueListing): string {
  const jobRows = jobs.map((job) => [
    job.id,
    job.action,
    job.pool,
    job.state,
    timeOf(job.askedAtMs),
    String(job.bytes),
  ]);
  const txRows = [...(history?.open ?? []), ...(history?.ended ?? [])].map((tx) => [
    tx.hash,
    tx.account,
    String(tx.nonce),
    tx.state,
    tx.block === undefined ? '' : String(tx.block),
    tx.fee === undefined ? '' : String(tx.fee),
    tx.jobs
      .map(({ id, outcome, reason }) => `${id}: ${outcome}${reason ? ` (${reason})` : ''}`)
      .join('\n'),
  ]);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>Transaction queue</title>
<style>
:root{color-scheme:light dark}body{font:14px system-ui,sans-serif;margin:1rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #8886;padding:.25rem .5rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere;white-space:pre-line}
</style></head><body>
<h1>Transaction queue</h1>
<p>${waiting} waiting, ${active} active${
    jobs.length < waiting + active ? `; the oldest ${jobs.length} are shown` : ''
  }.</p>
${table('Jobs', ['Job', 'Action', 'Pool', 'State', 'Asked', 'Bytes'], jobRows)}
${
  history
    ? table('Transactions', ['Hash', 'Account', 'Nonce', 'State', 'Block', 'Fee', 'Jobs'], txRows)
    : ''
}
</body></html>
`;
}

function table(title: string, heads: readonly string[], rows: readonly string[][]): string {
  const head = heads.map((text) => `<th scope="col">${escape(text)}</th>`).join('');
  const body = rows
    .map((row) => `<tr>${row.map((text) => `<td>${escape(text)}</td>`).join('')}</tr>`)
    .join('\n');
  const none = `<tr><td colspan="${heads.length}">None</td></tr>`;
  return `<h2>${escape(title)}</h2>
<table><thead><tr>${head}</tr></thead><tbody>
${body || none}
</tbody></table>`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
