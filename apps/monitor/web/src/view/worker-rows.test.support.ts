import type { SessionBrief, WorkerRow } from '../../../src/api/contract.js';
import type { FleetFrame } from './worker-list.js';

/** A worker that is well, with what a test says otherwise. */
export function workerRow(n: number, fields: Partial<WorkerRow> = {}): WorkerRow {
  return {
    manager: 'QmManager',
    uuid: `6f1c2f0e-55a5-4b0e-9a0e-${String(n).padStart(12, '0')}`,
    n,
    name: `worker-${n}`,
    pid: '1',
    endpoint: `http://10.0.0.${n}:8000`,
    stake: '2500000000000000',
    enabled: true,
    syncOnly: false,
    state: 'S_ACTIVE',
    sinceMs: 1_000,
    message: '[2026-01-01T00:00:00+00:00] Now the worker should be active.',
    messageMs: 1_000,
    relayHeader: 1_000,
    paraHeader: 500,
    paraBlock: 500,
    perMinute: null,
    publicKey: 'aa',
    session: session('WorkerIdle'),
    runtime: null,
    order: null,
    ...fields,
  };
}

export function session(state: string): SessionBrief {
  return {
    state,
    v: '3000.5',
    ve: '2900',
    pInit: 1_000,
    pInstant: 900,
    reward: '0',
    account: null,
  };
}

/** Heads of both chains, and names of managers. */
export const frame: FleetFrame = {
  heads: new Map([['QmManager', { chainIdentity: '0x01', relay: 1_000, para: 500, grewMs: 0 }]]),
  managerNames: new Map([['QmManager', 'lm-1']]),
};
