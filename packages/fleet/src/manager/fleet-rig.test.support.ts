import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { create, toBinary } from '@bufbuild/protobuf';
import {
  abortedError,
  silentLogger,
  silentMetrics,
  sleep,
  toHex,
  Watched,
  type Hex,
} from '@runtime-bridge/base';
import {
  composeBlocks,
  composeCombinedHeaders,
  encodeEgressMessages,
  encodeGenesisInfo,
  encodeHeader,
  encodeHeaderToSync,
  encodeWorkerOrigin,
  headerHash,
  headerNumber,
  decodeHeadersToSync,
  parseBlobKey,
  peekBlocks,
  splitCombinedHeaders,
} from '@runtime-bridge/blob-codec';
import type { ChainFacts, SessionFacts, WorkerFacts } from '@runtime-bridge/chain-client/tx';
import {
  type CallOptions,
  classifyText,
  PRuntimeError,
  WorkerErrorClass,
  type PRuntimeInfo,
  type RegistrationInfo,
} from '@runtime-bridge/prpc-client';
import type { JobOutcome, JobRequest } from '@runtime-bridge/tx-queue';
import { GenesisSchema, ParentBlockSchema, RangeMetaSchema } from '@runtime-bridge/walkie-protocol';

import { Inventory } from '../inventory/inventory.js';
import type { WorkerClient } from '../life/worker-life.js';
import type { Line, ProviderView, ToManager, ToRunner, WorkerStatus } from '../runner/messages.js';
import { Runner } from '../runner/runner.js';
import type { BlobConnection } from '../sync/blob-fetcher.js';
import type { ChainInterest } from './chain-watch.js';
import { FleetManager, type FleetManagerOptions } from './fleet-manager.js';

/** Relay height at which workers begin; para head at relay height h is (h - 10) / 2. */
const GENESIS_RELAY = 10;
const JUSTIFIED_EVERY = 4;
const PARA_ID = 2004;
const ZERO = new Uint8Array(32);

const header = (number: number) =>
  encodeHeader({ parentHash: ZERO, number, stateRoot: ZERO, extrinsicsRoot: ZERO, logs: [] });
const paraHeadAt = (relay: number) => Math.max(0, Math.floor((relay - GENESIS_RELAY) / 2));

/** A proof that a scripted worker believes, and one that it does not. */
const GOOD_PROOF = Uint8Array.of(1);
const BAD_PROOF = Uint8Array.of(2);

/** Both chains as a data provider serves them, scripted. */
export class FakeProvider {
  relayHeight = GENESIS_RELAY + 8;
  /** Blobs made of rows here are wrong. */
  lies = false;
  down = false;
  served = 0;

  constructor(readonly peerId: string) {}

  view(paraTarget?: number): ProviderView {
    const paraHeight = paraHeadAt(this.relayHeight);
    return {
      peerId: this.peerId,
      host: this.peerId,
      port: 8012,
      paraId: PARA_ID,
      relayTarget: this.relayHeight,
      relayHeight: this.relayHeight,
      paraTarget: paraTarget ?? paraHeight,
      paraHeight,
    };
  }

  connection(): BlobConnection {
    return {
      get: async (key) => {
        await Promise.resolve();
        if (this.down) throw new Error('connection refused');
        this.served += 1;
        return this.#blob(key);
      },
      close: async () => undefined,
    };
  }

  #blob(text: string): Uint8Array | undefined {
    const key = parseBlobKey(text);
    switch (key?.kind) {
      case 'genesis':
        return toBinary(
          GenesisSchema,
          create(GenesisSchema, {
            paraId: PARA_ID,
            bridgeGenesisInfo: encodeGenesisInfo({
              header: header(GENESIS_RELAY),
              authoritySet: { authorities: [], setId: 0n },
              proof: [],
            }),
            genesisState: Uint8Array.of(0),
          }),
        );
      case 'rangeByParentBlock': {
        if (key.relayHeight > this.relayHeight) return undefined;
        const next = Math.ceil(key.relayHeight / JUSTIFIED_EVERY) * JUSTIFIED_EVERY;
        const end = Math.min(next, this.relayHeight);
        const before = paraHeadAt(key.relayHeight - 1);
        const head = paraHeadAt(end);
        return toBinary(
          RangeMetaSchema,
          create(RangeMetaSchema, {
            parentStartBlock: key.relayHeight,
            parentStopBlock: end,
            paraStartBlock: head > before ? before + 1 : -1,
            paraStopBlock: head > before ? head : -1,
          }),
        );
      }
      case 'drySyncHeader': {
        if (key.relayEnd > this.relayHeight) return undefined;
        if (key.paraEnd >= 0 && key.paraEnd !== paraHeadAt(key.relayEnd)) return undefined;
        const relay = numbers(key.relayStart, key.relayEnd);
        const para = key.paraEnd < 0 ? [] : numbers(key.paraStart, key.paraEnd);
        return composeCombinedHeaders({
          relayHeaders: relay.map((number) =>
            encodeHeaderToSync(
              header(number),
              number === key.relayEnd ? Uint8Array.of(7) : undefined,
            ),
          ),
          paraHeaders: para.map(header),
          proof: para.length === 0 ? [] : [this.lies ? BAD_PROOF : GOOD_PROOF],
        });
      }
      case 'dryParaBlock':
        if (key.number > paraHeadAt(this.relayHeight)) return undefined;
        return composeBlocks([{ header: header(key.number), storageChanges: Uint8Array.of(0, 0) }]);
      case 'parent': {
        if (key.number > this.relayHeight || key.number <= GENESIS_RELAY) return undefined;
        return toBinary(
          ParentBlockSchema,
          create(ParentBlockSchema, {
            number: key.number,
            paraNumber: paraHeadAt(key.number),
            paraProof: GOOD_PROOF,
          }),
        );
      }
      default:
        return undefined;
    }
  }
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Where a fault strikes: before the call changes anything, or after it took effect. */
export type FaultPoint = 'before' | 'after';

/** A pRuntime 0.2.6 in memory, with its counters and its error texts; it believes or refuses as scripted. */
export class FakeWorker implements WorkerClient {
  initialized = false;
  registered = false;
  h = 0;
  q = 0;
  b = 0;
  relayRoot = false;
  /** Sequence of the next message, and those not acknowledged. */
  messages: { sequence: bigint; raw: Uint8Array }[] = [];
  encodedReport = false;
  calls: string[] = [];
  kicked = 0;
  /** Called around every call; may throw. */
  fault: (call: string, point: FaultPoint) => void | Promise<void> = () => undefined;
  readonly key: Uint8Array;

  constructor(readonly id: number) {
    this.key = new Uint8Array(32).fill(id);
  }

  get publicKey(): Hex {
    return toHex(this.key);
  }

  get origin(): Hex {
    return toHex(encodeWorkerOrigin(this.key));
  }

  /** Forgets everything, as one that was restarted without its data. */
  wipe(): void {
    this.initialized = false;
    this.registered = false;
    this.h = this.q = this.b = 0;
    this.relayRoot = false;
    this.messages = [];
  }

  say(): void {
    const sequence = (this.messages.at(-1)?.sequence ?? -1n) + 1n;
    this.messages.push({ sequence, raw: signedMessage(this.key, sequence) });
  }

  getInfo(): Promise<PRuntimeInfo> {
    return this.#call('getInfo', () => ({
      initialized: this.initialized,
      registered: this.registered,
      publicKey: this.initialized ? this.publicKey.slice(2) : undefined,
      genesisBlockHash: this.initialized
        ? toHex(headerHash(header(GENESIS_RELAY))).slice(2)
        : undefined,
      nextRelayHeader: this.h,
      nextParaHeader: this.q,
      nextBlock: this.b,
      waitingForParaHeaders: false,
      devMode: false,
      pendingMessages: BigInt(this.messages.length),
      version: '0.2.6',
      gitRevision: '',
      runtimeInfo: { initialized: this.initialized },
    }));
  }

  initRuntime(): Promise<RegistrationInfo> {
    return this.#call('initRuntime', () => {
      if (this.initialized) throw refusal('Runtime already initialized');
      this.initialized = true;
      this.h = GENESIS_RELAY + 1;
      this.q = 1;
      this.b = 1;
      return this.#registration();
    });
  }

  getRuntimeInfo(): Promise<RegistrationInfo> {
    return this.#call('getRuntimeInfo', () => this.#registration());
  }

  getEgressMessages(): Promise<Uint8Array> {
    return this.#call('getEgressMessages', () =>
      encodeEgressMessages([{ origin: encodeWorkerOrigin(this.key), messages: this.messages }]),
    );
  }

  async kick(): Promise<void> {
    await this.#call('kick', () => (this.kicked += 1));
  }

  syncCombinedHeaders(
    blob: Uint8Array,
    options?: CallOptions,
  ): Promise<{ relay: number; para: number }> {
    return this.#call(
      'syncCombinedHeaders',
      () => {
        this.#needState();
        const parts = splitCombinedHeaders(blob);
        const relay = decodeHeadersToSync(parts.encodedRelayHeaders)
          .map((item) => ({
            number: headerNumber(item.header),
            justified: item.justification !== undefined,
          }))
          .filter(({ number }) => number >= this.h);
        if (relay.length > 0) {
          if (relay[0]!.number !== this.h) throw refusal('BlockNumberMismatch');
          if (!relay.at(-1)!.justified) throw refusal('MissingJustification');
          this.h = relay.at(-1)!.number + 1;
          this.relayRoot = true;
        }
        if (parts.para) this.#takeParaHeaders(parts.para, parts.proof);
        return { relay: this.h - 1, para: this.q - 1 };
      },
      options,
    );
  }

  syncParaHeader(input: {
    blob: Uint8Array;
    proof: Uint8Array[];
    encodedParaHeaders: Uint8Array;
  }): Promise<number> {
    return this.#call('syncParaHeader', () => {
      this.#needState();
      const whole = splitCombinedHeaders(
        new Uint8Array([
          0,
          0,
          ...input.encodedParaHeaders,
          ...input.blob.subarray(input.encodedParaHeaders.length),
        ]),
      );
      this.#takeParaHeaders(whole.para!, input.proof);
      return this.q - 1;
    });
  }

  dispatchBlocks(blob: Uint8Array): Promise<number> {
    return this.#call('dispatchBlocks', () => {
      this.#needState();
      const span = peekBlocks(blob)!;
      for (const number of numbers(span.first, span.last)) {
        if (number < this.b) continue;
        if (number !== this.b) throw refusal('BlockNumberMismatch');
        if (number >= this.q) throw refusal('NoStateRoot');
        this.b += 1;
      }
      return this.b - 1;
    });
  }

  #takeParaHeaders(para: { first: number; last: number }, proof: Uint8Array[]): void {
    if (para.last < this.q) return;
    if (para.first > this.q) throw refusal('BlockNumberMismatch');
    if (!this.relayRoot) throw refusal('RelaychainHeaderNotSynced');
    if (proof[0]?.[0] !== GOOD_PROOF[0])
      throw refusal('StorageProofFailed(storage value mismatch)');
    this.relayRoot = false;
    this.q = para.last + 1;
  }

  #needState(): void {
    if (!this.initialized) throw refusal('Runtime not initialized');
  }

  #registration(): RegistrationInfo {
    return {
      encodedRuntimeInfo: Uint8Array.of(1),
      encodedPublicKey: this.key,
      attestation: this.encodedReport
        ? { kind: 'encodedReport', provider: '"ias"', encodedReport: Uint8Array.of(1, 0) }
        : {
            kind: 'payload',
            provider: 'SGX',
            report: '{}',
            signature: Uint8Array.of(1, 2),
            signingCert: Uint8Array.of(3),
          },
    };
  }

  async #call<T>(name: string, run: () => T, options: CallOptions = {}): Promise<T> {
    this.calls.push(name);
    await givenUp(this.fault(name, 'before'), options.signal);
    const result = run();
    await givenUp(this.fault(name, 'after'), options.signal);
    return result;
  }
}

/** A hanging call ends with its signal, as an HTTP request does. */
async function givenUp(work: void | Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(abortedError(signal)), { once: true });
  });
  await Promise.race([work, aborted]);
}

/** SCALE SignedMessage of a worker with this sequence. */
function signedMessage(key: Uint8Array, sequence: bigint): Uint8Array {
  const little = new Uint8Array(8);
  new DataView(little.buffer).setBigUint64(0, sequence, true);
  return new Uint8Array([2, ...key, 4, 0x70, 0, ...little, 0]);
}

/** What pRuntime says when it refuses. */
export function refusal(text: string): PRuntimeError {
  return new PRuntimeError(classifyText(text), `pRuntime refused: ${text}`, text);
}

/** What a broken connection looks like. */
export function broken(): PRuntimeError {
  return new PRuntimeError(
    WorkerErrorClass.TRANSPORT,
    'Could not reach pRuntime: ECONNRESET',
    undefined,
  );
}

/** The parachain as the manager sees it: facts, and a trader that carries jobs out in the next block. */
export class FakeChain {
  readonly facts = new Watched<ChainFacts | undefined>(undefined);
  readonly jobs: JobRequest[] = [];
  readonly workers = new Map<Hex, WorkerFacts>();
  readonly ingress = new Map<Hex, bigint>();
  freeStake = 1_000_000_000_000_000n;
  block = 0;
  /** What becomes of a job instead of success. */
  reject: (request: JobRequest) => string | undefined = () => undefined;
  interest: ChainInterest = { workers: [], origins: [], pools: [] };

  setInterest(interest: ChainInterest): void {
    this.interest = interest;
    this.publish();
  }

  /** A block is finalised. */
  advance(height: number): void {
    this.block = Math.max(this.block, height);
    this.publish();
  }

  publish(): void {
    this.facts.set({
      block: this.block,
      blockHash: `0x${'00'.repeat(32)}`,
      coolDownPeriodSec: 0,
      workers: new Map(this.interest.workers.map((key) => [key, { ...this.of(key) }])),
      ingress: new Map(
        this.interest.origins.map((origin) => [origin, this.ingress.get(origin) ?? 0n]),
      ),
      pools: new Map(
        this.interest.pools.map((pool) => [
          pool,
          { ownerAccount: '0x00', freeStake: this.freeStake, workerCount: 0 },
        ]),
      ),
    });
  }

  of(key: Hex): WorkerFacts {
    const known = this.workers.get(key) ?? { publicKey: key, registered: false };
    this.workers.set(key, known);
    return known;
  }

  async submit(request: JobRequest): Promise<JobOutcome> {
    this.jobs.push(request);
    await sleep(1);
    const reason = this.reject(request);
    if (reason !== undefined) return { ok: false, error: { code: 'REFUSED', message: reason } };
    this.#apply(request);
    return { ok: true, blockHash: '0x00', blockNumber: this.block + 1, txHash: '0x00' };
  }

  /** Actions asked for a worker, in order. */
  actions(key: Hex): string[] {
    return this.jobs.filter(({ id }) => id.includes(key)).map(({ job }) => job.action);
  }

  #apply({ id, job }: JobRequest): void {
    const [, subject = ''] = id.split(':');
    const worker = this.of(subject as Hex);
    switch (job.action) {
      case 'REGISTER_WORKER':
        worker.registered = true;
        worker.operator = OPERATOR;
        worker.initialScore = 100;
        return;
      case 'ADD_WORKER':
        worker.poolId = BigInt(job.payload.pid);
        worker.session = session('Ready');
        return;
      case 'START_COMPUTING':
      case 'RESTART_COMPUTING':
        worker.session = session('WorkerIdle');
        worker.stake = BigInt(job.payload.stake);
        return;
      case 'STOP_COMPUTING':
        worker.session = session('WorkerCoolingDown');
        return;
      case 'BATCH_SYNC_MQ_MESSAGE': {
        this.workers.delete(subject as Hex);
        const origin = subject as Hex;
        const next = this.ingress.get(origin) ?? 0n;
        this.ingress.set(origin, next + BigInt(job.payload.messages.length));
      }
    }
  }
}

/** A session in some state. */
export function session(state: SessionFacts['state']): SessionFacts {
  return {
    state,
    v: 0n,
    ve: 0n,
    pInit: 0,
    pInstant: 0,
    totalReward: 0n,
    coolDownStart: 0n,
    json: { state },
  };
}

/** Public key of the operator of all pools of a rig. */
export const OPERATOR: Hex = `0x${'ee'.repeat(32)}`;
const PHA = 1_000_000_000_000n;

/** A whole fleet in one process: manager, runners in memory, scripted workers, providers and chain. */
export class FleetRig {
  readonly providers = [new FakeProvider('p1'), new FakeProvider('p2')];
  readonly views = new Watched<readonly ProviderView[]>([]);
  readonly workers = new Map<string, FakeWorker>();
  readonly chain = new FakeChain();
  readonly runners: { id: string; kill: () => void }[] = [];
  readonly fleet: FleetManager;
  /** Finalised para height that the chain knows and no provider has. */
  paraTarget: number | undefined;
  #ticking: NodeJS.Timeout | undefined;

  private constructor(
    readonly inventory: Inventory,
    private readonly directory: string,
    options: Partial<FleetManagerOptions>,
  ) {
    this.fleet = new FleetManager(
      {
        maxWorkersPerRunner: 10,
        syncOnly: false,
        runner: { restartMinMs: 5, restartMaxMs: 20 },
        settings: {
          requestTimeoutMs: 1_000,
          blobTimeoutMs: 1_000,
          keepAlive: true,
          keepAliveTimeoutMs: 1_000,
          blobConcurrency: 16,
          cacheMaxItems: 1_000,
          cacheMaxBytes: 1_000_000,
          cacheMaxAgeMs: 60_000,
          skipRa: false,
          minScore: 50,
          enforceMinScore: false,
        },
        ...options,
      },
      {
        inventory,
        providers: this.views,
        chain: this.chain,
        registerWorkerV2: () => true,
        bestBlock: () => this.chain.block,
        producer: this.chain,
        spawnRunner: (id) => this.#spawn(id),
        logger: silentLogger,
        metrics: silentMetrics,
      },
    );
  }

  /** Makes a rig with one pool (7) and so many enabled workers (w1, w2, …). */
  static async create(
    count: number,
    options: Partial<FleetManagerOptions> = {},
  ): Promise<FleetRig> {
    const directory = await mkdtemp(join(tmpdir(), 'fleet-rig-'));
    const inventory = await Inventory.open(
      { directory },
      {
        sealOperator: () => ({
          publicKey: new Uint8Array(32).fill(0xee),
          sealed: Uint8Array.of(9),
        }),
        logger: silentLogger,
      },
    );
    const rig = new FleetRig(inventory, directory, options);
    await inventory.createPools([
      {
        poolId: 7n,
        name: 'pool',
        enabled: true,
        syncOnly: false,
        proxiedAccount: '',
        mnemonic: 'x',
      },
    ]);
    for (let index = 1; index <= count; index += 1) await rig.add(`w${index}`);
    rig.chain.advance(rig.head);
    rig.look();
    await rig.fleet.start();
    return rig;
  }

  /** Creates another worker. */
  async add(
    name: string,
    over: Partial<{ enabled: boolean; syncOnly: boolean; stake: string }> = {},
  ): Promise<FakeWorker> {
    const worker = new FakeWorker(this.workers.size + 1);
    this.workers.set(`http://${name}:8000`, worker);
    await this.inventory.createWorkers([this.input(name, over)]);
    return worker;
  }

  input(name: string, over: Partial<{ enabled: boolean; syncOnly: boolean; stake: string }> = {}) {
    return {
      poolId: 7n,
      name,
      endpoint: `http://${name}:8000`,
      stake: PHA.toString(),
      enabled: true,
      syncOnly: false,
      ...over,
    };
  }

  worker(name: string): FakeWorker {
    return this.workers.get(`http://${name}:8000`)!;
  }

  uuid(name: string): string {
    return [...this.inventory.snapshot.workers.values()].find((row) => row.name === name)!.uuid;
  }

  status(name: string): WorkerStatus | undefined {
    return this.fleet.snapshot(this.uuid(name))?.status;
  }

  message(name: string): string {
    return this.fleet.snapshot(this.uuid(name))?.lastMessage ?? '';
  }

  /** Lets the chains grow by so many relay blocks each interval. */
  run(intervalMs = 20, blocks = 1): void {
    this.#ticking = setInterval(() => this.grow(blocks), intervalMs);
  }

  halt(): void {
    clearInterval(this.#ticking);
  }

  /** One step of both chains, seen by all providers. */
  grow(blocks = 1): void {
    for (const provider of this.providers) provider.relayHeight += blocks;
    this.look();
    this.chain.advance(this.head);
  }

  look(): void {
    this.views.set(
      this.providers.filter(({ down }) => !down).map((provider) => provider.view(this.paraTarget)),
    );
  }

  /** Height of the para head that providers serve. */
  get head(): number {
    return Math.max(...this.providers.map(({ relayHeight }) => paraHeadAt(relayHeight)));
  }

  /** Waits for something to become true. */
  async until(what: string, holds: () => boolean, timeoutMs = 5_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!holds()) {
      if (Date.now() > end) {
        const states = [...this.inventory.snapshot.workers.values()]
          .map(({ name }) => `${name} ${this.status(name)} ${this.message(name)}`)
          .join('; ');
        throw new Error(`Did not happen: ${what}. ${states}`);
      }
      await sleep(5);
    }
  }

  async close(): Promise<void> {
    this.halt();
    await this.fleet.stop();
    await this.inventory.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  #spawn(id: string) {
    const [managerEnd, runnerEnd, cut] = memoryLine<ToRunner, ToManager>();
    const runner = new Runner(
      {
        reportIntervalMs: 5,
        beatIntervalMs: 50,
        timing: {
          infoIntervalMs: 20,
          egressIntervalMs: 15,
          planIntervalMs: 100,
          stallMs: 400,
          errorMinMs: 20,
          errorMaxMs: 60,
          sync: { minDelayMs: 5, maxDelayMs: 20, blobPollMs: 5 },
        },
      },
      {
        line: runnerEnd,
        connect: (view) =>
          this.providers.find(({ peerId }) => peerId === view.peerId)!.connection(),
        client: (endpoint) => this.workers.get(endpoint)!,
        logger: silentLogger,
        metrics: silentMetrics,
      },
    );
    runnerEnd.onMessage((message) => {
      if (message.kind === 'stop') void runner.stop().then(cut);
    });
    const kill = () => {
      cut();
      void runner.stop();
    };
    this.runners.push({ id, kill });
    queueMicrotask(() => runner.start());
    return { line: managerEnd, kill };
  }
}

/** Two ends of a line in memory, and a way to cut it. */
export function memoryLine<A, B>(): [Line<A, B>, Line<B, A>, () => void] {
  const toA = new Set<(message: B) => void>();
  const toB = new Set<(message: A) => void>();
  const closes = new Set<() => void>();
  let open = true;
  const end = <Out, In>(
    out: Set<(message: Out) => void>,
    into: Set<(message: In) => void>,
  ): Line<Out, In> => ({
    send: (message) => {
      const copy = structuredClone(message);
      setImmediate(() => {
        if (open) for (const listener of [...out]) listener(copy);
      });
    },
    onMessage: (listener) => {
      into.add(listener);
      return () => into.delete(listener);
    },
    onClose: (listener) => {
      closes.add(listener);
      return () => closes.delete(listener);
    },
  });
  const cut = () => {
    if (!open) return;
    open = false;
    for (const listener of [...closes]) listener();
  };
  return [end<A, B>(toB, toA), end<B, A>(toA, toB), cut];
}
