import { parse, stringify } from 'yaml';

import type { InventorySnapshot } from '../rows.js';
import { formatCsv, parseCsv } from './csv.js';
import { formatPrbv3, readPrbv3 } from './prbv3.js';

/** Forms in which an inventory is written down; `prbv3` is that of the third-generation bridge. */
export type TransferFormat = 'yaml' | 'json' | 'csv' | 'prbv3';

/** One entry of a document, not checked yet. */
export interface TransferRow {
  readonly kind: 'pool' | 'worker';
  /** Where it stands, such as `workers[3]` or `line 7`. */
  readonly place: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Something in a document that cannot be taken over. */
export interface TransferFault {
  readonly place: string;
  readonly field: string;
  /** What would be right. */
  readonly rule: string;
}

/** Fields of a pool, by the names of the JSON proxy; `mnemonic` is read and never written. */
export const poolFields = [
  'pid',
  'name',
  'enabled',
  'syncOnly',
  'realPhalaSs58',
  'mnemonic',
] as const;
/** Fields of a worker. */
export const workerFields = ['pid', 'name', 'endpoint', 'stake', 'enabled', 'syncOnly'] as const;

/** Columns of the CSV form, pools and workers in one table. */
const COLUMNS = ['kind', ...new Set<string>([...poolFields, ...workerFields])];
/** Larger texts are refused before they are parsed. */
export const MAX_TRANSFER_LENGTH = 64 * 1024 * 1024;

/** Writes an inventory down, without any key. */
export function formatInventory(snapshot: InventorySnapshot, format: TransferFormat): string {
  const poolIds = new Map([...snapshot.pools.values()].map((row) => [row.uuid, row.poolId]));
  const pools = [...snapshot.pools.values()].map((row) => ({
    pid: row.poolId.toString(),
    name: row.name,
    enabled: row.enabled,
    syncOnly: row.syncOnly,
    realPhalaSs58: row.proxiedAccount,
  }));
  const workers = [...snapshot.workers.values()].map((row) => ({
    pid: (poolIds.get(row.poolUuid) ?? 0n).toString(),
    name: row.name,
    endpoint: row.endpoint,
    stake: row.stake.toString(),
    enabled: row.enabled,
    syncOnly: row.syncOnly,
  }));
  switch (format) {
    case 'json':
      return `${JSON.stringify({ pools, workers }, undefined, 2)}\n`;
    case 'yaml':
      return stringify({ pools, workers }, { lineWidth: 0 });
    case 'prbv3':
      return formatPrbv3(pools, workers);
    case 'csv': {
      const record = (kind: string, row: Record<string, string | boolean>) =>
        COLUMNS.map((column) => (column === 'kind' ? kind : String(row[column] ?? '')));
      return formatCsv([
        COLUMNS,
        ...pools.map((row) => record('pool', row)),
        ...workers.map((row) => record('worker', row)),
      ]);
    }
  }
}

/** Reads what somebody wrote down. Entries are not checked yet; a text that is no document at all is one fault. */
export function parseInventory(
  text: string,
  format: TransferFormat,
): { rows: TransferRow[]; faults: TransferFault[] } {
  if (text.length > MAX_TRANSFER_LENGTH) {
    return whole(`must have at most ${MAX_TRANSFER_LENGTH} characters`);
  }
  if (format === 'csv') return parseTable(text);
  let document: unknown;
  try {
    document = format === 'yaml' ? parse(text, { intAsBigInt: true }) : JSON.parse(text);
  } catch (error) {
    // Only the first line: what follows may quote a mnemonic.
    const [reason] = (error instanceof Error ? error.message : '').split('\n');
    const form = format === 'yaml' ? 'YAML' : 'JSON';
    return whole(`must be ${form}${position(reason ?? '')}`);
  }
  if (format === 'prbv3') {
    return (
      readPrbv3(document) ?? whole("must be the list that PRBv3's GetAllPoolsWithWorkers gives")
    );
  }
  if (!isRecord(document)) return whole('must hold the lists "pools" and "workers"');
  const faults: TransferFault[] = [];
  const rows: TransferRow[] = [];
  const { pools, workers, ...others } = document;
  for (const name of Object.keys(others)) {
    faults.push({ place: 'document', field: name, rule: 'is not known' });
  }
  const read = (list: unknown, name: string, kind: TransferRow['kind']) => {
    if (list === undefined || list === null) return;
    if (!Array.isArray(list)) {
      faults.push({ place: 'document', field: name, rule: 'must be a list' });
      return;
    }
    list.forEach((entry: unknown, index) => {
      const place = `${name}[${index}]`;
      if (isRecord(entry)) rows.push({ kind, place, fields: ofPrbExport(entry) });
      else faults.push({ place, field: '', rule: 'must have fields' });
    });
  };
  read(pools, 'pools', 'pool');
  read(workers, 'workers', 'worker');
  return { rows, faults };
}

function parseTable(text: string): { rows: TransferRow[]; faults: TransferFault[] } {
  const [head, ...records] = parseCsv(text);
  const columns = head?.cells?.map((cell) => cell.trim());
  if (!columns?.includes('kind'))
    return whole('must begin with a line of column names, one of them kind');
  const faults: TransferFault[] = columns
    .filter((column) => !COLUMNS.includes(column))
    .map((field) => ({ place: 'line 1', field, rule: 'is not known' }));
  const rows: TransferRow[] = [];
  for (const { line, cells } of records) {
    const place = `line ${line}`;
    if (!cells) {
      faults.push({ place, field: '', rule: 'has a quote that is not closed' });
      continue;
    }
    const extra = cells.slice(columns.length).some((cell) => cell !== '');
    const fields = Object.fromEntries(
      columns.flatMap((column, index) => {
        const cell = cells[index] ?? '';
        return cell === '' || column === 'kind' ? [] : [[column, cell]];
      }),
    );
    const kind = cells[columns.indexOf('kind')]?.trim();
    if (extra) faults.push({ place, field: '', rule: 'has more cells than there are columns' });
    else if (kind === 'pool' || kind === 'worker') rows.push({ kind, place, fields });
    else faults.push({ place, field: 'kind', rule: 'must be pool or worker' });
  }
  return { rows, faults };
}

/** `prb export` calls the proxied account by its own name. */
function ofPrbExport(entry: Record<string, unknown>): Record<string, unknown> {
  if (!('proxiedAccount' in entry) || 'realPhalaSs58' in entry) return entry;
  const { proxiedAccount, ...others } = entry;
  return { ...others, realPhalaSs58: proxiedAccount };
}

function whole(rule: string): { rows: TransferRow[]; faults: TransferFault[] } {
  return { rows: [], faults: [{ place: 'document', field: '', rule }] };
}

/** Where a parser stopped, and nothing of what it saw there. */
function position(message: string): string {
  const found = /line (\d+)(?:,? column (\d+))?/.exec(message) ?? /position (\d+)/.exec(message);
  return found ? ` (${found[0]})` : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
