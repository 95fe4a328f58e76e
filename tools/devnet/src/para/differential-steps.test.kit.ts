import { readFileSync } from 'node:fs';

import type { IMethod } from '@polkadot/types/types';

import { concatBytes, scale, toHex, utf8 } from '../primitives/index.js';
import type { DevName } from './genesis.js';
import { PHA } from './fixed-point.js';
import { pools, sessionAccount } from './pallets/base-pool.js';
import type { StateOverlay } from './state-overlay.js';
import { paraCodecs } from './types.js';
import type { StakePool } from './values.js';
import type { CallSource, WorkerCalls } from './worker.test.kit.js';

/** One of the two chains that are compared, as a scenario sees it. */
export interface Side extends CallSource {
  worker(name: string): WorkerCalls;
  /** Hex of the account that holds a pool's free stake. */
  poolAccount(pid: bigint): string;
}

/** One extrinsic: who signs what. */
export interface Step {
  name: string;
  signer: DevName;
  call: (side: Side) => IMethod;
  /** Nonce to sign with, counted from the right one; such an extrinsic cannot be in the block. */
  nonceOffset?: number;
  /** Version to sign with. */
  specVersion?: number;
  /** The block is expected to leave it out: it is asked about by itself. */
  isInvalid?: true;
}

/** A block. */
export interface Round {
  /** Since the block before; one slot when undefined. */
  afterMs?: number;
  /** Change of both states before the block, for what no call here brings about. */
  patch?: (state: StateOverlay) => void;
  steps: Step[];
}

/** When the recorded report of 2023-10-18 is still young; a multiple of the slot. */
export const SCENARIO_START_MS = 1_697_619_684_000;

/** An extrinsic. */
export const step = (name: string, signer: DevName, call: Step['call']): Step => ({
  name,
  signer,
  call,
});
/** A remark. */
export const remark = (s: Side) => s.call('system', 'remark', '0x01');
/** A payment to Bob. */
export const pay = (s: Side, amount: bigint) =>
  s.call('balances', 'transferKeepAlive', { Id: s.pairs.Bob.address }, amount);
/** A payment that nobody can afford. */
export const tooMuch = (s: Side) => pay(s, 10n ** 24n);
/** A call by the sudo account as root. */
export const sudo = (name: string, call: Step['call']): Step =>
  step(`sudo ${name}`, 'Alice', (s) => s.call('sudo', 'sudo', call(s)));
/** A call of PhalaRegistry. */
export const registry =
  (method: string, ...args: unknown[]) =>
  (s: Side): IMethod =>
    s.call('phalaRegistry', method, ...args);
/** Calls in a forceBatch. */
export const inBatch =
  (...calls: Step['call'][]) =>
  (s: Side): IMethod =>
    s.call(
      'utility',
      'forceBatch',
      calls.map((call) => call(s)),
    );
/** A call for Bob through a proxy. */
export const asBob =
  (call: Step['call'], type: string | null = null) =>
  (s: Side): IMethod =>
    s.call('proxy', 'proxy', { Id: s.pairs.Bob.address }, type, call(s));
/** A call of PhalaStakePoolv2 about a worker. */
export const pool =
  (method: string, pid: number, worker: string, ...args: unknown[]) =>
  (s: Side): IMethod =>
    s.call('phalaStakePoolv2', method, pid, toHex(s.worker(worker).key), ...args);
/** A change of the proxies of whoever signs. */
export const proxies =
  (method: string, who: DevName, type: string, delay = 0) =>
  (s: Side): IMethod =>
    s.call('proxy', method, { Id: s.pairs[who].address }, type, delay);

/** A registration (v2) without a report. */
export const unattested = (worker: string, operator: DevName) => (s: Side) =>
  s.worker(worker).registration({
    version: 2,
    report: null,
    operator: s.pairs[operator].publicKey,
  });
/** A worker’s benchmark since the scenario’s start. */
export const bench = (worker: string, sequence: bigint, iterations: number) => (s: Side) => {
  const calls = s.worker(worker);
  calls.sequence = sequence;
  return calls.benchReport(SCENARIO_START_MS, iterations);
};
/** A message of the first worker. */
export const say =
  (topic: string, sequence: bigint, more: { signature?: Uint8Array; sender?: unknown } = {}) =>
  (s: Side): IMethod =>
    s.worker('first').message(topic, Uint8Array.of(1, 2, 3), { sequence, ...more });

/** An endpoint that a worker signed so long ago. */
export const endpoint = (worker: string, signedMsAgo: number, signature?: string) => (s: Side) => {
  const { key, pair } = s.worker(worker);
  const signingTime = s.timestampMs - signedMsAgo;
  const encoded = paraCodecs.encode('WorkerEndpointPayload', {
    pubkey: key,
    versionedEndpoints: { type: 'V1', value: ['http://worker'] },
    signingTime: BigInt(signingTime),
  });
  const good = toHex(pair.sign(concatBytes(Uint8Array.of(255, 2), encoded)));
  const payload = {
    pubkey: toHex(key),
    versionedEndpoints: { V1: ['http://worker'] },
    signingTime,
  };
  return s.call('phalaRegistry', 'updateWorkerEndpoint', payload, signature ?? good);
};

interface RecordedReport {
  raReport: string;
  signature: string;
  rawSigningCert: string;
}

/** A registration of version 1 with a report that Intel signed for somebody else. */
export const withReport = (file: string, change?: (report: Uint8Array) => void) => (s: Side) => {
  const json = JSON.parse(readFileSync(file, 'utf8')) as RecordedReport;
  const bytes = (text: string) =>
    toHex(Buffer.from(text, /^[0-9a-f]+$/.test(text) ? 'hex' : 'base64'));
  const raReport = utf8(json.raReport);
  change?.(raReport);
  const [info] = s.worker('attested').registration().args;
  return s.call('phalaRegistry', 'registerWorker', info, {
    SgxIas: {
      raReport: toHex(raReport),
      signature: bytes(json.signature),
      rawSigningCert: bytes(json.rawSigningCert),
    },
  });
};

/** Enough for a score of 1200, in picopha. */
export const STAKE = 5000n * PHA;
/** An account, key or hash of nothing. */
export const NOBODY = `0x${'99'.repeat(32)}`;
/** Hex of a worker’s session account. */
export const session = (pid: bigint, worker: string) => (s: Side) =>
  toHex(sessionAccount(pid, s.worker(worker).key));

/** A worker reports the master key. */
export const masterKey = (worker: string, sequence: bigint) => (s: Side) =>
  s.worker(worker).message(
    '^phala/registry/event',
    paraCodecs.encode('RegistryEvent', {
      type: 'MasterPubkey',
      masterPubkey: s.worker('master').key,
    }),
    { sequence },
  );

/** What the gatekeeper says of workers, signed with the master key. */
export const gatekeeper =
  (sequence: bigint, update: Record<string, readonly string[]>) => (s: Side) => {
    const keys = (names: readonly string[] = []) => names.map((name) => s.worker(name).key);
    const message = {
      sender: { type: 'Gatekeeper' },
      destination: utf8('^phala/mining/update'),
      payload: paraCodecs.encode('WorkingInfoUpdateEvent', {
        blockNumber: 1,
        timestampMs: BigInt(s.timestampMs) + 12_000n,
        offline: keys(update['offline']),
        recoveredToOnline: keys(update['recovered']),
        settle: [],
      }),
    };
    const signed = concatBytes(paraCodecs.encode('Message', message), scale.u64(sequence));
    return s.call('phalaMq', 'syncOffchainMessage', {
      message: {
        sender: 'Gatekeeper',
        destination: toHex(message.destination),
        payload: toHex(message.payload),
      },
      sequence,
      signature: toHex(s.worker('master').pair.sign(signed)),
    });
  };

/** A change of pool 0. */
export const pool0 = (
  state: StateOverlay,
  change: (before: StakePool) => Partial<StakePool>,
): void => {
  const found = pools.get(state, 0n);
  if (found?.type !== 'StakePool') throw new Error('there is no pool 0');
  pools.put(state, 0n, { type: 'StakePool', value: { ...found.value, ...change(found.value) } });
};
