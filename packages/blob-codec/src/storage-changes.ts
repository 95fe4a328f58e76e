import { fromHex } from '@runtime-bridge/base';
import { CodecError, CodecErrorCode } from './errors.js';
import { decodeAll, type ScaleReader } from './scale-reader.js';
import { ScaleWriter } from './scale-writer.js';

/** A key with its new value; null deletes, an empty value does not. */
export type StorageChange = [key: Uint8Array, value: Uint8Array | null];

/** The state delta of one block. */
export interface StorageChanges {
  main: StorageChange[];
  /** per child trie, by its key without the prefix `:child_storage:default:` */
  children: [childKey: Uint8Array, changes: StorageChange[]][];
}

/** an empty key and the Option byte */
const MIN_CHANGE_BYTES = 2;

/**
 * Decodes StorageChanges that fill `bytes`; keys and values are views.
 * Source: phala-blockchain 40ffcd1be crates/phactory/api/src/blocks.rs.
 * @throws CodecError
 */
export function decodeStorageChanges(bytes: Uint8Array): StorageChanges {
  return decodeAll(bytes, 'storage changes', readStorageChanges);
}

/** Reads StorageChanges at the reader's position. */
export function readStorageChanges(reader: ScaleReader): StorageChanges {
  const main = readCollection(reader, 'mainStorageChanges');
  const children = reader.vec(MIN_CHANGE_BYTES, 'childStorageChanges', () => {
    const childKey = reader.bytes('childKey');
    const pair: StorageChanges['children'][number] = [
      childKey,
      readCollection(reader, 'childStorageChanges'),
    ];
    return pair;
  });
  return { main, children };
}

/** Goes past StorageChanges, checking their structure, without making anything of them. */
export function skipStorageChanges(reader: ScaleReader): void {
  skipCollection(reader, 'mainStorageChanges');
  const children = reader.count(MIN_CHANGE_BYTES, 'childStorageChanges');
  for (let i = 0; i < children; i++) {
    reader.bytes('childKey');
    skipCollection(reader, 'childStorageChanges');
  }
}

/** The reverse of {@link decodeStorageChanges}; Some(empty) stays apart from None. */
export function encodeStorageChanges(changes: StorageChanges): Uint8Array {
  const writer = new ScaleWriter();
  writeCollection(writer, changes.main);
  writer.compact(changes.children.length);
  for (const [childKey, collection] of changes.children) {
    writer.bytes(childKey);
    writeCollection(writer, collection);
  }
  return writer.finish();
}

/**
 * The SCALE bytes of one object of `pha_getStorageChanges`:
 * `{"mainStorageChanges":[["0xkey","0xvalue"|null],…],"childStorageChanges":[["0xchildkey",[…]],…]}`.
 * `"0x"` is Some(empty) and null is None: mixing them up gives another state (runtime-bridge issue 72).
 * @throws CodecError BAD_JSON
 */
export function storageChangesFromJson(object: unknown): Uint8Array {
  if (typeof object !== 'object' || object === null) throw badJson('storageChanges', object);
  const fields = object as Record<string, unknown>;
  return encodeStorageChanges({
    main: collectionFromJson(fields['mainStorageChanges'], 'mainStorageChanges'),
    children: arrayFromJson(fields['childStorageChanges'], 'childStorageChanges').map((pair) => {
      const [childKey, changes] = pairFromJson(pair, 'childStorageChanges');
      return [
        bytesFromJson(childKey, 'childKey'),
        collectionFromJson(changes, 'childStorageChanges'),
      ];
    }),
  });
}

function readCollection(reader: ScaleReader, field: string): StorageChange[] {
  return reader.vec(MIN_CHANGE_BYTES, field, (): StorageChange => [
    reader.bytes('key'),
    reader.option('value', () => reader.bytes('value')) ?? null,
  ]);
}

function skipCollection(reader: ScaleReader, field: string): void {
  const count = reader.count(MIN_CHANGE_BYTES, field);
  for (let i = 0; i < count; i++) {
    reader.bytes('key');
    reader.option('value', () => reader.bytes('value'));
  }
}

function writeCollection(writer: ScaleWriter, changes: readonly StorageChange[]): void {
  writer.compact(changes.length);
  for (const [key, value] of changes) {
    writer.bytes(key);
    if (value === null) writer.u8(0);
    else writer.u8(1).bytes(value);
  }
}

function collectionFromJson(value: unknown, field: string): StorageChange[] {
  return arrayFromJson(value, field).map((pair): StorageChange => {
    const [key, changed] = pairFromJson(pair, field);
    return [
      bytesFromJson(key, `${field}.key`),
      changed === null ? null : bytesFromJson(changed, `${field}.value`),
    ];
  });
}

function arrayFromJson(value: unknown, field: string): unknown[] {
  if (!Array.isArray(value)) throw badJson(field, value);
  return value;
}

function pairFromJson(value: unknown, field: string): [unknown, unknown] {
  if (!Array.isArray(value) || value.length !== 2) throw badJson(field, value);
  return [value[0], value[1]];
}

function bytesFromJson(value: unknown, field: string): Uint8Array {
  if (typeof value !== 'string' || !value.startsWith('0x')) throw badJson(field, value);
  try {
    return fromHex(value);
  } catch (error) {
    throw badJson(field, value, error);
  }
}

function badJson(field: string, value: unknown, cause?: unknown): CodecError {
  const start = (JSON.stringify(value) ?? 'undefined').slice(0, 80);
  return new CodecError(
    CodecErrorCode.BAD_JSON,
    'The node answered storage changes of another shape than documented',
    { field, start },
    cause,
  );
}
