import { readFileSync } from 'node:fs';

import { Metadata, TypeRegistry } from '@polkadot/types';
import type { MetadataV14, PortableType } from '@polkadot/types/interfaces';

import { toHex } from '../primitives/index.js';

/** Folder of recorded chain data; tests that need it skip loudly without, and fail in CI. */
export const fixtures = process.env['RB_CHAIN_FIXTURES'];
if (!fixtures && process.env['CI'] === 'true') throw new Error('RB_CHAIN_FIXTURES is not set');
if (!fixtures) console.warn('SKIPPED: recorded metadata, RB_CHAIN_FIXTURES is not set');

/** Bytes of a recorded metadata file. */
export const recordedMetadata = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(`${fixtures}/metadata/${name}`));

/** One thing that metadata declares, spelt so that equal text means equal encoding and names. */
export type Shapes = Map<string, string>;

/** Everything that metadata declares, by a name such as `PhalaMq.call.sync_offchain_message`. */
export function shapesOf(bytes: Uint8Array): Shapes {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, toHex(bytes));
  const v14: MetadataV14 = metadata.asV14;
  const types = new Map(v14.lookup.types.map((t) => [t.id.toNumber(), t]));
  const shape = new ShapeWriter(types);
  const out: Shapes = new Map();
  for (const pallet of v14.pallets) {
    const name = pallet.name.toString();
    out.set(`${name}.index`, pallet.index.toString());
    if (pallet.storage.isSome) {
      const storage = pallet.storage.unwrap();
      out.set(`${name}.prefix`, storage.prefix.toString());
      for (const item of storage.items) {
        const { type } = item;
        const kind = type.isPlain
          ? shape.of(type.asPlain.toNumber())
          : `${type.asMap.hashers.toString()} ${shape.of(type.asMap.key.toNumber())} => ` +
            shape.of(type.asMap.value.toNumber());
        const text = `${item.modifier.toString()} ${kind} fallback ${item.fallback.toHex()}`;
        out.set(`${name}.storage.${item.name.toString()}`, text);
      }
    }
    for (const [kind, option] of [
      ['call', pallet.calls],
      ['event', pallet.events],
      ['error', pallet.errors],
    ] as const) {
      if (option.isNone) continue;
      const declared = types.get(option.unwrap().type.toNumber());
      out.set(`${name}.${kind}`, declared?.type.path.join('::') ?? '');
      for (const variant of declared?.type.def.asVariant.variants ?? []) {
        const fields = shape.fields(variant.fields);
        out.set(
          `${name}.${kind}.${variant.name.toString()}`,
          `${variant.index.toString()} ${fields}`,
        );
      }
    }
    for (const constant of pallet.constants) {
      const text = `${shape.of(constant.type.toNumber())} = ${constant.value.toHex()}`;
      out.set(`${name}.constant.${constant.name.toString()}`, text);
    }
  }
  const { extrinsic } = v14;
  out.set('extrinsic.version', extrinsic.version.toString());
  out.set('extrinsic.type', shape.withParams(extrinsic.type.toNumber()));
  const extensions = extrinsic.signedExtensions.map(
    (e) =>
      `${e.identifier.toString()} ${shape.of(e.type.toNumber())} ` +
      shape.of(e.additionalSigned.toNumber()),
  );
  out.set('extrinsic.signedExtensions', extensions.join('\n'));
  return out;
}

interface FieldLike {
  name: { isSome: boolean; unwrap(): { toString(): string } };
  type: { toNumber(): number };
}

class ShapeWriter {
  private readonly known = new Map<number, string>();

  constructor(private readonly types: ReadonlyMap<number, PortableType>) {}

  /** The type as text; bounded vectors are written as the vectors that they are. */
  of(id: number): string {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    const path = this.type(id).path.join('::');
    // Calls contain themselves, and every runtime has others.
    if (/::Runtime(Call|Event)$/.test(path)) return path.split('::').pop() ?? '';
    this.known.set(id, `recursive ${path}`);
    const text = this.describe(id, path);
    this.known.set(id, text);
    return text;
  }

  fields(fields: Iterable<FieldLike>): string {
    return [...fields]
      .map(
        (f) =>
          `${f.name.isSome ? `${f.name.unwrap().toString()}: ` : ''}${this.of(f.type.toNumber())}`,
      )
      .join(', ');
  }

  /** A type with its parameters, which polkadot.js reads of the extrinsic's type. */
  withParams(id: number): string {
    const { params } = this.type(id);
    const texts = params.map(
      (p) => `${p.name.toString()}=${p.type.isSome ? this.of(p.type.unwrap().toNumber()) : ''}`,
    );
    return `${this.of(id)} <${texts.join('; ')}>`;
  }

  private type(id: number): PortableType['type'] {
    const found = this.types.get(id);
    if (!found) throw new Error(`no type ${id}`);
    return found.type;
  }

  private describe(id: number, path: string): string {
    const { def } = this.type(id);
    if (def.isPrimitive) return def.asPrimitive.toString();
    if (def.isSequence) return `Vec<${this.of(def.asSequence.type.toNumber())}>`;
    if (def.isArray) {
      return `[${this.of(def.asArray.type.toNumber())}; ${def.asArray.len.toString()}]`;
    }
    if (def.isTuple) return `(${def.asTuple.map((t) => this.of(t.toNumber())).join(', ')})`;
    if (def.isBitSequence) return 'BitSequence';
    if (def.isCompact) return `Compact<${this.of(def.asCompact.type.toNumber())}>`;
    if (def.isComposite) {
      if (/::(Weak)?BoundedVec$/.test(path)) return this.fields(def.asComposite.fields);
      return `${path} {${this.fields(def.asComposite.fields)}}`;
    }
    const variants = def.asVariant.variants.map(
      (v) => `${v.index.toString()} ${v.name.toString()}(${this.fields(v.fields)})`,
    );
    return `${path} [${variants.sort().join(' | ')}]`;
  }
}
