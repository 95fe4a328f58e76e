import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { crc32c } from '@runtime-bridge/blob-codec';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';

/** `RBSTORE` and the version of the format. */
const MAGIC = Buffer.from('RBSTORE1');

/** Length of key u8, length of value u32 LE, CRC-32C of key and value u32 LE. */
const HEAD_BYTES = 9;
/** A row is a few MiB at most; a genesis state some hundred. */
const MAX_VALUE_BYTES = 1024 * 1024 * 1024;
const WRITE_BYTES = 1024 * 1024;

/** One row of an exported store. */
export interface FileRow {
  key: Uint8Array;
  value: Uint8Array;
}

/**
 * Writes rows into a file that must not exist yet: magic, then per row lengths, checksum, key, value; at the end a row
 * without key, by which a cut file is known.
 * @returns bytes written
 */
export async function writeStoreFile(path: string, rows: AsyncIterable<FileRow>): Promise<number> {
  const file = await open(path, 'wx');
  try {
    let parts: Uint8Array[] = [MAGIC];
    let waiting = MAGIC.length;
    let written = 0;
    const flush = async () => {
      const bytes = Buffer.concat(parts);
      for (let from = 0; from < bytes.length;) {
        from += (await file.write(bytes, from)).bytesWritten;
      }
      written += bytes.length;
      parts = [];
      waiting = 0;
    };
    const add = ({ key, value }: FileRow) => {
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt8(key.length, 0);
      head.writeUInt32LE(value.length, 1);
      head.writeUInt32LE(checksum(key, value), 5);
      parts.push(head, key, value);
      waiting += HEAD_BYTES + key.length + value.length;
    };
    for await (const row of rows) {
      add(row);
      if (waiting >= WRITE_BYTES) await flush();
    }
    add({ key: new Uint8Array(), value: new Uint8Array() });
    await flush();
    await file.sync();
    return written;
  } finally {
    await file.close();
  }
}

/**
 * Reads the rows of such a file in order.
 * @param onBytes told of the bytes read so far
 * @throws BlockStoreError FILE_DAMAGED
 */
export async function* readStoreFile(
  path: string,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<FileRow, void> {
  const source = createReadStream(path, { highWaterMark: WRITE_BYTES });
  let chunks: Buffer[] = [];
  let held = 0;
  let offset = 0;
  const iterator = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const take = async (count: number): Promise<Buffer> => {
    while (held < count) {
      const next = await iterator.next();
      if (next.done === true) throw damaged(path, offset, 'it ends in the middle');
      chunks.push(next.value);
      held += next.value.length;
    }
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    chunks = [all.subarray(count)];
    held -= count;
    offset += count;
    return all.subarray(0, count);
  };
  try {
    if (!(await take(MAGIC.length)).equals(MAGIC))
      throw damaged(path, 0, 'it is no exported store');
    for (;;) {
      const at = offset;
      const head = await take(HEAD_BYTES);
      const keyLength = head.readUInt8(0);
      const valueLength = head.readUInt32LE(1);
      if (valueLength > MAX_VALUE_BYTES) throw damaged(path, at, 'a row is too long');
      // Copies: the chunk they came in is let go of.
      const key = Uint8Array.from(await take(keyLength));
      const value = Uint8Array.from(await take(valueLength));
      if (head.readUInt32LE(5) !== checksum(key, value)) {
        throw damaged(path, at, 'a checksum is wrong');
      }
      onBytes?.(offset);
      if (keyLength === 0) return;
      yield { key, value };
    }
  } finally {
    source.destroy();
  }
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return crc32c(Buffer.concat([key, value]));
}

function damaged(path: string, offset: number, reason: string): BlockStoreError {
  return new BlockStoreError(
    BlockStoreErrorCode.FILE_DAMAGED,
    `The file cannot be used: ${reason} (${path} at byte ${offset})`,
    { facts: { path, offset, reason }, remedy: 'Export it again, or copy it again' },
  );
}
