import type { StorageDecl } from './storage-item.js';
import {
  enumeration,
  fieldsOf,
  type FieldsSpec,
  type TypeDef,
  type TypeTable,
} from './type-lang.js';

/** Calls or events by name: index and fields. */
export type IndexedVariants = Readonly<
  Record<string, readonly [index: number, fields: FieldsSpec]>
>;

/** A constant: its type and value. */
export type Constants = Readonly<Record<string, readonly [type: string, value: unknown]>>;

/** What a pallet shows to the outside. */
export interface PalletDecl {
  readonly name: string;
  readonly index: number;
  /** Rust path of the module that declares Call, Event and Error, e.g. `pallet_utility::pallet`. */
  readonly path: string;
  readonly storage?: readonly StorageDecl[];
  readonly calls?: IndexedVariants;
  readonly events?: IndexedVariants;
  /** In order of their index. */
  readonly errors?: readonly string[];
  readonly constants?: Constants;
}

/** Names under which a pallet's types stand in the type table. */
export const palletType = {
  call: (pallet: string): string => `${pallet}_Call`,
  event: (pallet: string): string => `${pallet}_Event`,
  error: (pallet: string): string => `${pallet}_Error`,
};

/**
 * Adds every pallet's Call, Event and Error, and `RuntimeCall`, `RuntimeEvent` over them.
 * `runtimePath` is the crate of the runtime, e.g. `khala_parachain_runtime`.
 */
export function withPallets(
  table: TypeTable,
  pallets: readonly PalletDecl[],
  runtimePath: string,
): TypeTable {
  const more: Record<string, TypeDef> = {};
  const calls: Record<string, string> = {};
  const events: Record<string, string> = {};
  const indices: Record<string, number> = {};
  for (const pallet of pallets) {
    const { name } = pallet;
    indices[name] = pallet.index;
    if (pallet.calls) {
      more[palletType.call(name)] = variantsType(`${pallet.path}::Call`, pallet.calls);
      calls[name] = palletType.call(name);
    }
    if (pallet.events) {
      more[palletType.event(name)] = variantsType(`${pallet.path}::Event`, pallet.events);
      events[name] = palletType.event(name);
    }
    if (pallet.errors) {
      more[palletType.error(name)] = enumeration(`${pallet.path}::Error`, pallet.errors, {
        params: [['T']],
      });
    }
  }
  more['RuntimeCall'] = enumeration(`${runtimePath}::RuntimeCall`, calls, { indices });
  more['RuntimeEvent'] = enumeration(`${runtimePath}::RuntimeEvent`, events, { indices });
  return table.extend(more);
}

function variantsType(path: string, variants: IndexedVariants): TypeDef {
  return {
    kind: 'enum',
    path,
    params: [['T']],
    variants: Object.entries(variants).map(([name, [index, fields]]) => ({
      name,
      index,
      fields: fieldsOf(fields),
    })),
  };
}
