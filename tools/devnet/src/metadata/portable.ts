import { ScaleWriter } from './scale-writer.js';
import type { Field, Params, TypeNode, TypeTable, Variant } from './type-lang.js';

/** Order of `scale_info::TypeDefPrimitive`. */
const PRIMITIVE_INDEX = {
  bool: 0,
  str: 2,
  u8: 3,
  u16: 4,
  u32: 5,
  u64: 6,
  u128: 7,
  u256: 8,
} as const;

/**
 * Numbers types as `scale_info::PortableRegistry` does and encodes the registry.
 * Source: paritytech/scale-info v2 src/portable.rs, src/ty/mod.rs.
 */
export class PortableTypes {
  private readonly ids = new Map<string, number>();
  private readonly encoded: Uint8Array[] = [];

  constructor(private readonly table: TypeTable) {}

  /** The id of a type; the type and its parts are added when they are new. */
  id(expression: string): number {
    return this.idOf(this.table.node(expression));
  }

  /** `Vec<PortableType>`. */
  encode(): Uint8Array {
    const to = new ScaleWriter();
    to.compact(this.encoded.length);
    for (const type of this.encoded) to.raw(type);
    return to.finish();
  }

  private idOf(given: TypeNode): number {
    const node = this.table.resolve(given);
    const key = canonical(this.table, node);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.encoded.length;
    // Taken before its parts are added: types may contain themselves.
    this.ids.set(key, id);
    this.encoded.push(new Uint8Array());
    const to = new ScaleWriter();
    to.compact(id);
    this.writeType(to, node);
    to.compact(0); // docs
    this.encoded[id] = to.finish();
    return id;
  }

  private writeType(to: ScaleWriter, node: TypeNode): void {
    switch (node.kind) {
      case 'primitive':
        head(to);
        to.u8(5);
        to.u8(PRIMITIVE_INDEX[node.name]);
        return;
      case 'vec':
        head(to);
        to.u8(2);
        to.compact(this.idOf(node.of));
        return;
      case 'array':
        head(to);
        to.u8(3);
        to.u32(node.length);
        to.compact(this.idOf(node.of));
        return;
      case 'tuple':
        head(to);
        to.u8(4);
        to.compact(node.items.length);
        for (const item of node.items) to.compact(this.idOf(item));
        return;
      case 'compact':
        head(to);
        to.u8(6);
        to.compact(this.idOf(node.of));
        return;
      case 'option':
        this.generic(to, 'Option', [['T', node.of]]);
        this.variants(to, [unit('None', 0), variantOf('Some', 1, node.of)]);
        return;
      case 'result':
        this.generic(to, 'Result', [
          ['T', node.ok],
          ['E', node.err],
        ]);
        this.variants(to, [variantOf('Ok', 0, node.ok), variantOf('Err', 1, node.err)]);
        return;
      case 'set':
        this.generic(to, 'BTreeSet', [['T', node.of]]);
        this.composite(to, [[undefined, { kind: 'vec', of: node.of }]]);
        return;
      case 'map': {
        const pair: TypeNode = { kind: 'tuple', items: [node.key, node.value] };
        this.generic(to, 'BTreeMap', [
          ['K', node.key],
          ['V', node.value],
        ]);
        this.composite(to, [[undefined, { kind: 'vec', of: pair }]]);
        return;
      }
      case 'named':
        this.writeNamed(to, node.name);
    }
  }

  private writeNamed(to: ScaleWriter, name: string): void {
    const def = this.table.def(name);
    switch (def.kind) {
      case 'alias':
        throw new Error(`alias ${name} was not resolved`);
      case 'wrapper':
        this.path(to, def.path, def.params);
        this.composite(to, [[undefined, this.table.node(def.of)]]);
        return;
      case 'struct':
        this.path(to, def.path, def.params);
        this.composite(to, this.fields(def.fields));
        return;
      case 'enum':
        this.path(to, def.path, def.params);
        this.variants(
          to,
          def.variants.map((v: Variant) => ({ ...v, fields: this.fields(v.fields) })),
        );
        return;
      case 'era':
        this.path(to, def.path, []);
        this.variants(to, eraVariants());
    }
  }

  private fields(fields: readonly Field[]): NodeField[] {
    return fields.map(([name, type]) => [name, this.table.node(type)]);
  }

  private path(to: ScaleWriter, path: string, params: Params): void {
    const nodes = params.map(
      ([name, type]) => [name, type === undefined ? undefined : this.table.node(type)] as const,
    );
    this.generic(to, path, nodes);
  }

  private generic(
    to: ScaleWriter,
    path: string,
    params: readonly (readonly [string, TypeNode | undefined])[],
  ): void {
    const segments = path === '' ? [] : path.split('::');
    to.compact(segments.length);
    for (const segment of segments) to.text(segment);
    to.compact(params.length);
    for (const [name, node] of params) {
      to.text(name);
      to.u8(node === undefined ? 0 : 1);
      if (node !== undefined) to.compact(this.idOf(node));
    }
  }

  private composite(to: ScaleWriter, fields: readonly NodeField[]): void {
    to.u8(0);
    this.writeFields(to, fields);
  }

  private variants(to: ScaleWriter, variants: readonly NodeVariant[]): void {
    to.u8(1);
    to.compact(variants.length);
    for (const variant of variants) {
      to.text(variant.name);
      this.writeFields(to, variant.fields);
      to.u8(variant.index);
      to.compact(0); // docs
    }
  }

  private writeFields(to: ScaleWriter, fields: readonly NodeField[]): void {
    to.compact(fields.length);
    for (const [name, node] of fields) {
      to.u8(name === undefined ? 0 : 1);
      if (name !== undefined) to.text(name);
      to.compact(this.idOf(node));
      to.u8(0); // type name
      to.compact(0); // docs
    }
  }
}

type NodeField = readonly [name: string | undefined, node: TypeNode];
interface NodeVariant {
  name: string;
  index: number;
  fields: readonly NodeField[];
}

const unit = (name: string, index: number): NodeVariant => ({ name, index, fields: [] });
const variantOf = (name: string, index: number, of: TypeNode): NodeVariant => ({
  name,
  index,
  fields: [[undefined, of]],
});

/** Path and parameters of a type that has neither. */
function head(to: ScaleWriter): void {
  to.compact(0);
  to.compact(0);
}

/** `sp_runtime::generic::Era` describes itself as 256 variants named after the first byte. */
function eraVariants(): NodeVariant[] {
  const byte: TypeNode = { kind: 'primitive', name: 'u8' };
  const variants = [unit('Immortal', 0)];
  for (let i = 1; i < 256; i++) variants.push(variantOf(`Mortal${i}`, i, byte));
  return variants;
}

/** One text per distinct type. */
function canonical(table: TypeTable, given: TypeNode): string {
  const node = table.resolve(given);
  const inner = (n: TypeNode): string => canonical(table, n);
  switch (node.kind) {
    case 'primitive':
    case 'named':
      return node.name;
    case 'vec':
    case 'compact':
    case 'option':
    case 'set':
      return `${node.kind}<${inner(node.of)}>`;
    case 'array':
      return `[${inner(node.of)};${node.length}]`;
    case 'tuple':
      return `(${node.items.map(inner).join(',')})`;
    case 'result':
      return `result<${inner(node.ok)},${inner(node.err)}>`;
    case 'map':
      return `map<${inner(node.key)},${inner(node.value)}>`;
  }
}
