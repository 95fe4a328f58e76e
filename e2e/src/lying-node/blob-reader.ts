import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** Reads blobs over TCP, as runners of 2022 do: varint length, 8 bytes of id, then key or checksum and value. */
export class BlobReader {
  private buffer: Buffer = Buffer.alloc(0);
  private readonly waiting = new Map<string, (value: Uint8Array | undefined) => void>();
  private failure: Error | undefined;
  private readonly failures = new Set<(error: Error) => void>();

  private constructor(private readonly socket: Socket) {
    socket.on('data', (data) => this.receive(data));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the blob server closed the connection')));
  }

  static async connect(port: number): Promise<BlobReader> {
    const socket = connect({ host: '127.0.0.1', port });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new BlobReader(socket);
  }

  /** The blob of a key; undefined when there is none. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const id = randomBytes(8);
    const payload = Buffer.concat([id, Buffer.from(key)]);
    return new Promise((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      this.failures.add(reject);
      this.waiting.set(id.toString('hex'), (value) => {
        this.failures.delete(reject);
        resolve(value);
      });
      this.socket.write(Buffer.concat([varint(payload.length), payload]));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(data: Buffer): void {
    this.buffer = this.buffer.length === 0 ? data : Buffer.concat([this.buffer, data]);
    for (;;) {
      let length = 0;
      let at = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = this.buffer[at++];
        if (byte === undefined) return;
        length += (byte & 127) * 2 ** shift;
        if (byte < 128) break;
      }
      if (this.buffer.length < at + length) return;
      const frame = this.buffer.subarray(at, at + length);
      this.buffer = this.buffer.subarray(at + length);
      const id = frame.subarray(0, 8).toString('hex');
      const answer = this.waiting.get(id);
      this.waiting.delete(id);
      answer?.(frame.length > 16 ? new Uint8Array(frame.subarray(16)) : undefined);
    }
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const reject of this.failures) reject(error);
    this.failures.clear();
  }
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return Uint8Array.from(out);
}
