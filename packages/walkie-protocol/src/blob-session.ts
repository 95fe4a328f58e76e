import type { Socket } from 'node:net';
import { isAbortError, type Clock, type Limiter, type Logger } from '@runtime-bridge/base';
import { crc32c, encodeBlobResponseHead, FrameReader, ID_BYTES } from './blob-frames.js';
import type { BlobBudget } from './blob-budget.js';
import type { BlobSource } from './blob-stream.js';

/** Handed to the socket at once: large enough for full speed, small enough to see a slow reader move. */
const BATCH_BYTES = 256 * 1024;
/** Reads of one session that go on at once. */
const CONCURRENT_READS = 8;
/** Parts of answers that wait to be sent; those without a value take no room by their bytes. */
const MAX_OUTGOING_PARTS = 4096;
/** Room kept for a value whose size is not known yet, until larger ones were seen. */
const FIRST_GUESS_BYTES = 64 * 1024;

/** What a session may take. */
export interface BlobSessionLimits {
  sessionMaxBytes: number;
  maxKeyBytes: number;
  maxPendingRequests: number;
}

interface Request {
  id: Uint8Array;
  key: string;
  /** Room kept for the value: a guess, or its size once it has been too large for the room that was left. */
  reservedBytes: number | undefined;
}

interface Outgoing {
  parts: Uint8Array[];
  /** Given back when sent. */
  bytes: number;
}

/** One client of the blob server: takes requests as long as answers fit, reads, sends. */
export class BlobSession {
  /** When something was last sent or came in. */
  lastActivityMs: number;
  /** When the other side last took something, or when something began to wait for it. */
  lastProgressMs: number;
  readonly #controller = new AbortController();
  readonly #requests: Request[] = [];
  readonly #outgoing: Outgoing[] = [];
  readonly #frames: FrameReader;
  #usedBytes = 0;
  #inSocketBytes = 0;
  #reading = 0;
  #largestBytes = FIRST_GUESS_BYTES;
  #isSending = false;
  #hasEnded = false;

  constructor(
    private readonly socket: Socket,
    private readonly limits: BlobSessionLimits,
    private readonly collaborators: {
      source: BlobSource;
      reads: Limiter;
      budget: BlobBudget;
      onAnswer: (outcome: 'found' | 'missing' | 'failed', bytes: number) => void;
      logger: Logger;
      clock: Clock;
    },
  ) {
    this.lastActivityMs = this.lastProgressMs = collaborators.clock.now();
    this.#frames = new FrameReader(limits.maxKeyBytes + ID_BYTES);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('end', () => {
      this.#hasEnded = true;
      this.#endWhenDone();
    });
    socket.on('drain', () => this.#onDrain());
    // The 'close' that follows does the rest.
    socket.on('error', () => {});
    socket.once('close', () => this.#onClose());
  }

  /** Bytes read or to be read for this session and not yet taken by its socket. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether something waits for the other side to take it. */
  get isSending(): boolean {
    return this.#isSending;
  }

  /** Whether something is still to be answered. */
  get isBusy(): boolean {
    return this.#requests.length > 0 || this.#reading > 0 || this.#outgoing.length > 0;
  }

  get remoteAddress(): string {
    return this.socket.remoteAddress ?? 'gone';
  }

  /** Begins as many reads as there is room for. Called again when other sessions give room back. */
  readonly pump = (): void => {
    while (this.#reading < CONCURRENT_READS && !this.#controller.signal.aborted) {
      const request = this.#requests[0];
      if (request === undefined || this.#outgoing.length >= MAX_OUTGOING_PARTS) break;
      const bytes = request.reservedBytes ?? this.#largestBytes;
      // A value that is larger than the whole room goes alone.
      if (this.#usedBytes > 0 && this.#usedBytes + bytes > this.limits.sessionMaxBytes) break;
      if (!this.collaborators.budget.take(bytes, this.pump)) break;
      this.#usedBytes += bytes;
      this.#requests.shift();
      void this.#read(request, bytes);
    }
    if (this.#requests.length < this.limits.maxPendingRequests) this.socket.resume();
  };

  /** Ends it at once. */
  destroy(): void {
    this.socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.lastActivityMs = this.collaborators.clock.now();
    let payloads: Uint8Array[];
    try {
      payloads = this.#frames.push(chunk);
    } catch (error) {
      this.collaborators.logger.warn(
        'Blob session dropped: it sent no frame',
        { address: this.remoteAddress },
        error,
      );
      this.socket.destroy();
      return;
    }
    for (const payload of payloads) {
      if (payload.length <= ID_BYTES) {
        this.collaborators.logger.debug('Blob request too short', { address: this.remoteAddress });
        continue;
      }
      this.#requests.push({
        // Copied: a view would keep the whole chunk.
        id: Uint8Array.from(payload.subarray(0, ID_BYTES)),
        key: Buffer.from(payload.subarray(ID_BYTES)).toString('utf8').trim(),
        reservedBytes: undefined,
      });
    }
    if (this.#requests.length >= this.limits.maxPendingRequests) this.socket.pause();
    this.pump();
  }

  async #read(request: Request, reservedBytes: number): Promise<void> {
    const { source, reads, logger } = this.collaborators;
    const { signal } = this.#controller;
    this.#reading += 1;
    let value: Uint8Array | undefined;
    let checksum: number | undefined;
    let outcome: 'found' | 'missing' | 'failed' = 'missing';
    try {
      const blob = await reads.run(() => source.get(request.key, signal), { signal });
      if (blob !== undefined && blob.bytes.length > 0) {
        value = blob.bytes;
        checksum = blob.crc32c;
        outcome = 'found';
      }
    } catch (error) {
      if (!(signal.aborted && isAbortError(error))) {
        outcome = 'failed';
        logger.warn('Blob could not be read', { key: request.key }, error);
      }
    }
    this.#reading -= 1;
    if (signal.aborted) return;
    const size = value?.length ?? 0;
    if (!this.#keepRoom(reservedBytes, size)) {
      // Larger than the room kept for it, and there is no more: it is read again when there is.
      this.#requests.unshift({ ...request, reservedBytes: size });
      this.#giveBack(reservedBytes);
    } else {
      this.#largestBytes = Math.max(this.#largestBytes, size);
      this.collaborators.onAnswer(outcome, size);
      this.#answer(request.id, value, checksum);
    }
    this.pump();
    this.#endWhenDone();
  }

  /** Makes the room kept for a value fit its size; false when a larger one does not fit. */
  #keepRoom(reservedBytes: number, size: number): boolean {
    const moreBytes = size - reservedBytes;
    if (moreBytes > 0) {
      const isAlone = this.#usedBytes === reservedBytes;
      if (!isAlone && this.#usedBytes + moreBytes > this.limits.sessionMaxBytes) return false;
      if (!this.collaborators.budget.take(moreBytes)) return false;
      this.#usedBytes += moreBytes;
    } else if (moreBytes < 0) {
      this.#giveBack(-moreBytes);
    }
    return true;
  }

  #answer(id: Uint8Array, value: Uint8Array | undefined, checksum: number | undefined): void {
    if (value === undefined) {
      this.#outgoing.push({ parts: [encodeBlobResponseHead(id, undefined)], bytes: 0 });
    } else {
      const head = encodeBlobResponseHead(id, {
        length: value.length,
        crc32c: checksum ?? crc32c(value),
      });
      this.#outgoing.push({ parts: [head], bytes: 0 });
      for (let at = 0; at < value.length; at += BATCH_BYTES) {
        const part = value.subarray(at, at + BATCH_BYTES);
        this.#outgoing.push({ parts: [part], bytes: part.length });
      }
    }
    if (this.#isSending) return;
    this.#isSending = true;
    this.lastProgressMs = this.collaborators.clock.now();
    // Answers that are ready in the same turn go in one write.
    setImmediate(() => this.#send());
  }

  #send(): void {
    const { clock } = this.collaborators;
    while (this.#outgoing.length > 0 && !this.#controller.signal.aborted) {
      let sent = 0;
      let count = 0;
      this.socket.cork();
      let hasRoom = true;
      for (const { parts, bytes } of this.#outgoing) {
        if (count > 0 && sent + bytes > BATCH_BYTES) break;
        for (const part of parts) hasRoom = this.socket.write(part);
        sent += bytes;
        count += 1;
      }
      this.#outgoing.splice(0, count);
      this.socket.uncork();
      this.#inSocketBytes += sent;
      this.lastActivityMs = clock.now();
      if (!hasRoom || this.socket.writableNeedDrain) return;
      this.#onTaken();
    }
    this.#isSending = false;
    this.#endWhenDone();
  }

  #onDrain(): void {
    this.#onTaken();
    this.#send();
  }

  #onTaken(): void {
    this.lastProgressMs = this.collaborators.clock.now();
    const bytes = this.#inSocketBytes;
    this.#inSocketBytes = 0;
    this.#giveBack(bytes);
    this.pump();
  }

  #giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
    this.collaborators.budget.give(bytes);
  }

  #endWhenDone(): void {
    if (this.#hasEnded && !this.isBusy && this.#inSocketBytes === 0) this.socket.end();
  }

  #onClose(): void {
    this.#controller.abort();
    this.#requests.length = 0;
    this.#outgoing.length = 0;
    this.collaborators.budget.forget(this.pump);
    const bytes = this.#usedBytes;
    this.#usedBytes = 0;
    this.collaborators.budget.give(bytes);
  }
}
