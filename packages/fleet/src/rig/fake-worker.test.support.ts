import { abortedError, toHex, type Hex } from '@runtime-bridge/base';
import {
  decodeHeadersToSync,
  encodeEgressMessages,
  encodeWorkerOrigin,
  headerHash,
  headerNumber,
  peekBlocks,
  splitCombinedHeaders,
} from '@runtime-bridge/blob-codec';
import {
  type CallOptions,
  classifyText,
  PRuntimeError,
  WorkerErrorClass,
  type PRuntimeInfo,
  type RegistrationInfo,
} from '@runtime-bridge/prpc-client';

import type { WorkerClient } from '../life/worker-life.js';
import { GENESIS_RELAY, GOOD_PROOF, header, numbers } from './scripted-chains.test.support.js';

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
  version = '0.2.6';
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
      version: this.version,
      gitRevision: '',
      runtimeInfo: {
        initialized: this.initialized,
        blocknum: this.b,
        pendingMessages: this.messages.length,
      },
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
  if (work === undefined || signal === undefined) return work;
  let end: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    end = () => reject(abortedError(signal));
    signal.addEventListener('abort', end, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', end);
  }
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
