import { createReadStream } from 'node:fs';
import { access, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { messageOf } from '@runtime-bridge/base';
import { crc32c } from '@runtime-bridge/blob-codec';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';

/** `RBSTORE` and the version of the format. */
const MAGIC = Buffer.from('RBSTORE1');

/** Length of key u8, length of value u32 LE, CRC-32C of key and value u32 LE. */
const HEAD_BYTES = 9;
/** A row is a few MiB at most; a genesis state some hundred. */
const MAX_VALUE_BYTES = 1024 * 1024 * 1024;
const WRITE_BYTES = 1024 * 1024;
const NO_STORE = 'it is no exported store';

/** One row of an exported store. */
export interface FileRow {
  key: Uint8Array;
  value: Uint8Array;
}

/**
 * Writes rows into a file that must not exist yet: magic, then per row lengths, checksum, key, value; at the end a row
 * without key, by which a cut file is known. Until it is whole its name ends in `.partial`; nothing is left of one that
 * could not be written.
 * @returns bytes written
 * @throws BlockStoreError FILE_EXISTS, FILE_UNUSABLE
 */
export async function writeStoreFile(path: string, rows: AsyncIterable<FileRow>): Promise<number> {
  await expectNoFile(path);
  const partial = `${path}.partial`;
  // What a killed export left is written over.
  const file = await fileWork(partial, () => open(partial, 'w'));
  try {
    const written = await writeRows(file, partial, rows);
    await file.close();
    await expectNoFile(path);
    await fileWork(path, () => rename(partial, path));
    return written;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
}

async function writeRows(
  file: FileHandle,
  path: string,
  rows: AsyncIterable<FileRow>,
): Promise<number> {
  let parts: Uint8Array[] = [MAGIC];
  let waiting = MAGIC.length;
  let written = 0;
  const flush = async () => {
    const bytes = Buffer.concat(parts);
    for (let from = 0; from < bytes.length;) {
      from += (await fileWork(path, () => file.write(bytes, from))).bytesWritten;
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
  await fileWork(path, () => file.sync());
  return written;
}

/**
 * Makes sure that a file begins as an exported store does.
 * @throws BlockStoreError FILE_UNUSABLE, FILE_DAMAGED
 */
export async function expectStoreFile(path: string): Promise<void> {
  const file = await fileWork(path, () => open(path, 'r'));
  try {
    const start = Buffer.alloc(MAGIC.length);
    await fileWork(path, () => file.read(start, 0, MAGIC.length, 0));
    if (!start.equals(MAGIC)) throw damaged(path, 0, NO_STORE);
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

async function expectNoFile(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  throw new BlockStoreError(BlockStoreErrorCode.FILE_EXISTS, `There is something at ${path}`, {
    facts: { path },
    remedy: 'Give a name that is free, or remove what is there',
  });
}

/** Names the file in what goes wrong with it. */
async function fileWork<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new BlockStoreError(
      BlockStoreErrorCode.FILE_UNUSABLE,
      `The file cannot be used: ${messageOf(cause)}`,
      {
        facts: { path },
        cause,
        remedy: 'Check the path, its permissions and the room on its disk',
      },
    );
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
