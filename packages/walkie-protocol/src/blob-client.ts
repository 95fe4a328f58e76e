import { connect, type Socket } from 'node:net';
import {
  abortedError,
  BaseErrorCode,
  BridgeError,
  messageOf,
  withTimeout,
  type Logger,
} from '@runtime-bridge/base';
import {
  crc32c,
  decodeBlobResponse,
  encodeBlobRequest,
  FrameReader,
  ID_BYTES,
} from './blob-frames.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import { defaultWalkieLimits } from './limits.js';

/** Which blob server, and how long it is waited for. */
export interface BlobClientOptions {
  host: string;
  port: number;
  /** For one blob, connecting included, unless the caller says otherwise. @default 30 s */
  requestTimeoutMs?: number;
  /** Largest value that is taken. @default 64 MiB */
  maxBlobBytes?: number;
  /** Requests under way at once; more are refused. @default 1024 */
  maxPendingRequests?: number;
  /** A connection with nothing under way is closed after this. @default 60 s */
  idleTimeoutMs?: number;
}

const HEAD_BYTES = 2 * ID_BYTES;
/** Values that are small against the buffer they came in are copied, so that keeping one does not keep the other. */
const MAX_WASTE_FACTOR = 1.25;

/** Gets blobs from a blob server over one connection, many at a time; connects when needed. */
export class BlobClient {
  #connection: BlobConnection | undefined;
  #connecting: Promise<BlobConnection> | undefined;
  #pending = 0;
  readonly #closing = new AbortController();

  constructor(
    private readonly options: BlobClientOptions,
    private readonly collaborators: { logger: Logger },
  ) {}

  /**
   * Gets the blob of a key, its checksum checked. Reading changes nothing, so a request that a kept connection lost is
   * asked once more on a new one.
   * @returns undefined when the server has none
   * @throws WalkieError UNREACHABLE, INTERRUPTED, CRC_MISMATCH, TOO_LARGE, BAD_MESSAGE, BUSY, NOT_RUNNING after `close`;
   *   BridgeError TIMEOUT, ABORTED
   */
  async get(
    key: string,
    { signal, timeoutMs }: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
  ): Promise<Uint8Array | undefined> {
    const { host, port, requestTimeoutMs = 30_000, maxPendingRequests = 1024 } = this.options;
    if (this.#closing.signal.aborted) throw closed();
    if (Buffer.byteLength(key) > defaultWalkieLimits.maxKeyBytes) {
      throw new WalkieError(WalkieErrorCode.TOO_LARGE, 'The key is longer than a server takes');
    }
    if (this.#pending >= maxPendingRequests) {
      throw new WalkieError(WalkieErrorCode.BUSY, 'Too many blobs are being got at once', {
        facts: { host, port, maxPendingRequests },
      });
    }
    this.#pending += 1;
    try {
      return await withTimeout(
        timeoutMs ?? requestTimeoutMs,
        `blob '${key}' from ${host}:${port}`,
        (requestSignal) => this.#get(key, requestSignal),
        signal,
      );
    } finally {
      this.#pending -= 1;
    }
  }

  /** Closes the connection; what is under way fails. */
  async close(): Promise<void> {
    this.#closing.abort();
    const connection = this.#connection ?? (await this.#connecting?.catch(() => undefined));
    await connection?.close(closed());
  }

  async #get(key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const kept = this.#connection;
    const connection = kept ?? (await this.#connect(signal));
    try {
      return await connection.get(key, signal);
    } catch (error) {
      const isLost = error instanceof WalkieError && error.code === WalkieErrorCode.INTERRUPTED;
      if (!isLost || kept === undefined || this.#closing.signal.aborted) throw error;
      return (await this.#connect(signal)).get(key, signal);
    }
  }

  async #connect(signal: AbortSignal): Promise<BlobConnection> {
    if (this.#connection !== undefined) return this.#connection;
    // Shared by all that wait, so it has a deadline of its own instead of the first one's signal.
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    const connecting = this.#connecting;
    return await new Promise<BlobConnection>((resolve, reject) => {
      const onAbort = () => reject(abortedError(signal));
      signal.addEventListener('abort', onAbort, { once: true });
      connecting.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  async #open(): Promise<BlobConnection> {
    const { host, port, requestTimeoutMs = 30_000, idleTimeoutMs = 60_000 } = this.options;
    const maxBytes = (this.options.maxBlobBytes ?? defaultWalkieLimits.maxBlobBytes) + HEAD_BYTES;
    let socket: Socket;
    try {
      socket = await withTimeout(
        Math.min(requestTimeoutMs, defaultWalkieLimits.dialTimeoutMs),
        `connecting to ${host}:${port}`,
        (signal) => openSocket(host, port, signal),
        this.#closing.signal,
      );
    } catch (error) {
      if (this.#closing.signal.aborted) throw closed();
      throw new WalkieError(
        WalkieErrorCode.UNREACHABLE,
        `No connection to the blob server ${host}:${port}: ${messageOf(error)}`,
        { facts: { host, port }, cause: error },
      );
    }
    const connection = new BlobConnection(socket, { maxBytes, idleTimeoutMs });
    this.#connection = connection;
    socket.once('close', () => {
      if (this.#connection === connection) this.#connection = undefined;
      this.collaborators.logger.debug('Blob connection closed', { host, port });
    });
    return connection;
  }
}

interface PendingGet {
  resolve: (value: Uint8Array | undefined) => void;
  reject: (error: Error) => void;
}

/** One connection and what is under way on it. */
class BlobConnection {
  readonly #pending = new Map<bigint, PendingGet>();
  readonly #frames: FrameReader;
  #nextId = 1n;
  #receivedBytes = 0;
  #failure: Error | undefined;

  constructor(
    private readonly socket: Socket,
    options: { maxBytes: number; idleTimeoutMs: number },
  ) {
    this.#frames = new FrameReader(options.maxBytes);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => (this.#failure ??= interrupted(error)));
    socket.once('close', () => this.#failAll(this.#failure ?? interrupted()));
    socket.setTimeout(options.idleTimeoutMs, () => {
      if (this.#pending.size === 0) socket.destroy();
    });
  }

  get(key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abortedError(signal));
        return;
      }
      if (this.socket.destroyed) {
        reject(interrupted(this.#failure));
        return;
      }
      const id = this.#nextId;
      this.#nextId += 1n;
      const receivedBefore = this.#receivedBytes;
      const onAbort = () => {
        this.#pending.delete(id);
        reject(abortedError(signal));
        const isDeadline =
          signal.reason instanceof BridgeError && signal.reason.code === BaseErrorCode.TIMEOUT;
        // Nothing at all came since: the connection is dead, though nobody said so.
        if (isDeadline && this.#receivedBytes === receivedBefore) {
          this.#failure ??= interrupted(signal.reason);
          this.socket.destroy();
        }
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const leave = () => signal.removeEventListener('abort', onAbort);
      this.#pending.set(id, {
        resolve: (value) => {
          leave();
          resolve(value);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      });
      this.socket.write(encodeBlobRequest(idBytes(id), key));
    });
  }

  async close(reason: Error): Promise<void> {
    if (this.socket.destroyed) return;
    this.#failure ??= reason;
    await new Promise<void>((resolve) => {
      this.socket.once('close', () => resolve());
      this.socket.destroy();
    });
  }

  #onData(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    let payloads: Uint8Array[];
    try {
      payloads = this.#frames.push(chunk);
    } catch (error) {
      this.#failure ??= BridgeError.from(error);
      this.socket.destroy();
      return;
    }
    for (const payload of payloads) this.#onResponse(payload);
  }

  #onResponse(payload: Uint8Array): void {
    const response = decodeBlobResponse(payload);
    if (response === undefined) return;
    const id = idOf(response.id);
    const pending = this.#pending.get(id);
    // One that gave up; or one that nobody asked for, which harms nobody.
    if (pending === undefined) return;
    this.#pending.delete(id);
    const { value } = response;
    if (value !== undefined && BigInt(crc32c(value)) !== response.checksum) {
      pending.reject(
        new WalkieError(WalkieErrorCode.CRC_MISMATCH, 'The blob does not fit its checksum', {
          facts: { size: value.length },
        }),
      );
      return;
    }
    pending.resolve(value === undefined ? undefined : unshared(value));
  }

  #failAll(error: Error): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}

function openSocket(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    const onAbort = () => socket.destroy(abortedError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}

function unshared(value: Uint8Array): Uint8Array {
  return value.buffer.byteLength > value.length * MAX_WASTE_FACTOR ? Uint8Array.from(value) : value;
}

function idBytes(id: bigint): Uint8Array {
  const bytes = Buffer.alloc(ID_BYTES);
  bytes.writeBigUInt64BE(id);
  return bytes;
}

function idOf(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0);
}

function interrupted(cause?: unknown): WalkieError {
  return new WalkieError(
    WalkieErrorCode.INTERRUPTED,
    'The connection to the blob server ended before the answer',
    { cause },
  );
}

function closed(): WalkieError {
  return new WalkieError(WalkieErrorCode.NOT_RUNNING, 'The blob client is closed');
}
