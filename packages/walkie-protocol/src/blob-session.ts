import type { Socket } from 'node:net';
import type { Clock, Limiter, Logger } from '@runtime-bridge/base';
import { crc32c, encodeBlobResponseHead, FrameReader, ID_BYTES } from './blob-frames.js';
import type { BlobBudget } from './blob-budget.js';
import type { BlobParts, BlobSource } from './blob-stream.js';
import type { SendChunks } from './send-chunks.js';

/** Reads of one session that go on at once. */
const CONCURRENT_READS = 8;
/** Bytes read ahead of what the socket has taken; more would only be cold in memory when their turn comes. */
const AHEAD_BYTES = 512 * 1024;
/** Handed to the socket at once. */
const BATCH_BYTES = 256 * 1024;
/** Pieces of kept blobs at least so large go out from where they are; smaller ones are copied together. */
const BORROWED_FROM_BYTES = 16 * 1024;
/** Answers that wait to be sent; those without a value take no room by their bytes. */
const MAX_OUTGOING = 2048;
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
  reservedBytes?: number;
  /** Where an answer of which a part has gone out goes on. */
  resume?: { offset: number; length: number; crc32c: number };
}

/** An answer on its way: its bytes, head and value, lie in the chunks that wait, behind those of the answers before. */
interface Outgoing {
  request: Request;
  /** Of head and value together, and of the value. */
  frameBytes: number;
  bytes: number;
  crc32c: number;
  /** Handed to the socket. */
  goneBytes: number;
}

/** Bytes that wait for the socket. */
interface Waiting {
  /** Where they are; of a chunk only the first `size` bytes count. */
  memory: Uint8Array;
  size: number;
  /** The same memory, if it is to be used again afterwards. */
  chunk: Buffer | undefined;
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
  readonly #waiting: Waiting[] = [];
  readonly #frames: FrameReader;
  #usedBytes = 0;
  #reading = 0;
  #largestBytes = FIRST_GUESS_BYTES;
  /** Held by the socket, which has not passed it on yet. */
  #stuck: readonly Waiting[] | undefined;
  #isSendDue = false;
  /** Its answers were put back, so nothing is read before the other side takes something. */
  #isHeldBack = false;
  /** An answer of which a part has gone out and the rest is to be read again: nothing else may go before. */
  #interrupted: Request | undefined;
  #hasEnded = false;

  constructor(
    private readonly socket: Socket,
    private readonly limits: BlobSessionLimits,
    private readonly collaborators: {
      source: BlobSource;
      reads: Limiter;
      budget: BlobBudget;
      chunks: SendChunks;
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
    return this.#stuck !== undefined;
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
    const { budget } = this.collaborators;
    while (this.#reading < CONCURRENT_READS && !this.#isHeldBack && !this.#isOver) {
      const request = this.#interrupted ?? this.#requests[0];
      if (request === undefined || this.#outgoing.length >= MAX_OUTGOING) break;
      const index = this.#requests.indexOf(request);
      // The interrupted one is being read: all others wait for it.
      if (index < 0) break;
      const bytes = request.reservedBytes ?? this.#largestBytes;
      const room = Math.min(this.limits.sessionMaxBytes, AHEAD_BYTES, budget.shareBytes);
      // A value that is larger than the whole room goes alone.
      if (this.#usedBytes > 0 && this.#usedBytes + bytes > room) break;
      if (!budget.take(bytes, this.#usedBytes, this.pump)) break;
      this.#usedBytes += bytes;
      this.#requests.splice(index, 1);
      void this.#read(request, bytes);
    }
    if (this.#requests.length < this.limits.maxPendingRequests) this.socket.resume();
  };

  /**
   * Gives up the bytes that wait for the other side, so that others have the room; they are read again when it takes
   * something.
   */
  putBack(): void {
    if (this.#stuck === undefined || this.#isHeldBack) return;
    this.#isHeldBack = true;
    this.collaborators.budget.forget(this.pump);
    this.#letGo(this.#waiting.splice(0));
    const requests = this.#outgoing.splice(0).map((answer) => this.#requestAgain(answer));
    this.#requests.unshift(...requests);
  }

  /** Ends it at once. */
  destroy(): void {
    this.socket.destroy();
  }

  get #isOver(): boolean {
    return this.#controller.signal.aborted;
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
      });
    }
    if (this.#requests.length >= this.limits.maxPendingRequests) this.socket.pause();
    this.pump();
  }

  async #read(request: Request, reservedBytes: number): Promise<void> {
    const { reads, logger } = this.collaborators;
    const { signal } = this.#controller;
    this.#reading += 1;
    let isTaken = false;
    try {
      await reads.run(
        () =>
          this.#use(request.key, (blob) => {
            if (signal.aborted) return;
            isTaken = true;
            this.#take(request, reservedBytes, blob);
          }),
        { signal },
      );
      if (!isTaken && !signal.aborted) this.#take(request, reservedBytes, undefined);
    } catch (error) {
      if (!signal.aborted) {
        logger.warn('Blob could not be read', { key: request.key }, error);
        if (!isTaken) this.#take(request, reservedBytes, undefined, 'failed');
      }
    }
    this.#reading -= 1;
    if (signal.aborted) return;
    this.pump();
    this.#endWhenDone();
  }

  /** Answers with what was read, or asks for it again later when there is no room for it now. */
  #take(
    request: Request,
    reservedBytes: number,
    blob: BlobParts | undefined,
    outcome: 'found' | 'missing' | 'failed' = blob ? 'found' : 'missing',
  ): void {
    const size = blob ? sizeOf(blob.parts) : 0;
    const mustWait = this.#interrupted !== undefined && this.#interrupted !== request;
    if (this.#isHeldBack || mustWait) {
      this.#requests.push(Object.assign(request, { reservedBytes: size }));
      this.#giveBack(reservedBytes);
    } else if (!this.#keepRoom(reservedBytes, size)) {
      this.#requests.unshift(Object.assign(request, { reservedBytes: size }));
      this.#giveBack(reservedBytes);
    } else {
      this.#largestBytes = Math.max(this.#largestBytes, size);
      if (!request.resume) this.collaborators.onAnswer(outcome, size);
      this.#answer(request, blob, size);
    }
  }

  /** An empty value is none: an answer cannot tell it from one that is not there. */
  async #use(key: string, take: (blob: BlobParts) => void): Promise<void> {
    const { source } = this.collaborators;
    const { signal } = this.#controller;
    const takeSome = (blob: BlobParts) => {
      if (sizeOf(blob.parts) > 0) take(blob);
    };
    if (source.use) {
      await source.use(key, takeSome, signal);
      return;
    }
    const blob = await source.get(key, signal);
    if (!blob) return;
    const { bytes } = blob;
    takeSome({ parts: [bytes], crc32c: blob.crc32c ?? crc32c(bytes), isKept: true });
  }

  /** Makes the room kept for a value fit its size; false when a larger one does not fit. */
  #keepRoom(reservedBytes: number, size: number): boolean {
    const { budget } = this.collaborators;
    const moreBytes = size - reservedBytes;
    if (moreBytes > 0) {
      const isAlone = this.#usedBytes === reservedBytes;
      if (!isAlone && this.#usedBytes + moreBytes > this.limits.sessionMaxBytes) return false;
      if (!budget.take(moreBytes, this.#usedBytes)) return false;
      this.#usedBytes += moreBytes;
    } else {
      this.#giveBack(-moreBytes);
    }
    return true;
  }

  #answer(request: Request, blob: BlobParts | undefined, bytes: number): void {
    const { id, resume } = request;
    const checksum = blob?.crc32c ?? 0;
    if (resume && (resume.length !== bytes || resume.crc32c !== checksum)) {
      this.collaborators.logger.warn('Blob session dropped: a blob changed while it was sent', {
        key: request.key,
        address: this.remoteAddress,
      });
      this.socket.destroy();
      return;
    }
    const value = blob && { length: bytes, crc32c: checksum };
    const head = encodeBlobResponseHead(id, value);
    const answer: Outgoing = {
      request,
      frameBytes: head.length + bytes,
      bytes,
      crc32c: checksum,
      goneBytes: resume?.offset ?? 0,
    };
    let toSkip = answer.goneBytes;
    for (const piece of [head, ...(blob?.parts ?? [])]) {
      if (toSkip < piece.length) this.#append(piece, toSkip, blob?.isKept === true);
      toSkip = Math.max(0, toSkip - piece.length);
    }
    // Nothing else waits while an answer is interrupted.
    this.#outgoing.push(answer);
    if (resume) this.#interrupted = undefined;
    this.#sendSoon();
  }

  /** Answers that are ready in the same turn go in one write. */
  #sendSoon(): void {
    if (this.#isSendDue || this.#stuck) return;
    this.#isSendDue = true;
    setImmediate(() => {
      this.#isSendDue = false;
      this.#send();
    });
  }

  #send(): void {
    const { clock } = this.collaborators;
    while (!this.#stuck && this.#waiting.length > 0 && !this.#isOver) {
      const batch = this.#takeBatch();
      if (batch.length > 1) this.socket.cork();
      let bytes = 0;
      for (const { memory, size } of batch) {
        this.socket.write(
          size < memory.length ? memory.subarray(0, size) : memory,
          this.#onWritten,
        );
        bytes += size;
      }
      if (batch.length > 1) this.socket.uncork();
      this.lastActivityMs = this.lastProgressMs = clock.now();
      if (this.socket.writableLength > 0) this.#stuck = batch;
      else this.#letGo(batch);
      this.#passOn(bytes);
    }
    this.pump();
    this.#endWhenDone();
  }

  #takeBatch(): Waiting[] {
    let count = 0;
    let bytes = 0;
    do bytes += this.#waiting[count++]!.size;
    while (count < this.#waiting.length && bytes + this.#waiting[count]!.size <= BATCH_BYTES);
    return this.#waiting.splice(0, count);
  }

  /** Puts bytes behind those that wait: copies them, so that nothing keeps the value itself, unless it is kept anyway. */
  #append(piece: Uint8Array, from: number, isKept: boolean): void {
    const isBorrowed = isKept && piece.length - from >= BORROWED_FROM_BYTES;
    for (let at = from; at < piece.length;) {
      if (isBorrowed) {
        const memory = piece.subarray(at, at + BATCH_BYTES);
        this.#waiting.push({ memory, size: memory.length, chunk: undefined });
        at += memory.length;
        continue;
      }
      let last = this.#waiting.at(-1);
      if (last?.chunk === undefined || last.size === last.memory.length) {
        const chunk = this.collaborators.chunks.take();
        last = { memory: chunk, size: 0, chunk };
        this.#waiting.push(last);
      }
      const count = Math.min(piece.length - at, last.memory.length - last.size);
      last.memory.set(piece.subarray(at, at + count), last.size);
      last.size += count;
      at += count;
    }
  }

  #letGo(all: readonly Waiting[]): void {
    for (const { chunk } of all) if (chunk) this.collaborators.chunks.give(chunk);
  }

  /** Notes what the socket has got. Answers that have gone as a whole give their room back. */
  #passOn(size: number): void {
    for (let left = size; left > 0;) {
      const answer = this.#outgoing[0];
      if (answer === undefined) return;
      const count = Math.min(left, answer.frameBytes - answer.goneBytes);
      answer.goneBytes += count;
      left -= count;
      if (answer.goneBytes < answer.frameBytes) return;
      this.#outgoing.shift();
      this.#giveBack(answer.bytes);
    }
  }

  /** Called for every write once the kernel has it, which is at once unless the other side is slow. */
  readonly #onWritten = (): void => {
    const stuck = this.#stuck;
    if (stuck === undefined || this.socket.writableLength > 0 || this.#isOver) return;
    this.#stuck = undefined;
    this.#letGo(stuck);
    this.lastProgressMs = this.collaborators.clock.now();
    this.#isHeldBack = false;
    this.#send();
    this.pump();
  };

  /** Makes the request of an answer again, which goes on where the answer was left. */
  #requestAgain(answer: Outgoing): Request {
    const { request, bytes, goneBytes, crc32c: checksum } = answer;
    this.#giveBack(bytes);
    if (goneBytes === 0) return { ...request, reservedBytes: bytes };
    const again: Request = {
      ...request,
      reservedBytes: bytes,
      resume: { offset: goneBytes, length: bytes, crc32c: checksum },
    };
    this.#interrupted = again;
    return again;
  }

  #giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
    this.collaborators.budget.give(bytes, this.#usedBytes);
  }

  #endWhenDone(): void {
    if (this.#hasEnded && !this.isBusy && !this.#stuck) this.socket.end();
  }

  #onClose(): void {
    this.#controller.abort();
    this.#requests.length = 0;
    this.#outgoing.length = 0;
    this.#letGo(this.#waiting.splice(0));
    this.collaborators.budget.forget(this.pump);
    this.#giveBack(this.#usedBytes);
  }
}

function sizeOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}
