import {
  AbortScope,
  abortedError,
  Backoff,
  BridgeError,
  fromHex,
  Watched,
  type Clock,
  type Hex,
  type Logger,
} from '@runtime-bridge/base';
import {
  isPRuntimeError,
  WorkerErrorClass,
  type PRuntimeClient,
  type PRuntimeInfo,
} from '@runtime-bridge/prpc-client';
import type { JobOutcome } from '@runtime-bridge/tx-queue';

import { FleetError, FleetErrorCode } from '../errors.js';
import type {
  EgressReport,
  RunnerChainFacts,
  RunnerSettings,
  WorkerCommand,
  WorkerEvent,
  WorkerJob,
  WorkerSnapshot,
  WorkerSpec,
} from '../runner/messages.js';
import type { BlobLibrary } from '../sync/blob-library.js';
import type { GenesisKeeper } from '../sync/genesis-keeper.js';
import type { HeadView } from '../sync/head.js';
import { untilLag } from '../sync/lag.js';
import { positionOf, SyncDriver, type SyncDriverOptions } from '../sync/sync-driver.js';
import { ChainOperations } from './chain-operations.js';
import { LifeMachine, statusOf, type LifeState } from './life-state.js';
import { MessageLog } from './message-log.js';
import { expectToFollow, explainRefusal } from './relay-support.js';
import { together } from './together.js';

/** The calls of a pRuntime that a life needs. */
export type WorkerClient = Pick<
  PRuntimeClient,
  | 'getInfo'
  | 'initRuntime'
  | 'getRuntimeInfo'
  | 'getEgressMessages'
  | 'kick'
  | 'syncCombinedHeaders'
  | 'syncParaHeader'
  | 'dispatchBlocks'
>;

/** How often things are looked at, and how patiently. Defaults suit chains with 12 s blocks. */
export interface LifeTiming {
  /** Between two GetInfo. @default 3000 */
  infoIntervalMs?: number;
  /** Between two looks at the egress list. @default 3000 */
  egressIntervalMs?: number;
  /** Longest time without a new decision about what to do on chain. @default 12000 */
  planIntervalMs?: number;
  /** How long a height may stand still while it could move. @default 180000 */
  stallMs?: number;
  /** First wait in S_ERROR. @default 3000 */
  errorMinMs?: number;
  /** Longest wait in S_ERROR. @default 60000 */
  errorMaxMs?: number;
  /** Patience of the sync. */
  sync?: SyncDriverOptions;
}

/** What a life works with. */
export interface WorkerLifeCollaborators {
  client: WorkerClient;
  library: BlobLibrary;
  genesis: GenesisKeeper;
  head: Watched<HeadView>;
  facts: Watched<RunnerChainFacts | undefined>;
  /** Asks the manager for a transaction. */
  submit: (publicKey: Hex, job: WorkerJob, signal: AbortSignal) => Promise<JobOutcome>;
  reportEgress: (reports: readonly EgressReport[]) => void;
  /** Told whenever the snapshot is a new one. */
  onChange: () => void;
  /** Told of each message and each change of state. */
  onEvent: (event: WorkerEvent) => void;
  clock: Clock;
  logger: Logger;
}

/** Blocks behind the best head at which a worker counts as standing there; as the data provider's own status does. */
const AT_HEAD_BLOCKS = 3;
/** Blocks behind at which it no longer does. Far from the former, so that no state flaps. */
const BEHIND_BLOCKS = 30;
/** GetInfo failures in a row before the worker counts as failed, as in 2022. */
const MAX_INFO_FAILURES = 5;
/** Errors that syncing on does not cure, and that are therefore tried again less often. */
const CHAIN_ERRORS: ReadonlySet<string> = new Set([
  FleetErrorCode.WORKER_IN_OTHER_POOL,
  FleetErrorCode.TRANSACTION_FAILED,
  FleetErrorCode.NO_ATTESTATION,
  FleetErrorCode.REGISTRATION_UNSUPPORTED,
  FleetErrorCode.RELAY_CHAIN_UNSUPPORTED,
]);
/** Such an error waits this many times as long. */
const CHAIN_ERROR_FACTOR = 5;
/** 2022's key of development workers: 31 zero bytes and a one (runtime-bridge 80fde2c src/lifecycle/runner). */
const DEBUG_KEY = new Uint8Array(32).fill(0).fill(1, 31);

/**
 * One worker from the cradle: looked at, initialized, synced, held at the head, brought to compute, watched. Whatever
 * fails leads to S_ERROR, which waits, longer each time, and begins anew from what worker and chain say then.
 */
export class WorkerLife {
  readonly #spec: Watched<WorkerSpec>;
  readonly #settings: RunnerSettings;
  readonly #timing: Required<LifeTiming>;
  readonly #collaborators: WorkerLifeCollaborators;
  readonly #machine: LifeMachine;
  readonly #messages = new MessageLog();
  readonly #stopping = new AbortController();
  readonly #operations: ChainOperations;
  readonly #backoff: Backoff;
  readonly #chainBackoff: Backoff;
  #round = new AbortController();
  #kickWanted = false;
  #info: PRuntimeInfo | undefined;
  #driver: SyncDriver | undefined;
  #failedAt: { nextRelay: number; nextPara: number; nextBlock: number } | undefined;
  /** Whether the newest message tells of something that is being waited out. */
  #troubled = false;
  #sinceMs: number;
  #running: Promise<void> | undefined;

  constructor(
    options: { spec: WorkerSpec; settings: RunnerSettings; timing?: LifeTiming },
    collaborators: WorkerLifeCollaborators,
  ) {
    const { timing = {} } = options;
    this.#spec = new Watched(options.spec);
    this.#settings = options.settings;
    this.#timing = {
      infoIntervalMs: timing.infoIntervalMs ?? 3_000,
      egressIntervalMs: timing.egressIntervalMs ?? 3_000,
      planIntervalMs: timing.planIntervalMs ?? 12_000,
      stallMs: timing.stallMs ?? 180_000,
      errorMinMs: timing.errorMinMs ?? 3_000,
      errorMaxMs: timing.errorMaxMs ?? 60_000,
      sync: timing.sync ?? {},
    };
    this.#collaborators = collaborators;
    this.#sinceMs = collaborators.clock.now();
    this.#machine = new LifeMachine((from, to) => this.#onState(from, to));
    const { errorMinMs: minMs, errorMaxMs: maxMs } = this.#timing;
    this.#backoff = new Backoff({ minMs, maxMs });
    this.#chainBackoff = new Backoff({
      minMs: minMs * CHAIN_ERROR_FACTOR,
      maxMs: maxMs * CHAIN_ERROR_FACTOR,
    });
    this.#operations = new ChainOperations(
      {
        settings: options.settings,
        egressIntervalMs: this.#timing.egressIntervalMs,
        planIntervalMs: this.#timing.planIntervalMs,
      },
      {
        spec: this.#spec,
        machine: this.#machine,
        client: collaborators.client,
        head: collaborators.head,
        facts: collaborators.facts,
        clock: collaborators.clock,
        info: () => this.#info,
        submit: collaborators.submit,
        reportEgress: collaborators.reportEgress,
        say: (text) => this.say(text),
        onTrouble: (text) => this.#tellTrouble(text),
        onDone: () => this.#chainBackoff.reset(),
      },
    );
  }

  /** The worker as it is now. */
  get snapshot(): WorkerSnapshot {
    const { state } = this.#machine;
    const info = this.#info;
    const { value: spec } = this.#spec;
    return {
      uuid: spec.uuid,
      status: statusOf(state),
      position: this.#driver?.position.value ?? (info?.initialized ? positionOf(info) : undefined),
      initialized: info?.initialized ?? false,
      publicKey: publicKeyOf(info),
      lastMessage: this.#messages.last,
      runtimeInfo: info?.runtimeInfo,
      error: state.kind === 'error' ? state.error : undefined,
      sinceMs: this.#sinceMs,
    };
  }

  /** Endpoint at which the worker is driven; one that moves needs a new life. */
  get endpoint(): string {
    return this.#spec.value.endpoint;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends everything; calls under way are given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Takes over what the operator changed, all but the endpoint. */
  update(spec: WorkerSpec): void {
    this.#spec.set(spec);
  }

  /** Does what the operator asks; what is under way is given up. */
  command(command: WorkerCommand): void {
    this.#kickWanted = command === 'kick';
    if (command === 'refreshRa') this.#operations.refreshRa();
    this.#backoff.reset();
    this.#chainBackoff.reset();
    this.#round.abort();
  }

  /** Adds a message for the operator. */
  say(text: string): void {
    this.#troubled = false;
    const timeMs = this.#collaborators.clock.now();
    const message = this.#messages.add(text, timeMs);
    if (message === undefined) return;
    const { state } = this.#machine;
    this.#collaborators.onEvent({
      uuid: this.#spec.value.uuid,
      timeMs,
      status: statusOf(state),
      message,
      ...(state.kind === 'error' ? { errorCode: state.error.code } : {}),
    });
    this.#collaborators.onChange();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#round = new AbortController();
      const round = this.#round.signal;
      const both = AbortSignal.any([signal, round]);
      try {
        if (this.#kickWanted) await this.#kick(both);
        else await this.#live(both);
      } catch (error) {
        if (signal.aborted) return;
        if (!round.aborted) await this.#fail(error, both);
      }
      if (!signal.aborted) this.#machine.reset();
    }
  }

  async #fail(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#collaborators;
    const known = explainRefusal(error, this.#info);
    const delayMs = (CHAIN_ERRORS.has(known.code) ? this.#chainBackoff : this.#backoff).next();
    this.#failedAt = this.#driver?.position.value;
    this.#machine.fail(known.toObject(), delayMs);
    this.say(known.remedy === undefined ? known.message : `${known.message} ${known.remedy}`);
    logger.warn('Worker failed', { code: known.code, retryInMs: delayMs }, error);
    try {
      await clock.sleep(delayMs, signal);
    } catch {
      // A command or the end; the caller looks.
    }
  }

  async #kick(signal: AbortSignal): Promise<never> {
    this.#machine.kick();
    try {
      await this.#collaborators.client.kick({ signal });
      this.say('Worker kicked!');
    } catch (error) {
      if (signal.aborted) throw error;
      this.say(`Worker could not be kicked: ${BridgeError.from(error).message}`);
    }
    return new Promise((_resolve, reject) => {
      const end = () => reject(abortedError(signal));
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  }

  async #live(signal: AbortSignal): Promise<never> {
    this.#driver = undefined;
    this.#machine.start();
    const info = await this.#prepare(signal);
    const { client, library, head, clock } = this.#collaborators;
    const driver = new SyncDriver(
      { ...this.#timing.sync, start: positionOf(info) },
      {
        client,
        library,
        head,
        clock,
        onTrouble: (text) => this.#tellTrouble(text),
        onInfo: (fresh) => this.#note(fresh),
      },
    );
    this.#driver = driver;
    const stop = driver.position.subscribe(() => this.#onProgress(driver));
    this.#machine.sync();
    this.say('Synching block data...');
    try {
      return await together(signal, [
        (inner) => driver.run(inner),
        (inner) => this.#watchInfo(driver, inner),
        (inner) => this.#watchHeight(driver, inner),
        (inner) => this.#followHead(driver, inner),
      ]);
    } finally {
      stop();
    }
  }

  /** Brings the worker to where it can take headers. */
  async #prepare(signal: AbortSignal): Promise<PRuntimeInfo> {
    const { client, genesis } = this.#collaborators;
    // Whatever is there now is the worker, also when it is another than before.
    this.#info = undefined;
    let info = await client.getInfo({ signal });
    this.#note(info);
    const say = (text: string) => this.say(text);
    const { relayHash: expected, relayEra } = await genesis.start(signal, say);
    expectToFollow(info, relayEra);
    if (!info.initialized) {
      info = await this.#initialize(signal);
    } else {
      this.say('Runtime already initialized.');
    }
    const found = info.genesisBlockHash;
    if (found !== undefined && found !== expected) {
      throw new FleetError(
        FleetErrorCode.WRONG_GENESIS,
        'pRuntime was initialized for another chain, or from another start',
        {
          facts: { expected, found },
          remedy: 'Clear its data and restart it, or connect it to the bridge of its chain.',
        },
      );
    }
    return info;
  }

  async #initialize(signal: AbortSignal): Promise<PRuntimeInfo> {
    const { client, genesis } = this.#collaborators;
    const start = await genesis.get(signal, (text) => this.say(text));
    const { skipRa } = this.#settings;
    try {
      await client.initRuntime(
        {
          encodedGenesisInfo: start.encodedGenesisInfo,
          encodedGenesisState: start.encodedGenesisState,
          encodedOperator: fromHex(this.#spec.value.operatorAccount),
          ...(skipRa ? { skipRa, debugSetKey: DEBUG_KEY } : {}),
        },
        { signal },
      );
      this.say('Runtime initialized.');
    } catch (error) {
      const code = isPRuntimeError(error) ? error.code : undefined;
      if (code !== WorkerErrorClass.ALREADY_INITIALIZED) throw error;
    }
    const info = await client.getInfo({ signal });
    this.#note(info);
    return info;
  }

  async #watchInfo(driver: SyncDriver, signal: AbortSignal): Promise<never> {
    const { client, clock } = this.#collaborators;
    let failures = 0;
    for (;;) {
      await clock.sleep(this.#timing.infoIntervalMs, signal);
      const { calls } = driver;
      try {
        const info = await client.getInfo({ signal });
        failures = 0;
        this.#note(info);
        if (!driver.busy && driver.calls === calls) driver.adopt(info);
      } catch (error) {
        if (signal.aborted || !isPRuntimeError(error)) throw error;
        // A worker that is taken up with a heavy call may be slow; that call has a deadline of its own.
        if (!driver.busy) failures += 1;
        if (failures > MAX_INFO_FAILURES) throw error;
      }
    }
  }

  /** Notices a height that stands still although there is something to send. */
  async #watchHeight(driver: SyncDriver, signal: AbortSignal): Promise<never> {
    const { clock, head } = this.#collaborators;
    const { stallMs } = this.#timing;
    let stood = driver.position.value;
    let movedAtMs = clock.now();
    for (;;) {
      await clock.sleep(stallMs / 20, signal);
      const { value: position } = driver.position;
      const { relayHeight, paraHeight } = head.value;
      const canMove =
        relayHeight >= position.nextRelay ||
        (position.nextBlock < position.nextPara && paraHeight >= position.nextBlock);
      if (position !== stood || !canMove) {
        stood = position;
        movedAtMs = clock.now();
        continue;
      }
      if (clock.now() - movedAtMs < stallMs) continue;
      throw new FleetError(
        FleetErrorCode.WORKER_STALLED,
        `The worker stands at relay header ${position.nextRelay - 1} and block ${position.nextBlock - 1} for ${Math.round(stallMs / 1000)} s while the chain moves on`,
        { facts: { relay: position.nextRelay - 1, block: position.nextBlock - 1 } },
      );
    }
  }

  /** Operates on chain while the worker stands at the head. */
  async #followHead(driver: SyncDriver, signal: AbortSignal): Promise<never> {
    const around = { head: this.#collaborators.head, position: driver.position };
    for (;;) {
      await untilLag(around, (lag) => lag <= AT_HEAD_BLOCKS, signal);
      this.#machine.reachHead();
      const ending = new AbortScope(signal);
      const inner = ending.signal;
      const behind = untilLag(around, (lag) => lag > BEHIND_BLOCKS, inner).then(
        () => ending.end(),
        () => undefined,
      );
      try {
        await this.#operations.run(inner);
      } catch (error) {
        if (signal.aborted || !inner.aborted) throw error;
      } finally {
        ending.end();
        await behind;
      }
      this.#machine.sync();
      this.say('Fell behind the head, synching block data again...');
    }
  }

  /** Says what is being waited out; its end will be told too. */
  #tellTrouble(text: string): void {
    this.say(text);
    this.#troubled = true;
  }

  #note(info: PRuntimeInfo): void {
    const before = this.#info;
    if (before?.initialized && (!info.initialized || before.publicKey !== info.publicKey)) {
      throw new FleetError(
        FleetErrorCode.WORKER_RESET,
        info.initialized ? 'pRuntime has another key than before' : 'pRuntime lost its state',
        { facts: { before: before.publicKey, now: info.publicKey } },
      );
    }
    this.#info = info;
    this.#collaborators.onChange();
  }

  #onProgress(driver: SyncDriver): void {
    const { value: now } = driver.position;
    const failed = this.#failedAt;
    // Only a step past where it failed shows that the cause is gone.
    if (
      failed &&
      (now.nextRelay > failed.nextRelay ||
        now.nextPara > failed.nextPara ||
        now.nextBlock > failed.nextBlock)
    ) {
      this.#failedAt = undefined;
      this.#backoff.reset();
    }
    if (this.#troubled) this.say('Works again.');
    this.#collaborators.onChange();
  }

  #onState(from: LifeState, to: LifeState): void {
    this.#sinceMs = this.#collaborators.clock.now();
    this.say(`State changed from ${statusOf(from)} to ${statusOf(to)}`);
    this.#collaborators.onChange();
  }
}

/** The worker's key with a prefix, once it has one. */
function publicKeyOf(info: PRuntimeInfo | undefined): Hex | undefined {
  return info?.initialized && info.publicKey !== undefined ? `0x${info.publicKey}` : undefined;
}
