import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface';
import { abortedError, concatBytes } from '@runtime-bridge/base';
import type { Channel } from './channel.js';
import { WalkieError, WalkieErrorCode } from './errors.js';

/** Written at once; 2022's muxer closes the connection at messages above 1 MiB. */
const CHUNK_BYTES = 256 * 1024;

/** A libp2p stream as a channel. */
export class Libp2pChannel implements Channel {
  constructor(
    private readonly stream: Stream,
    readonly remotePeerId: string,
  ) {}

  readAll(
    maxBytes: number,
    signal: AbortSignal,
    onBytes?: (count: number) => void,
  ): Promise<Uint8Array> {
    const stream = this.stream;
    return new Promise((resolve, reject) => {
      const parts: Uint8Array[] = [];
      let size = 0;
      const onMessage = (event: StreamMessageEvent) => {
        const data = event.data;
        size += data.byteLength;
        if (size > maxBytes) {
          fail(
            new WalkieError(WalkieErrorCode.TOO_LARGE, `Message is larger than ${maxBytes} bytes`, {
              facts: { maxBytes },
            }),
          );
          return;
        }
        try {
          onBytes?.(data.byteLength);
        } catch (error) {
          fail(error as Error);
          return;
        }
        if (data instanceof Uint8Array) parts.push(data);
        else parts.push(...data);
      };
      const onEnd = () => {
        // A reset stream ends too: empty, and without an error.
        if (stream.status === 'reset' || stream.status === 'aborted') {
          fail(interrupted());
          return;
        }
        leave();
        resolve(parts.length === 1 ? parts[0]! : concatBytes(parts));
      };
      const onClose = (event: StreamCloseEvent) => {
        if (event.error === undefined && stream.readableEnded) onEnd();
        else fail(interrupted(event.error));
      };
      const onAbort = () => fail(abortedError(signal));
      const leave = () => {
        stream.removeEventListener('message', onMessage);
        stream.removeEventListener('end', onEnd);
        stream.removeEventListener('close', onClose);
        signal.removeEventListener('abort', onAbort);
      };
      const fail = (error: Error) => {
        leave();
        this.reset(error);
        reject(error);
      };
      if (signal.aborted) {
        fail(abortedError(signal));
        return;
      }
      // What came before is handed over by the 'message' listener; 'end' comes only after it.
      stream.addEventListener('end', onEnd);
      stream.addEventListener('close', onClose);
      signal.addEventListener('abort', onAbort, { once: true });
      stream.addEventListener('message', onMessage);
      if (stream.readableEnded) onEnd();
      else if (stream.status !== 'open' && stream.status !== 'closing') fail(interrupted());
    });
  }

  async writeAll(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const stream = this.stream;
    try {
      for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
        if (signal.aborted) throw abortedError(signal);
        const hasRoom = stream.send(bytes.subarray(offset, offset + CHUNK_BYTES));
        if (!hasRoom) await stream.onDrain({ signal });
      }
      await stream.close({ signal });
    } catch (error) {
      const reason = signal.aborted ? abortedError(signal) : interrupted(error);
      this.reset(reason);
      throw reason;
    }
  }

  reset(reason: Error): void {
    this.stream.abort(reason);
  }
}

function interrupted(cause?: unknown): WalkieError {
  return new WalkieError(
    WalkieErrorCode.INTERRUPTED,
    'The stream ended before the message was complete',
    { cause },
  );
}
