import { ScaleError, ScaleReader } from '../primitives/index.js';
import { ScaleWriter } from './scale-writer.js';
import type { Field, Primitive, TypeDef, TypeNode, TypeTable, Variant } from './type-lang.js';

/**
 * Encodes and decodes one type.
 *
 * Values: integers up to u32 are numbers, larger ones bigint; `Vec<u8>` and `[u8; n]` are byte
 * arrays; other lists are arrays; None is undefined; structs are objects with camelCase names;
 * wrappers are the value inside; maps are arrays of pairs; a Result is `{ ok }` or `{ err }`; an
 * enum is `{ type: 'Name' }` with its named fields beside, or with `value` for one unnamed field
 * and `values` for several. What is decoded does not share memory with the input.
 */
export interface Codec<T> {
  write(value: T, to: ScaleWriter): void;
  /** @throws ScaleError when the input is too short or malformed */
  read(from: ScaleReader): T;
}

/** Calls may nest (batch in proxy in batch …) this deep, as in Substrate. */
export const MAX_DEPTH = 256;

/** Codecs of a type table, made on demand and kept. */
export class Codecs {
  private readonly named = new Map<string, Codec<unknown>>();
  private readonly byText = new Map<string, Codec<unknown>>();
  private depth = 0;

  constructor(readonly table: TypeTable) {}

  /** The codec of a type expression; `T` is the caller's word for what its values look like. */
  of<T>(expression: string): Codec<T> {
    let codec = this.byText.get(expression);
    if (!codec) this.byText.set(expression, (codec = this.make(this.table.node(expression))));
    return codec as Codec<T>;
  }

  /** Encodes a value. */
  encode(expression: string, value: unknown): Uint8Array {
    const writer = new ScaleWriter();
    this.of(expression).write(value, writer);
    return writer.finish();
  }

  /** Decodes exactly one value. @throws ScaleError, also when bytes are left over */
  decode<T>(expression: string, bytes: Uint8Array): T {
    const reader = new ScaleReader(bytes);
    const value = this.of<T>(expression).read(reader);
    reader.end();
    return value;
  }

  private make(node: TypeNode): Codec<unknown> {
    switch (node.kind) {
      case 'primitive':
        return primitive(node.name);
      case 'compact':
        return compactOf(this.table.resolve(node.of));
      case 'vec':
      case 'set':
        return this.list(node.of, undefined);
      case 'array':
        return this.list(node.of, node.length);
      case 'tuple':
        return this.tuple(node.items);
      case 'option':
        return this.option(node.of);
      case 'map':
        return this.list({ kind: 'tuple', items: [node.key, node.value] }, undefined);
      case 'result':
        return this.result(node.ok, node.err);
      case 'named':
        return this.byName(node.name);
    }
  }

  private byName(name: string): Codec<unknown> {
    const known = this.named.get(name);
    if (known) return known;
    // Registered before its parts are made: types may contain themselves.
    let real: Codec<unknown> | undefined;
    const lazy: Codec<unknown> = {
      write: (value, to) => (real ??= this.define(this.table.def(name))).write(value, to),
      read: (from) => (real ??= this.define(this.table.def(name))).read(from),
    };
    this.named.set(name, lazy);
    return lazy;
  }

  private define(def: TypeDef): Codec<unknown> {
    switch (def.kind) {
      case 'alias':
      case 'wrapper':
        return this.of(def.of);
      case 'struct':
        return this.struct(def.fields);
      case 'enum':
        return this.enum(def.variants);
      case 'era':
        return eraCodec;
    }
  }

  private struct(fields: readonly Field[]): Codec<unknown> {
    const parts = fields.map(([name, type]) => [camelCase(name ?? ''), this.of(type)] as const);
    return {
      write: (value, to) => {
        const object = value as Record<string, unknown>;
        for (const [name, codec] of parts) codec.write(object[name], to);
      },
      read: (from) => {
        const object: Record<string, unknown> = {};
        for (const [name, codec] of parts) object[name] = codec.read(from);
        return object;
      },
    };
  }

  private enum(variants: readonly Variant[]): Codec<unknown> {
    const cases = variants.map((v) => ({ ...v, body: this.variantBody(v.fields) }));
    const byIndex = new Map(cases.map((c) => [c.index, c]));
    const byName = new Map(cases.map((c) => [c.name, c]));
    return {
      write: (value, to) => {
        const { type } = value as { type: string };
        const found = byName.get(type);
        if (!found) throw new TypeError(`no variant ${type}`);
        to.u8(found.index);
        found.body.write(value, to);
      },
      read: (from) => {
        const index = from.u8();
        const found = byIndex.get(index);
        if (!found) throw new ScaleError(`no variant with index ${index}`);
        if (++this.depth > MAX_DEPTH) {
          this.depth = 0;
          throw new ScaleError('nested too deep');
        }
        try {
          return { type: found.name, ...(found.body.read(from) as object) };
        } finally {
          if (this.depth > 0) this.depth--;
        }
      },
    };
  }

  private variantBody(fields: readonly Field[]): Codec<unknown> {
    const [first] = fields;
    if (!first) return { write: () => undefined, read: () => ({}) };
    if (first[0] !== undefined) return this.struct(fields);
    const parts = fields.map(([, type]) => this.of<unknown>(type));
    const [only] = parts;
    if (parts.length === 1 && only) {
      return {
        write: (value, to) => only.write((value as { value: unknown }).value, to),
        read: (from) => ({ value: only.read(from) }),
      };
    }
    return {
      write: (value, to) =>
        parts.forEach((part, i) => part.write((value as { values: unknown[] }).values[i], to)),
      read: (from) => ({ values: parts.map((part) => part.read(from)) }),
    };
  }

  private list(of: TypeNode, length: number | undefined): Codec<unknown> {
    const item = this.table.resolve(of);
    if (item.kind === 'primitive' && item.name === 'u8') return bytesCodec(length);
    const codec = this.make(item);
    return {
      write: (value, to) => {
        const items = value as readonly unknown[];
        if (length === undefined) to.compact(items.length);
        else if (items.length !== length) throw new RangeError(`${length} items wanted`);
        for (const one of items) codec.write(one, to);
      },
      read: (from) => {
        const count = length ?? from.compact();
        // Every item here takes a byte or more, so a length that cannot be true is refused early.
        if (count > from.remaining) throw new ScaleError(`${count} items announced`);
        const items: unknown[] = [];
        for (let i = 0; i < count; i++) items.push(codec.read(from));
        return items;
      },
    };
  }

  private tuple(nodes: readonly TypeNode[]): Codec<unknown> {
    const parts = nodes.map((node) => this.make(this.table.resolve(node)));
    if (parts.length === 0) return { write: () => undefined, read: () => undefined };
    return {
      write: (value, to) => parts.forEach((part, i) => part.write((value as unknown[])[i], to)),
      read: (from) => parts.map((part) => part.read(from)),
    };
  }

  private option(of: TypeNode): Codec<unknown> {
    const codec = this.make(this.table.resolve(of));
    return {
      write: (value, to) => {
        to.u8(value === undefined ? 0 : 1);
        if (value !== undefined) codec.write(value, to);
      },
      read: (from) => from.option((r) => codec.read(r)),
    };
  }

  private result(ok: TypeNode, err: TypeNode): Codec<unknown> {
    const good = this.make(this.table.resolve(ok));
    const bad = this.make(this.table.resolve(err));
    return {
      write: (value, to) => {
        const result = value as { ok?: unknown; err?: unknown };
        const failed = 'err' in result;
        to.u8(failed ? 1 : 0);
        if (failed) bad.write(result.err, to);
        else good.write(result.ok, to);
      },
      read: (from) => (from.bool() ? { err: bad.read(from) } : { ok: good.read(from) }),
    };
  }
}

/** `snake_case` to `camelCase`; names without underscore stay. */
export function camelCase(name: string): string {
  return name.replace(/(?<=.)_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function codec<T>(
  write: (to: ScaleWriter, value: T) => void,
  read: (from: ScaleReader) => T,
): Codec<unknown> {
  return { write: (value, to) => write(to, value as T), read };
}

function primitive(name: Primitive): Codec<unknown> {
  switch (name) {
    case 'bool':
      return codec<boolean>(
        (to, v) => to.u8(v ? 1 : 0),
        (from) => from.bool(),
      );
    case 'str':
      return codec<string>(
        (to, v) => to.text(v),
        (from) => readText(from.bytes()),
      );
    case 'u8':
      return unsigned('u8', 8);
    case 'u16':
      return unsigned('u16', 16);
    case 'u32':
      return unsigned('u32', 32);
    case 'u64':
      return wide('u64', 64);
    case 'u128':
      return wide('u128', 128);
    case 'u256':
      return codec<bigint>(
        (to, v) => to.u256(inRange(v, 256)),
        (from) => from.u128() + (from.u128() << 128n),
      );
  }
}

function unsigned(name: 'u8' | 'u16' | 'u32', bits: number): Codec<unknown> {
  return codec<number>(
    (to, v) => {
      if (!Number.isInteger(v) || v < 0 || v >= 2 ** bits)
        throw new RangeError(`${v}: not ${name}`);
      to[name](v);
    },
    (from) => from[name](),
  );
}

function wide(name: 'u64' | 'u128', bits: number): Codec<unknown> {
  return codec<bigint>(
    (to, v) => to[name](inRange(v, bits)),
    (from) => from[name](),
  );
}

function inRange(value: bigint, bits: number): bigint {
  if (value < 0n || value >= 1n << BigInt(bits)) throw new RangeError(`${value}: not u${bits}`);
  return value;
}

function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ScaleError('text is not UTF-8');
  }
}

function compactOf(node: TypeNode): Codec<unknown> {
  if (node.kind === 'tuple' && node.items.length === 0) {
    return { write: () => undefined, read: () => undefined };
  }
  if (node.kind !== 'primitive') throw new Error(`Compact of ${node.kind}`);
  const bits = { u8: 8, u16: 16, u32: 32, u64: 64, u128: 128 }[node.name as 'u8'];
  if (bits === undefined) throw new Error(`Compact of ${node.name}`);
  return {
    write: (value, to) => to.compact(value as number | bigint),
    read: (from) => {
      const value = from.compactBig();
      if (value >= 1n << BigInt(bits)) throw new ScaleError(`${value}: not u${bits}`);
      return bits <= 32 ? Number(value) : value;
    },
  };
}

function bytesCodec(length: number | undefined): Codec<unknown> {
  return codec<Uint8Array>(
    (to, v) => {
      if (length === undefined) to.bytes(v);
      else if (v.length !== length)
        throw new RangeError(`${length} bytes wanted, ${v.length} given`);
      else to.raw(v);
    },
    (from) => (length === undefined ? from.bytes() : from.take(length)).slice(),
  );
}

/** Raw era bytes: one (0, immortal) or two. */
const eraCodec = codec<Uint8Array>(
  (to, v) => to.raw(v),
  (from) => {
    const first = from.u8();
    return first === 0 ? Uint8Array.of(0) : Uint8Array.of(first, from.u8());
  },
);
