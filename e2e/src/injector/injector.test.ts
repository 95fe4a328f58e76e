import { startWorkers, type RunningWorkers } from '@runtime-bridge/devnet/workers';
import { SampleChain, WorkerClient, voterSet } from '@runtime-bridge/devnet/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INJECTIONS, type InjectionKind } from './injections.js';
import { Injector, changedBody } from './injector.js';
import { joinFields } from './prpc-fields.js';
import { SYNC_FORMS } from './sync-body.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Relay 1..6 with a set change at 3; para 1..6, each with several changes. */
function sampleChain(): SampleChain {
  const chain = new SampleChain();
  for (let n = 1; n <= 6; n++) {
    chain.addPara([
      [text(`value ${n}`), new Uint8Array(80).fill(n)],
      [text('deleted'), undefined],
      [text('empty'), new Uint8Array()],
    ]);
    chain.addRelay(n === 3 ? { nextSet: voterSet(1n) } : {});
  }
  return chain;
}

const ZERO = Uint8Array.of(0);
const concat = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);

/** Each call in both transports, with bodies of its own. */
function bodies(chain: SampleChain): Record<string, Uint8Array> {
  const relay = chain.relayHeaders(1, 3);
  const change = chain.authoritySetChange(3);
  const para = chain.paraHeaders(1, 3);
  const proof = chain.headProof(3);
  const combined = chain.combined({ relay: [1, 3], para: [1, 3], change: true });
  const tail = combined.subarray(relay.length + 1 + change.length);
  return {
    '/bin_api/sync_header': concat(relay, ZERO),
    '/bin_api/sync_para_header': tail,
    '/bin_api/sync_combined_headers': combined,
    '/bin_api/dispatch_block': chain.blocks(1, 3),
    '/prpc/PhactoryAPI.SyncHeader': joinFields([
      { number: 1, value: relay },
      { number: 2, value: change },
    ]),
    '/prpc/PhactoryAPI.SyncParaHeader': joinFields([
      { number: 1, value: para },
      ...proof.map((value) => ({ number: 2, value })),
    ]),
    '/prpc/PhactoryAPI.SyncCombinedHeaders': joinFields([
      { number: 1, value: relay },
      { number: 2, value: change },
      { number: 3, value: para },
      ...proof.map((value) => ({ number: 4, value })),
    ]),
    '/prpc/PhactoryAPI.DispatchBlocks': joinFields([{ number: 1, value: chain.blocks(1, 3) }]),
  };
}

describe('sync bodies', () => {
  const all = bodies(sampleChain());

  it.each([...SYNC_FORMS.keys()])('%s is put together as it was', (path) => {
    const body = all[path] ?? new Uint8Array();
    const form = SYNC_FORMS.get(path);
    expect(Buffer.from(form?.compose(form.parse(body)) ?? []).equals(body)).toBe(true);
  });

  it('keep their length when a byte is changed, and differ in one', () => {
    for (const [path, body] of Object.entries(all)) {
      for (const kind of Object.keys(INJECTIONS) as InjectionKind[]) {
        if (!kind.endsWith('Byte')) continue;
        const other = changedBody(path, body, kind);
        if (other === undefined) continue;
        expect(other.length, `${kind} in ${path}`).toBe(body.length);
        const differences = other.filter((byte, i) => byte !== body[i]).length;
        expect(differences, `${kind} in ${path}`).toBe(1);
      }
    }
  });

  it('are left alone when they do not have the thing', () => {
    const path = '/bin_api/dispatch_block';
    const body = all[path] ?? new Uint8Array();
    expect(changedBody(path, body, 'justificationByte')).toBe(undefined);
    expect(changedBody(path, sampleChain().blocks(1, 1), 'swapBlocks')).toBe(undefined);
    expect(changedBody('/prpc/PhactoryAPI.GetInfo', body, 'swapBlocks')).toBe(undefined);
  });
});

describe('injector', () => {
  const chain = sampleChain();
  let running: RunningWorkers;
  let injector: Injector;
  let worker: WorkerClient;
  let through: WorkerClient;

  beforeEach(async () => {
    const options = { basePort: 0, dataDir: undefined, pruntime: ['0.2.6'], seed: 'x' } as const;
    running = await startWorkers({ count: 1, ...options });
    injector = await Injector.start({ target: running.urls[0] ?? '' });
    worker = new WorkerClient(running.urls[0] ?? '');
    through = new WorkerClient(injector.url);
    await through.init(chain);
  });
  afterEach(async () => {
    await injector.stop();
    await running.stop();
  });

  /** Sends a body in both transports and gives both answers' texts. */
  async function send(bin: string, prpc: string, body?: Uint8Array): Promise<[string, string]> {
    const all = bodies(chain);
    const answers: string[] = [];
    for (const path of [bin, prpc]) {
      const response = await through.post(path, body ?? all[path] ?? new Uint8Array());
      answers.push(await response.text());
    }
    return answers as [string, string];
  }

  it.each<[InjectionKind, RegExp]>([
    ['justificationByte', /HeaderValidateFailed\(bad justification for header: /],
    ['relayHeaderByte', /invalid commit target in grandpa justification/],
    ['swapRelayHeaders', /BlockNumberMismatch|HeaderHashMismatch/],
    ['dropRelayHeader', /BlockNumberMismatch|HeaderHashMismatch/],
  ])('%s makes the worker refuse relay headers', async (kind, refusal) => {
    injector.inject({ kind });
    const answers = await send('/bin_api/sync_header', '/prpc/PhactoryAPI.SyncHeader');
    for (const answer of answers) expect(answer).toMatch(refusal);
    expect(await worker.heights()).toEqual([1, 1, 1]);
    expect(injector.injected.map((one) => [one.kind, one.status])).toEqual([
      [kind, 200],
      [kind, 500],
    ]);
    expect(injector.injected[1]?.answer).toMatch(refusal);
    injector.clear();
    const [good] = await send('/bin_api/sync_combined_headers', '/prpc/PhactoryAPI.GetInfo');
    expect(good).toContain('\\"relaychain_synced_to\\":3');
    expect(injector.injected.length).toBe(2);
  });

  it('authorityProofByte makes the worker refuse a set change', async () => {
    injector.inject({ kind: 'authorityProofByte' });
    const path = '/bin_api/sync_combined_headers';
    const { message } = await through.bin('sync_combined_headers', bodies(chain)[path] ?? ZERO);
    expect(message).toMatch(/^HeaderValidateFailed\(storage /);
    expect(await worker.heights()).toEqual([1, 1, 1]);
  });

  it.each<[InjectionKind, string]>([
    ['paraProofByte', 'StorageProofFailed(storage value unavailable)'],
    ['paraHeaderByte', 'StorageProofFailed(storage value mismatch)'],
  ])('%s makes the worker refuse para headers', async (kind, refusal) => {
    await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 3], change: true }));
    injector.inject({ kind });
    const answers = await send('/bin_api/sync_para_header', '/prpc/PhactoryAPI.SyncParaHeader');
    for (const answer of answers) expect(answer).toContain(refusal);
    expect(await worker.heights()).toEqual([4, 1, 1]);
    injector.clear();
    await send('/bin_api/sync_para_header', '/prpc/PhactoryAPI.SyncParaHeader');
    expect(await worker.heights()).toEqual([4, 4, 1]);
  });

  it.each<[InjectionKind, RegExp]>([
    ['storageChangeByte', /StateRootMismatch block=1 /],
    ['dropStorageChange', /StateRootMismatch block=1 /],
    ['swapBlocks', /BlockNumberMismatch/],
    ['dropBlock', /BlockNumberMismatch/],
  ])('%s makes the worker refuse blocks', async (kind, refusal) => {
    const all = chain.combined({ relay: [1, 3], para: [1, 3], change: true });
    await worker.bin('sync_combined_headers', all);
    injector.inject({ kind });
    const answers = await send('/bin_api/dispatch_block', '/prpc/PhactoryAPI.DispatchBlocks');
    for (const answer of answers) expect(answer).toMatch(refusal);
    expect(await worker.heights()).toEqual([4, 4, 1]);
    injector.clear();
    await send('/bin_api/dispatch_block', '/prpc/PhactoryAPI.DispatchBlocks');
    expect(await worker.heights()).toEqual([4, 4, 4]);
  });

  it('breaks the connection when the worker does', async () => {
    running.workers[0]?.kill();
    await expect(through.info()).rejects.toThrow('fetch failed');
  });
});
