/**
 * A small language for SCALE types, in Rust's own spelling: `Vec<(AccountId, u64)>`,
 * `Option<[u8; 32]>`, `Compact<u128>`. One set of declarations gives both the codecs that the
 * chain runs on and the metadata that it publishes, so the two cannot disagree.
 */

/** Integer, boolean and text types. */
export const PRIMITIVES = ['bool', 'str', 'u8', 'u16', 'u32', 'u64', 'u128', 'u256'] as const;
/** One of {@link PRIMITIVES}. */
export type Primitive = (typeof PRIMITIVES)[number];

/** A parsed type expression. */
export type TypeNode =
  | { kind: 'primitive'; name: Primitive }
  | { kind: 'named'; name: string }
  | { kind: 'vec' | 'compact' | 'option' | 'set'; of: TypeNode }
  | { kind: 'array'; of: TypeNode; length: number }
  | { kind: 'tuple'; items: readonly TypeNode[] }
  | { kind: 'result'; ok: TypeNode; err: TypeNode }
  | { kind: 'map'; key: TypeNode; value: TypeNode };

/** A field: its name (undefined in tuple-like types) and its type expression. */
export type Field = readonly [name: string | undefined, type: string];

/** One case of an enum. */
export interface Variant {
  name: string;
  index: number;
  fields: readonly Field[];
}

/** Generic parameters as metadata shows them; a parameter without type is a skipped one. */
export type Params = readonly (readonly [name: string, type?: string])[];

/** What a named type is. */
export type TypeDef =
  | { kind: 'alias'; of: string }
  | { kind: 'struct'; path: string; fields: readonly Field[]; params: Params }
  | { kind: 'wrapper'; path: string; of: string; params: Params }
  | { kind: 'enum'; path: string; variants: readonly Variant[]; params: Params }
  | { kind: 'era'; path: string };

/** Fields given by name, or as a list of types for unnamed ones, or one type for one unnamed. */
export type FieldsSpec = Readonly<Record<string, string>> | readonly string[] | string | null;

/** Turns any form of {@link FieldsSpec} into fields. */
export function fieldsOf(spec: FieldsSpec): Field[] {
  if (spec === null) return [];
  if (typeof spec === 'string') return [[undefined, spec]];
  if (isList(spec)) return spec.map((type) => [undefined, type]);
  return Object.entries(spec);
}

function isList(spec: FieldsSpec): spec is readonly string[] {
  return Array.isArray(spec);
}

/** Another name for a type; leaves no trace in metadata. */
export const alias = (of: string): TypeDef => ({ kind: 'alias', of });

/** A struct with named fields. `path` is Rust's, e.g. `frame_system::AccountInfo`. */
export const struct = (
  path: string,
  fields: Readonly<Record<string, string>>,
  params: Params = [],
): TypeDef => ({ kind: 'struct', path, fields: fieldsOf(fields), params });

/** A tuple struct with one field; its value is the field's value. */
export const wrapper = (path: string, of: string, params: Params = []): TypeDef => ({
  kind: 'wrapper',
  path,
  of,
  params,
});

/** An enum. Indices count from 0 in the order given unless `indices` says otherwise. */
export function enumeration(
  path: string,
  variants: Readonly<Record<string, FieldsSpec>> | readonly string[],
  options: { indices?: Readonly<Record<string, number>>; params?: Params } = {},
): TypeDef {
  const entries: [string, FieldsSpec][] = isNames(variants)
    ? variants.map((name) => [name, null])
    : Object.entries(variants);
  return {
    kind: 'enum',
    path,
    params: options.params ?? [],
    variants: entries.map(([name, spec], position) => ({
      name,
      index: options.indices?.[name] ?? position,
      fields: fieldsOf(spec),
    })),
  };
}

function isNames(
  variants: Readonly<Record<string, FieldsSpec>> | readonly string[],
): variants is readonly string[] {
  return Array.isArray(variants);
}

/**
 * Parses a type expression.
 * @throws SyntaxError when it is malformed
 */
export function parseType(text: string): TypeNode {
  const parser = new Parser(text);
  const node = parser.type();
  parser.end();
  return node;
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  type(): TypeNode {
    if (this.eat('(')) return { kind: 'tuple', items: this.list(')') };
    if (this.eat('[')) {
      const of = this.type();
      this.expect(';');
      const length = Number(this.word());
      this.expect(']');
      return { kind: 'array', of, length };
    }
    const name = this.word();
    const args = this.eat('<') ? this.list('>') : [];
    return this.generic(name, args);
  }

  private generic(name: string, args: TypeNode[]): TypeNode {
    const [first, second] = args;
    if (first === undefined) {
      const primitive = PRIMITIVES.find((p) => p === name);
      return primitive ? { kind: 'primitive', name: primitive } : { kind: 'named', name };
    }
    if (name === 'Vec') return { kind: 'vec', of: first };
    if (name === 'Compact') return { kind: 'compact', of: first };
    if (name === 'Option') return { kind: 'option', of: first };
    if (name === 'BTreeSet') return { kind: 'set', of: first };
    if (name === 'BTreeMap' && second) return { kind: 'map', key: first, value: second };
    if (name === 'Result' && second) return { kind: 'result', ok: first, err: second };
    throw new SyntaxError(`unknown generic type in ${this.text}`);
  }

  private list(close: string): TypeNode[] {
    const items: TypeNode[] = [];
    while (!this.eat(close)) {
      items.push(this.type());
      if (!this.eat(',')) {
        this.expect(close);
        break;
      }
    }
    return items;
  }

  private word(): string {
    this.blanks();
    const found = /^[A-Za-z0-9_]+/.exec(this.text.slice(this.at));
    if (!found) throw new SyntaxError(`a name is missing in ${this.text} at ${this.at}`);
    this.at += found[0].length;
    return found[0];
  }

  private blanks(): void {
    while (this.text[this.at] === ' ') this.at++;
  }

  private eat(mark: string): boolean {
    this.blanks();
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private expect(mark: string): void {
    if (!this.eat(mark)) throw new SyntaxError(`${mark} is missing in ${this.text} at ${this.at}`);
  }

  end(): void {
    this.blanks();
    if (this.at < this.text.length) throw new SyntaxError(`${this.text} goes on at ${this.at}`);
  }
}

/** Named types by name. Immutable; {@link TypeTable.extend} gives a larger one. */
export class TypeTable {
  private readonly parsed = new Map<string, TypeNode>();

  constructor(private readonly defs: Readonly<Record<string, TypeDef>>) {}

  /** A table with more types; a name may not be given twice. */
  extend(more: Readonly<Record<string, TypeDef>>): TypeTable {
    for (const name of Object.keys(more)) {
      if (name in this.defs) throw new Error(`type ${name} is declared twice`);
    }
    return new TypeTable({ ...this.defs, ...more });
  }

  /** The definition of a named type. */
  def(name: string): TypeDef {
    const def = this.defs[name];
    if (!def) throw new Error(`type ${name} is not declared`);
    return def;
  }

  /** Parses an expression, with aliases at its root resolved. */
  node(expression: string): TypeNode {
    let node = this.parsed.get(expression);
    if (!node) this.parsed.set(expression, (node = this.resolve(parseType(expression))));
    return node;
  }

  /** Follows aliases until something else comes. */
  resolve(node: TypeNode): TypeNode {
    let at = node;
    while (at.kind === 'named') {
      const def = this.def(at.name);
      if (def.kind !== 'alias') break;
      at = parseType(def.of);
    }
    return at;
  }
}
