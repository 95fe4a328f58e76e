import { abortedError } from '@runtime-bridge/base';
import type { Channel } from '../channel.js';
import { WalkieError, WalkieErrorCode } from '../errors.js';

/** One direction of a stream in memory. */
class MemoryPipe {
  readonly written: Promise<Uint8Array>;
  #resolve!: (bytes: Uint8Array) => void;
  #reject!: (error: Error) => void;

  constructor() {
    this.written = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A pipe that nobody reads may break unnoticed.
    this.written.catch(() => {});
  }

  write(bytes: Uint8Array): void {
    // Copied, as a network does: nobody may rely on sharing.
    this.#resolve(Uint8Array.from(bytes));
  }

  break(error: Error): void {
    this.#reject(error);
  }
}

class MemoryChannel implements Channel {
  constructor(
    readonly remotePeerId: string,
    private readonly incoming: MemoryPipe,
    private readonly outgoing: MemoryPipe,
  ) {}

  async readAll(
    maxBytes: number,
    signal: AbortSignal,
    onBytes?: (count: number) => void,
  ): Promise<Uint8Array> {
    const bytes = await unlessAborted(this.incoming.written, signal, (error) => this.reset(error));
    onBytes?.(bytes.length);
    if (bytes.length <= maxBytes) return bytes;
    const error = new WalkieError(
      WalkieErrorCode.TOO_LARGE,
      `Message is larger than ${maxBytes} bytes`,
      { facts: { maxBytes } },
    );
    this.reset(error);
    throw error;
  }

  writeAll(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      this.reset(abortedError(signal));
      return Promise.reject(abortedError(signal));
    }
    this.outgoing.write(bytes);
    return Promise.resolve();
  }

  reset(reason: Error): void {
    const error = new WalkieError(
      WalkieErrorCode.INTERRUPTED,
      'The stream ended before the message was complete',
      { cause: reason },
    );
    this.incoming.break(error);
    this.outgoing.break(error);
  }
}

/** Both ends of a stream in memory, between two peers. */
export function memoryChannelPair(hereId: string, thereId: string): [Channel, Channel] {
  const there = new MemoryPipe();
  const back = new MemoryPipe();
  return [new MemoryChannel(thereId, back, there), new MemoryChannel(hereId, there, back)];
}

function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  onAborted: (error: Error) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      const error = abortedError(signal);
      onAborted(error);
      reject(error);
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
