import { sr25519Verify } from '@polkadot/util-crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  concatBytes,
  fromHex,
  scale,
  storageMapKey,
  storagePrefix,
  toHex,
  twox64Concat,
  utf8,
} from '../primitives/index.js';
import { startWorkers, type RunningWorkers, type WorkersOptions } from './index.js';
import { SampleChain } from './testing/sample-chain.js';
import { WorkerClient } from './testing/worker-client.js';

let running: RunningWorkers | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const GENESIS_MS = 1_700_000_000_000n;
const OUTBOUND = storagePrefix('PhalaMq', 'OutboundMessages');

/** SCALE `Message` from a pallet. */
function fromPallet(payload: Uint8Array, topic = 'phala/system/event'): Uint8Array {
  return concatBytes(
    Uint8Array.of(0),
    scale.text('PhalaRegistry'),
    scale.text(topic),
    scale.bytes(payload),
  );
}

const workerEvent = (key: Uint8Array, event: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(0), key, event);
const Event = {
  registered: Uint8Array.of(0, 1),
  benchStart: (blocks: number) => concatBytes(Uint8Array.of(1), scale.u32(blocks)),
  started: (session: number) =>
    concatBytes(Uint8Array.of(3), scale.u32(session), scale.u128(0), scale.u32(0)),
  stopped: Uint8Array.of(4),
  enterUnresponsive: Uint8Array.of(5),
  exitUnresponsive: Uint8Array.of(6),
};
const challenge = (seed: Uint8Array, target: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(1), seed, target);
const everybody = challenge(new Uint8Array(32), new Uint8Array(32).fill(0xff));

class Duty {
  readonly chain = new SampleChain({ genesisTimeMs: GENESIS_MS });

  constructor(
    readonly client: WorkerClient,
    readonly key: Uint8Array,
  ) {}

  static async start(options: Partial<WorkersOptions> = {}): Promise<Duty> {
    running = await startWorkers({
      count: 1,
      basePort: 0,
      dataDir: undefined,
      pruntime: ['0.2.6'],
      seed: 'duties',
      // The chain's time is now.
      nowMs: () => Number(GENESIS_MS),
      ...options,
    });
    const client = new WorkerClient(running.urls[0] ?? '');
    const { chain } = new Duty(client, new Uint8Array());
    const response = await client.init(chain);
    return new Duty(client, response.encodedPublicKey);
  }

  /** A block with these messages, synced and dispatched. */
  async block(
    payloads: readonly Uint8Array[] = [],
    more: readonly (readonly [Uint8Array, Uint8Array])[] = [],
  ): Promise<void> {
    await this.rawBlock(
      payloads.map((payload) => fromPallet(payload)),
      more,
    );
  }

  async rawBlock(
    messages: readonly Uint8Array[],
    more: readonly (readonly [Uint8Array, Uint8Array])[] = [],
  ): Promise<void> {
    const { chain, client } = this;
    const { number } = chain.addPara([[OUTBOUND, scale.vec(messages)], ...more]);
    const relay = chain.addRelay().number;
    await client.bin(
      'sync_combined_headers',
      chain.combined({ relay: [relay, relay], para: [number, number] }),
    );
    expect(await client.bin('dispatch_block', chain.blocks(number, number))).toEqual({
      dispatched_to: number,
    });
  }

  ingress(sequence: number): readonly [Uint8Array, Uint8Array] {
    const origin = concatBytes(Uint8Array.of(2), this.key);
    return [storageMapKey('PhalaMq', 'OffchainIngress', twox64Concat(origin)), scale.u64(sequence)];
  }

  for(event: Uint8Array): Uint8Array {
    return workerEvent(this.key, event);
  }
}

describe('registration and benchmark', () => {
  it('is registered by its own event only', async () => {
    const duty = await Duty.start();
    const other = workerEvent(new Uint8Array(32).fill(3), Event.registered);
    await duty.block([other]);
    // Not from a pallet, and not on this topic.
    const payload = duty.for(Event.registered);
    const fromAccount = concatBytes(
      Uint8Array.of(3),
      new Uint8Array(32),
      scale.text('phala/system/event'),
      scale.bytes(payload),
    );
    await duty.rawBlock([fromAccount, fromPallet(payload, 'phala/other')]);
    expect((await duty.client.info()).registered).toBe(false);
    await duty.block([payload]);
    expect((await duty.client.info()).registered).toBe(true);
  });

  it('reports the benchmark after its blocks, signed, until the chain has it', async () => {
    const duty = await Duty.start();
    await duty.block([duty.for(Event.registered), duty.for(Event.benchStart(3))]);
    const startMs = duty.chain.timeMs(1);
    await duty.block();
    await duty.block();
    expect(await duty.client.egress()).toEqual([]);
    await duty.block();
    const [report, ...rest] = await duty.client.egress();
    expect(rest).toEqual([]);
    expect(report?.destination).toBe('^phala/registry/event');
    expect(report?.sequence).toBe(0n);
    expect(toHex(report?.payload.slice(0, 9) ?? new Uint8Array())).toBe(
      toHex(concatBytes(Uint8Array.of(0), scale.u64(startMs))),
    );
    const iterations = Buffer.from(report?.payload ?? []).readBigUInt64LE(9);
    // 36 s at 200 to 299 a second.
    expect(iterations).toBeGreaterThanOrEqual(7200n);
    expect(iterations).toBeLessThan(10_800n);
    expect(
      sr25519Verify(
        report?.signed ?? new Uint8Array(),
        report?.signature ?? new Uint8Array(),
        duty.key,
      ),
    ).toBe(true);
    expect((await duty.client.info()).pendingMessages).toBe(1n);
    await duty.block([], [duty.ingress(1)]);
    expect(await duty.client.egress()).toEqual([]);
    expect((await duty.client.info()).pendingMessages).toBe(0n);
  });

  it('counts nothing while it works through old blocks', async () => {
    const duty = await Duty.start({ nowMs: () => Number(GENESIS_MS) + 7_200_000 });
    await duty.block([duty.for(Event.benchStart(1))]);
    await duty.block();
    const [report] = await duty.client.egress();
    expect(Buffer.from(report?.payload ?? []).readBigUInt64LE(9)).toBe(0n);
  });
});

describe('heartbeats', () => {
  it('are sent while registered, working and responsive', async () => {
    const duty = await Duty.start();
    const count = async (): Promise<number> => (await duty.client.egress()).length;
    await duty.block([everybody, duty.for(Event.started(7)), everybody]);
    expect(await count()).toBe(0);
    await duty.block([duty.for(Event.registered), everybody]);
    expect(await count()).toBe(1);
    const [beat] = await duty.client.egress();
    expect(beat?.destination).toBe('phala/mining/report');
    const expected = concatBytes(
      Uint8Array.of(0),
      scale.u32(7),
      scale.u32(2),
      scale.u64(duty.chain.timeMs(2)),
    );
    expect(toHex(beat?.payload.slice(0, expected.length) ?? new Uint8Array())).toBe(
      toHex(expected),
    );
    expect(beat?.payload.length).toBe(25);
    await duty.block([duty.for(Event.enterUnresponsive), everybody]);
    expect(await count()).toBe(1);
    await duty.block([duty.for(Event.exitUnresponsive), everybody]);
    expect(await count()).toBe(2);
    await duty.block([duty.for(Event.stopped), everybody]);
    expect(await count()).toBe(2);
  });

  it('answer a challenge when hash XOR seed is within the target, read as written', async () => {
    const { blake2b256 } = await import('../primitives/index.js');
    const duty = await Duty.start();
    await duty.block([duty.for(Event.registered), duty.for(Event.started(1))]);
    // The hash is a big-endian number, seed and target are little-endian.
    const hash = Uint8Array.from(blake2b256(duty.key)).reverse();
    const one = new Uint8Array(32);
    one[0] = 1;
    const seed = hash.slice();
    seed[0] = (seed[0] ?? 0) ^ 2; // distance 2
    await duty.block([challenge(seed, one)]);
    expect((await duty.client.egress()).length).toBe(0);
    seed[0] = (seed[0] ?? 0) ^ 3; // distance 1
    await duty.block([challenge(seed, one)]);
    expect((await duty.client.egress()).length).toBe(1);
  });

  it('are HeartbeatV2 from 2.x', async () => {
    running = await startWorkers({
      count: 1,
      basePort: 0,
      dataDir: undefined,
      pruntime: ['2.x'],
      seed: 'duties',
    });
    const client = new WorkerClient(running.urls[0] ?? '');
    const chain = new SampleChain();
    const { encodedPublicKey: key } = await client.init(chain);
    const messages = [Event.registered, Event.started(1)]
      .map((event) => fromPallet(workerEvent(key, event)))
      .concat([fromPallet(everybody)]);
    chain.addPara([[OUTBOUND, scale.vec(messages)]]);
    chain.addRelay();
    await client.bin('sync_combined_headers', chain.combined({ relay: [1, 1], para: [0, 1] }));
    await client.bin('dispatch_block', chain.blocks(1, 1));
    const [beat] = await client.egress();
    expect(beat?.payload[0]).toBe(1);
    expect(beat?.payload.length).toBe(33);
  });
});

describe('chain state', () => {
  it('must hold a time and messages that can be read', async () => {
    const duty = await Duty.start();
    const { chain, client } = duty;
    const nowKey = storagePrefix('Timestamp', 'Now');
    const { number } = chain.addPara([[nowKey, undefined]], false);
    chain.addRelay();
    await client.bin('sync_combined_headers', chain.combined({ relay: [1, 1], para: [1, 1] }));
    expect(await client.bin('dispatch_block', chain.blocks(number, number))).toEqual({
      message: 'No timestamp found in block',
    });
    // The block itself was applied.
    expect(await client.heights()).toEqual([2, 2, 2]);
    chain.addPara([[OUTBOUND, fromHex('0x0409')]]);
    chain.addRelay();
    await client.bin('sync_combined_headers', chain.combined({ relay: [2, 2], para: [2, 2] }));
    expect(await client.bin('dispatch_block', chain.blocks(2, 2))).toEqual({
      message: 'Can not get mq messages from storage',
    });
  });

  it('keeps an empty value apart from none', async () => {
    const duty = await Duty.start();
    await duty.block([], [[utf8('empty'), new Uint8Array()]]);
    expect((await duty.client.info()).stateRoot).toBe(
      toHex(duty.chain.paraAt(1).state.root()).slice(2),
    );
  });
});
