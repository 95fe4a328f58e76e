import { fromHex, toHex, utf8 } from '../primitives/bytes.js';
import { concatBytes } from '../primitives/bytes.js';
import { ScaleReader, bytes, option, vec } from '../primitives/scale.js';
import { changing, type NodeDisturbance, type NodeFaultKind } from './node-fault.js';

/** One change as `pha_getStorageChanges` writes it. */
type ChangeJson = [key: string, value: string | null];

/** Lies about what a block did to the parachain's state. */
export const CHANGE_LIES: Readonly<Record<string, NodeFaultKind>> = {
  changeFlipped: {
    description: 'one value in storage changes has a bit flipped',
    make: () =>
      lie((changes) => {
        const at = changes.findIndex(([, value]) => value !== null && value.length > 2);
        return replace(changes, at, ([key, value]) => [key, flipLast(value ?? '0x')]);
      }),
  },
  changeAdded: {
    description: 'storage changes have one more',
    make: () => lie((changes) => [...changes, [toHex(utf8('zzz-never-written')), '0x01']]),
  },
  changeDropped: {
    description: 'storage changes have one less',
    make: () =>
      lie((changes) => {
        const at = changes.findIndex(([, value]) => value !== null);
        return changes.filter((_, index) => index !== at);
      }),
  },
  changeEmptyToNone: {
    description: 'a change to the empty value becomes a deletion (one is made when there is none)',
    make: () =>
      lie((changes) => {
        const at = changes.findIndex(([, value]) => value === '0x');
        if (at >= 0) return replace(changes, at, ([key]) => [key, null]);
        const written = changes.findIndex(([, value]) => value !== null);
        return replace(changes, written, ([key]) => [key, null]);
      }),
  },
  changeNoneToEmpty: {
    description: 'a deletion becomes a change to the empty value',
    make: () =>
      lie((changes) => {
        const at = changes.findIndex(([, value]) => value === null);
        return replace(changes, at, ([key]) => [key, '0x']);
      }),
  },
};

function lie(change: (changes: readonly ChangeJson[]) => readonly ChangeJson[]): NodeDisturbance {
  const sources = [
    'pha_getStorageChanges',
    'pha_getStorageChangesAt',
    'pha_getStorageChangesWithRoot',
  ];
  const inBlock = (block: { mainStorageChanges: ChangeJson[] }) => ({
    ...block,
    mainStorageChanges: change(block.mainStorageChanges),
  });
  return changing(sources, (name, result) => {
    if (name === 'pha_getStorageChangesAt') return inScale(result as string, change);
    if (name === 'pha_getStorageChanges') return (result as never[]).map(inBlock);
    return (result as { changes: never; stateRoot: unknown }[]).map((one) => ({
      ...one,
      changes: inBlock(one.changes),
    }));
  });
}

function inScale(
  text: string,
  change: (changes: readonly ChangeJson[]) => readonly ChangeJson[],
): string {
  const reader = new ScaleReader(fromHex(text));
  const main = reader.vec((r): ChangeJson => {
    const key = toHex(r.bytes());
    const value = r.option((o) => o.bytes());
    return [key, value === undefined ? null : toHex(value)];
  });
  const children = reader.input.subarray(reader.position);
  const encoded = change(main).map(([key, value]) =>
    concatBytes(bytes(fromHex(key)), option(value === null ? undefined : bytes(fromHex(value)))),
  );
  return toHex(concatBytes(vec(encoded), children));
}

function replace(
  changes: readonly ChangeJson[],
  at: number,
  by: (change: ChangeJson) => ChangeJson,
): ChangeJson[] {
  return changes.map((one, index) => (index === at ? by(one) : one));
}

function flipLast(hex: string): string {
  return `${hex.slice(0, -1)}${(Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16)}`;
}
