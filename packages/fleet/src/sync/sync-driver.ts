import {
  AbortScope,
  abortedError,
  Backoff,
  BridgeError,
  concatBytes,
  Watched,
  type Clock,
} from '@runtime-bridge/base';
import { encodeStorageProof, splitCombinedHeaders } from '@runtime-bridge/blob-codec';
import {
  isPRuntimeError,
  WorkerErrorClass,
  type PRuntimeClient,
  type PRuntimeInfo,
} from '@runtime-bridge/prpc-client';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { Position } from '../runner/messages.js';
import type { BlobLibrary, HeadersBlob, LookupOptions, SyncBlob } from './blob-library.js';
import type { HeadView } from './head.js';

/** The calls of a pRuntime that syncing needs. */
export type SyncClient = Pick<
  PRuntimeClient,
  'getInfo' | 'syncCombinedHeaders' | 'syncParaHeader' | 'dispatchBlocks'
>;

/** How patient a driver is. */
export interface SyncDriverOptions {
  /** Failures in a row that are waited out before the worker counts as failed. @default 6 */
  maxTransientFailures?: number;
  /** First wait after such a failure. @default 1000 */
  minDelayMs?: number;
  /** Longest wait after such a failure. @default 15000 */
  maxDelayMs?: number;
  /** How long a blob that should be there is waited for before each look. @default 500 */
  blobPollMs?: number;
}

/** What a driver works with. */
export interface SyncDriverCollaborators {
  client: SyncClient;
  library: BlobLibrary;
  head: Watched<HeadView>;
  clock: Clock;
  /** Told when something is waited out, in words for the operator. */
  onTrouble: (text: string) => void;
  /** Told whenever the worker's position is read anew. */
  onInfo: (info: PRuntimeInfo) => void;
}

/** A refusal, and what was refused. */
interface Attempt {
  blob: SyncBlob | undefined;
}

/** Refusals in a row before the worker counts as failed: the second try has fresh bytes, from elsewhere if possible. */
const MAX_REFUSALS = 2;
/** Times in a row that the worker may stand elsewhere than it said. */
const MAX_MISMATCHES = 4;
/** Longest time without looking round, should a wake-up be lost. */
const IDLE_MS = 10_000;
/** Workers at most this far behind the head go first, so that those far behind do not starve them. */
const NEAR_HEAD_BLOCKS = 20;
const PRIORITY_NEAR_HEAD = 1_000;

/**
 * Brings one worker to the head and keeps it there: para headers that it misses, blocks whose headers it has, then the
 * next relay headers. After every failure the worker is asked where it stands, so that a lost answer, a roll-back and a
 * half-accepted call all lead to the same place.
 */
export class SyncDriver {
  readonly position: Watched<Position>;
  readonly #options: Required<SyncDriverOptions>;
  readonly #collaborators: SyncDriverCollaborators;
  readonly #backoff: Backoff;
  /** Whether the last relay header may have been accepted without the para headers that it proves. */
  #mayMissParaHeaders = true;
  #busy = false;
  #calls = 0;
  #refusals = 0;
  #mismatches = 0;

  constructor(
    options: SyncDriverOptions & { start: Position },
    collaborators: SyncDriverCollaborators,
  ) {
    this.#options = {
      maxTransientFailures: options.maxTransientFailures ?? 6,
      minDelayMs: options.minDelayMs ?? 1_000,
      maxDelayMs: options.maxDelayMs ?? 15_000,
      blobPollMs: options.blobPollMs ?? 500,
    };
    this.#collaborators = collaborators;
    this.position = new Watched(options.start);
    this.#backoff = new Backoff({
      minMs: this.#options.minDelayMs,
      maxMs: this.#options.maxDelayMs,
    });
  }

  /** Grows with every call that changes the worker; together with `busy` it tells whether an info is up to date. */
  get calls(): number {
    return this.#calls;
  }

  /** Whether such a call is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Syncs until the signal is aborted.
   * @throws PRuntimeError when the worker keeps failing or refusing; FleetError WORKER_RESET; BridgeError ABORTED
   */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      if (signal.aborted) throw abortedError(signal);
      const attempt: Attempt = { blob: undefined };
      try {
        if (await this.#step(attempt, signal)) this.#succeeded();
        else await this.#idle(signal);
      } catch (error) {
        if (signal.aborted) throw error;
        await this.#recover(error, attempt, signal);
      }
    }
  }

  /** Takes over where the worker says it stands. */
  adopt(info: PRuntimeInfo): void {
    const next = positionOf(info);
    const { value: now } = this.position;
    if (samePosition(next, now)) return;
    this.#mayMissParaHeaders = true;
    this.position.set(next);
  }

  /** @returns whether something was done */
  async #step(attempt: Attempt, signal: AbortSignal): Promise<boolean> {
    if (this.#mayMissParaHeaders && (await this.#sendMissingParaHeaders(attempt, signal)))
      return true;
    const { nextBlock, nextPara, nextRelay } = this.position.value;
    const { value: head } = this.#collaborators.head;
    if (nextBlock < nextPara) {
      return head.paraHeight >= nextBlock ? this.#sendBlocks(attempt, signal) : false;
    }
    return head.relayHeight >= nextRelay ? this.#sendHeaders(attempt, signal) : false;
  }

  async #sendHeaders(attempt: Attempt, signal: AbortSignal): Promise<boolean> {
    const { client, library } = this.#collaborators;
    const blob = await library.headers(this.position.value, this.#lookup(signal));
    if (!blob) return this.#awaitBlob(signal);
    attempt.blob = blob;
    const synced = await this.#call(() => client.syncCombinedHeaders(blob.bytes, { signal }));
    this.#advance({ nextRelay: synced.relay + 1, nextPara: synced.para + 1 });
    return true;
  }

  async #sendMissingParaHeaders(attempt: Attempt, signal: AbortSignal): Promise<boolean> {
    const { client, library } = this.#collaborators;
    const { value: position } = this.position;
    const blob = await library.missingParaHeaders(position, this.#lookup(signal));
    this.#mayMissParaHeaders = false;
    if (!blob) return false;
    attempt.blob = blob;
    try {
      const input = paraHeadersOnly(blob);
      const last = await this.#call(() => client.syncParaHeader(input, { signal }));
      this.#advance({ nextPara: last + 1 });
      return true;
    } catch (error) {
      // It was only a guess: the worker is not waiting for para headers and gets them with the next relay headers.
      if (isPRuntimeError(error) && error.code === WorkerErrorClass.MISSING_RELAY_ROOT)
        return false;
      throw error;
    }
  }

  async #sendBlocks(attempt: Attempt, signal: AbortSignal): Promise<boolean> {
    const { client, library } = this.#collaborators;
    const blob = await library.blocks(this.position.value, this.#lookup(signal));
    if (!blob) return this.#awaitBlob(signal);
    attempt.blob = blob;
    const last = await this.#call(() => client.dispatchBlocks(blob.bytes, { signal }));
    this.#advance({ nextBlock: last + 1 });
    return true;
  }

  /** A provider says that it has the height and yet gives no blob: it may be about to. */
  async #awaitBlob(signal: AbortSignal): Promise<true> {
    await this.#collaborators.clock.sleep(this.#options.blobPollMs, signal);
    return true;
  }

  #lookup(signal: AbortSignal): LookupOptions {
    const behind = this.#collaborators.head.value.bestPara - this.position.value.nextBlock;
    const priority = behind <= NEAR_HEAD_BLOCKS ? PRIORITY_NEAR_HEAD : 0;
    return { signal, priority, small: this.#refusals > 0 };
  }

  async #call<T>(run: () => Promise<T>): Promise<T> {
    this.#busy = true;
    this.#calls += 1;
    try {
      return await run();
    } finally {
      this.#busy = false;
    }
  }

  /** A worker that answers less than it had is not believed: its info will tell. */
  #advance(change: Partial<Position>): void {
    const { value: now } = this.position;
    const next = { ...now, ...change };
    if (
      next.nextRelay < now.nextRelay ||
      next.nextPara < now.nextPara ||
      next.nextBlock < now.nextBlock
    ) {
      throw new FleetError(FleetErrorCode.WORKER_RESET, 'pRuntime went back to an earlier height', {
        facts: { relay: next.nextRelay, para: next.nextPara, block: next.nextBlock },
      });
    }
    if (!samePosition(next, now)) this.position.set(next);
  }

  #succeeded(): void {
    this.#backoff.reset();
    this.#refusals = 0;
    this.#mismatches = 0;
  }

  async #recover(error: unknown, attempt: Attempt, signal: AbortSignal): Promise<void> {
    const { onTrouble, clock } = this.#collaborators;
    if (!isPRuntimeError(error)) {
      // Nobody gives the blob: not the worker's fault, and it may end at any time.
      if (error instanceof FleetError && error.code === FleetErrorCode.WORKER_RESET) throw error;
      onTrouble(`Waiting for a data provider: ${BridgeError.from(error).message}`);
      await clock.sleep(this.#options.minDelayMs, signal);
      return;
    }
    switch (error.code) {
      case WorkerErrorClass.NOT_INITIALIZED:
        throw error;
      case WorkerErrorClass.POSITION_MISMATCH:
      case WorkerErrorClass.MISSING_STATE_ROOT:
      case WorkerErrorClass.MISSING_RELAY_ROOT:
        this.#mismatches += 1;
        if (this.#mismatches >= MAX_MISMATCHES) throw error;
        break;
      case WorkerErrorClass.TRANSPORT:
      case WorkerErrorClass.TIMEOUT:
      case WorkerErrorClass.BUSY:
      case WorkerErrorClass.BAD_ANSWER:
        await this.#waitOut(error, signal);
        break;
      case WorkerErrorClass.DATA_REFUSED:
      case WorkerErrorClass.UNDECODABLE:
      case WorkerErrorClass.BODY_TOO_LARGE:
      case WorkerErrorClass.REFUSED:
      case WorkerErrorClass.NOT_AVAILABLE:
      case WorkerErrorClass.ALREADY_INITIALIZED:
      case WorkerErrorClass.ATTESTATION_FAILED:
        if (attempt.blob) this.#collaborators.library.refuse(attempt.blob);
        this.#refusals += 1;
        if (this.#refusals >= MAX_REFUSALS) throw error;
        onTrouble(error.message);
        break;
    }
    await this.#reread(signal);
  }

  async #waitOut(error: BridgeError, signal: AbortSignal): Promise<void> {
    const delayMs = this.#backoff.next();
    if (this.#backoff.attempt > this.#options.maxTransientFailures) throw error;
    this.#collaborators.onTrouble(error.message);
    await this.#collaborators.clock.sleep(delayMs, signal);
  }

  async #reread(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const info = await this.#collaborators.client.getInfo({ signal });
        this.#collaborators.onInfo(info);
        this.#mayMissParaHeaders = true;
        this.adopt(info);
        return;
      } catch (error) {
        if (signal.aborted || !isPRuntimeError(error)) throw error;
        await this.#waitOut(error, signal);
      }
    }
  }

  /** Waits until there is something new to look at. */
  async #idle(signal: AbortSignal): Promise<void> {
    const wake = new AbortScope(signal);
    const stops = [
      this.#collaborators.head.subscribe(() => wake.end()),
      this.position.subscribe(() => wake.end()),
    ];
    try {
      await this.#collaborators.clock.sleep(IDLE_MS, wake.signal);
    } catch (error) {
      if (signal.aborted || !wake.signal.aborted) throw error;
    } finally {
      for (const stop of stops) stop();
      wake.end();
    }
  }
}

/** Where a worker says it stands. */
export function positionOf(info: PRuntimeInfo): Position {
  return {
    nextRelay: info.nextRelayHeader,
    nextPara: info.nextParaHeader,
    nextBlock: info.nextBlock,
  };
}

function samePosition(a: Position, b: Position): boolean {
  return a.nextRelay === b.nextRelay && a.nextPara === b.nextPara && a.nextBlock === b.nextBlock;
}

/** The para part of a headers blob: SyncParachainHeaderReq and its parts. */
function paraHeadersOnly(blob: HeadersBlob): {
  blob: Uint8Array;
  encodedParaHeaders: Uint8Array;
  proof: Uint8Array[];
} {
  const { encodedParaHeaders, proof } = splitCombinedHeaders(blob.bytes);
  return {
    blob: concatBytes([encodedParaHeaders, encodeStorageProof(proof)]),
    encodedParaHeaders,
    proof,
  };
}
