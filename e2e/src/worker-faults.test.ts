import { readWorkerInfo } from '@runtime-bridge/auditor';
import type { Demo, WorkerState } from '@runtime-bridge/demo';
import { WORKER_FAULTS } from '@runtime-bridge/devnet/workers';
import { describe, expect, it } from 'vitest';
import { ControlPort, type DevFault } from './control-port.js';
import { defaults, until, untilWorkers, withDemo } from './with-demo.js';

/*
 * Every fault that the dev network knows of a worker befalls one of a mixed fleet, all at once: each is told to the
 * operator, each worker is active again by itself, and those without a fault notice nothing.
 */

interface Row {
  kind: string;
  params?: Omit<DevFault, 'target' | 'kind'>;
  /** What the operator reads of it. */
  message: RegExp;
  /** It lasts until the worker is in this state; else until the message was told. */
  until?: 'S_ERROR';
  /** Heights go on all the same while it lasts. */
  goesOn?: true;
}

const silent = /^No answer from pRuntime within \d+ ms/;
const away = /^Could not reach pRuntime/;
const syncCalls = 'sync_combined_headers+dispatch_block+sync_para_header';

const rows: readonly Row[] = [
  { kind: 'forget', message: /^pRuntime (has another key than before|lost its state)/ },
  { kind: 'rollBack', message: away },
  { kind: 'die', message: away },
  { kind: 'hang', message: silent },
  { kind: 'late', params: { ms: 8_000 }, message: silent },
  { kind: 'dropReply', message: away },
  { kind: 'dropReply', params: { methods: syncCalls }, message: away, goesOn: true },
  { kind: 'reject', message: /NoStateRoot/, until: 'S_ERROR' },
  {
    kind: 'reject',
    params: { message: 'HeaderValidateFailed' },
    message: /HeaderValidateFailed/,
    until: 'S_ERROR',
  },
];

/** Workers without a fault, the last ones. */
const UNDISTURBED = 2;

/** Deadlines of calls to workers, so that one that hangs is found soon. */
const soon = { PHALA_PRPC_REQUEST_TIMEOUT: '3000', PHALA_BLOB_REQUEST_TIMEOUT: '4000' };

interface WorkerEvent {
  timeMs: string;
  status: string;
  /** With the time in brackets before it. */
  message: string;
}

describe('workers of all versions with faults', () => {
  it('are all in the table', () => {
    expect([...new Set(rows.map(({ kind }) => kind))].sort()).toEqual(
      Object.keys(WORKER_FAULTS).sort(),
    );
  });

  it('say what it is, come back by themselves, and disturb nobody', async () => {
    const network = { workers: rows.length + UNDISTURBED, pruntime: '0.2.6,0.2.7,2.x' };
    await withDemo(
      network,
      async (demo) => {
        await untilWorkers(demo, 'all are active', areActive(network.workers));
        const beginMs = Date.now();
        const control = new ControlPort(demo.network.controlUrls.workers);
        await Promise.all(rows.map((row, index) => suffer(demo, control, row, index)));
        await untilWorkers(demo, 'all are active again', areActive(network.workers));
        for (let index = rows.length; index < network.workers; index += 1) {
          const events = await eventsOf(demo, index, beginMs);
          expect(events.filter(({ status }) => status !== 'S_ACTIVE')).toEqual([]);
        }
        expect(await demo.audit({ holdBlocks: defaults.holdBlocks, timeoutSec: 120 })).toBe(0);
      },
      { serviceEnv: soon },
    );
  });
});

const areActive = (count: number) => (states: WorkerState[]) =>
  states.length === count && states.every(({ status }) => status === 'S_ACTIVE');

async function suffer(demo: Demo, control: ControlPort, row: Row, index: number): Promise<void> {
  const what = `${row.kind} of worker ${index + 1}`;
  const url = demo.network.workerUrls[index]!;
  const sinceMs = Date.now();
  const { blockNext } = await readWorkerInfo(url);
  const fault = { target: `worker${index + 1}`, kind: row.kind, ...row.params };
  const id = await control.begin(fault);
  const told = (events: WorkerEvent[]) =>
    events.some(({ message }) => row.message.test(textOf(message)));
  await until(
    `${what}: the operator reads of it`,
    () => eventsOf(demo, index, sinceMs),
    (events) =>
      told(events) &&
      (row.until === undefined || events.some(({ status }) => status === row.until)),
    90_000,
  );
  expect(await control.count(id)).toBeGreaterThan(0);
  if (row.goesOn) await untilBlock(`${what}: blocks go on meanwhile`, url, blockNext + 3);
  await control.end(id);
  const now = await readWorkerInfo(demo.network.workerUrls.at(-1)!);
  await untilBlock(`${what}: it takes the blocks of then`, url, now.blockNext);
}

function untilBlock(what: string, url: string, block: number): Promise<unknown> {
  return until(
    what,
    () => readWorkerInfo(url),
    ({ blockNext }) => blockNext >= block,
    90_000,
  );
}

/** What the operator was told of a worker since then, newest first. */
async function eventsOf(demo: Demo, index: number, sinceMs: number): Promise<WorkerEvent[]> {
  const states = await demo.monitor.workerStates(demo.peers.manager);
  const { uuid } = states.find(({ worker }) => worker?.name === demo.workers[index]!.name)!.worker!;
  const answer = await demo.monitor.call(demo.peers.manager, 'ListWorkerEvents', {
    ids: [uuid],
    limit: 100,
  });
  const { events = [] } = answer as { events?: WorkerEvent[] };
  return events.filter(({ timeMs }) => Number(timeMs) >= sinceMs);
}

/** A message without the time in brackets before it. */
const textOf = (message: string) => message.replace(/^\[[^\]]*\]\s*/, '');
