import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  RelayKey,
  Trie,
  bytesEqual,
  concatBytes,
  decodeHeader,
  fromHex,
  scale,
  toHex,
} from '../primitives/index.js';
import { behaviourOf } from './behaviour.js';
import type { ChainStorage } from './chain-storage.js';
import { ChainStorageFactory } from './chain-storage.js';
import { verifyJustification } from './justification.js';
import { LightClient } from './light-client.js';
import {
  caseNames,
  digestRules,
  faultOf,
  fixtures,
  headersOf,
  inFixtures,
  lightClientAt,
  read,
  readJson,
  rococo,
  setOf,
  signatures,
  synchronizerAt,
  toSync,
  type CaseMeta,
} from './recorded-chains.test.kit.js';
import { decodeBlocks, rawHeader } from './requests.js';
import { StorageProof, checkStorageValue } from './storage-proof.js';
import { Synchronizer } from './synchronizer.js';

describe.skipIf(!fixtures)('recorded Rococo finality', () => {
  it('accepts every recorded justification under its set, and under no other', () => {
    const names = caseNames();
    expect(names.length).toBe(39);
    for (const name of names) {
      const { setId } = readJson<CaseMeta>(...rococo(name, 'meta.json'));
      const justification = read(...rococo(name, 'justification.scale'));
      const target = rawHeader(read(...rococo(name, 'signed_header.scale')));
      const set = setOf(setId);
      const claimed = { hash: target.hash, number: target.header.number };
      verifyJustification(justification, claimed, set, signatures);
      const later = { ...set, id: set.id + 1n };
      expect(faultOf(() => verifyJustification(justification, claimed, later, signatures))).toBe(
        'bad justification for header: invalid signature for precommit in grandpa justification',
      );
    }
  });

  it('follows the hand-over between two sets, 994 headers long', () => {
    const before = headersOf('1238286');
    const after = headersOf('1238699');
    const [first] = before;
    if (first === undefined) throw new Error('no headers');
    const lightClient = lightClientAt(first, setOf(2149));
    const synchronizer = synchronizerAt(first.header.number, lightClient);
    const justified = read(...rococo('1238286', 'justification.scale'));
    const justifiedAfter = read(...rococo('1238699', 'justification.scale'));
    expect(synchronizer.syncHeaders(toSync(before, justified), undefined)).toBe(1_238_286);
    expect(lightClient.snapshot().currentSet.id).toBe(2150n);
    expect(synchronizer.syncHeaders(toSync(after, justifiedAfter), undefined)).toBe(1_238_699);
    expect(synchronizer.counters.nextHeader).toBe(1_238_700);
  });

  it('is stuck when a set change is skipped over inside a batch', () => {
    const headers = [...headersOf('1238286'), ...headersOf('1238699')];
    const [first] = headers;
    if (first === undefined) throw new Error('no headers');
    const synchronizer = synchronizerAt(first.header.number, lightClientAt(first, setOf(2149)));
    const justification = read(...rococo('1238699', 'justification.scale'));
    expect(faultOf(() => synchronizer.syncHeaders(toSync(headers, justification), undefined))).toBe(
      'HeaderValidateFailed(bad justification for header: invalid signature for precommit in grandpa justification)',
    );
  });

  it('refuses a changed byte anywhere in a justification', () => {
    const justification = read(...rococo('1238286', 'justification.scale'));
    const target = rawHeader(read(...rococo('1238286', 'signed_header.scale')));
    const claimed = { hash: target.hash, number: target.header.number };
    const set = setOf(2149);
    fc.assert(
      fc.property(
        fc.nat(justification.length - 1),
        fc.integer({ min: 1, max: 255 }),
        (position, difference) => {
          const changed = justification.slice();
          changed[position] = (changed[position] ?? 0) ^ difference;
          // The last byte counts ancestries; trailing bytes are not looked at.
          const fault = faultOf(() => verifyJustification(changed, claimed, set, signatures));
          expect(fault, `byte ${position}`).toMatch(/justification for header/);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('refuses a changed byte anywhere in a chain of headers', () => {
    const headers = headersOf('1238699').slice(-20);
    const [first] = headers;
    if (first === undefined) throw new Error('no headers');
    const justification = read(...rococo('1238699', 'justification.scale'));
    const set = setOf(2150);
    const bytes = headers.map((header) => header.raw);
    fc.assert(
      fc.property(
        fc.nat(headers.length - 1),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (index, at, difference) => {
          const changed = (bytes[index] ?? new Uint8Array()).slice();
          const position = at % changed.length;
          changed[position] = (changed[position] ?? 0) ^ difference;
          const batch = bytes.map((raw, i) => (i === index ? changed : raw));
          const synchronizer = synchronizerAt(first.header.number, lightClientAt(first, set));
          const run = (): number => {
            // What cannot be decoded any more is refused before the synchronizer sees it.
            const decoded = batch.map((raw) => {
              decodeHeader(raw);
              return rawHeader(raw);
            });
            return synchronizer.syncHeaders(toSync(decoded, justification), undefined);
          };
          expect(run).toThrow();
          expect(synchronizer.counters.nextHeader).toBe(first.header.number);
        },
      ),
      { numRuns: 200 },
    );
  });
});

interface ProofFile {
  stateRoot: string;
  proof: string[];
  items: { key: string; value: string | null }[];
  paraHeaders?: string[];
}

const proofNames = (pattern: RegExp): string[] =>
  readdirSync(inFixtures('read-proofs')).filter((name) => pattern.test(name));

describe.skipIf(!fixtures)('recorded storage proofs', () => {
  it('reads every item of every proof, of state versions 0 and 1', () => {
    const names = proofNames(/\.json$/);
    let items = 0;
    for (const name of names) {
      const file = readJson<ProofFile>('read-proofs', name);
      const proof = new StorageProof(fromHex(file.stateRoot), file.proof.map(fromHex), digestRules);
      for (const { key, value } of file.items) {
        const got = proof.read(fromHex(key));
        expect(got === undefined ? null : toHex(got), `${name} ${key}`).toBe(value);
        items++;
      }
    }
    expect(items).toBeGreaterThan(40);
  });

  it('takes para headers that end in a proven head, and no others', () => {
    const names = proofNames(/^paras-heads-rococo-/);
    expect(names.length).toBe(10);
    for (const name of names) {
      const file = readJson<ProofFile>('read-proofs', name);
      const paraId = Number(/-para(\d+)\.json$/.exec(name)?.[1]);
      const headers = (file.paraHeaders ?? []).map((entry) => rawHeader(fromHex(entry)));
      const [first] = headers;
      const last = headers.at(-1);
      if (first === undefined || last === undefined) throw new Error(`${name} has no headers`);
      const nodes = file.proof.map(fromHex);
      const make = (): Synchronizer =>
        new Synchronizer(
          {
            ...Synchronizer.initialState(digestRules, true, 0),
            nextParaHeader: first.header.number,
            relayStateRoot: fromHex(file.stateRoot),
          },
          digestRules,
          {
            lightClient: lightClientAt(first, { list: [], encodedList: new Uint8Array(), id: 0n }),
            storages: new ChainStorageFactory(),
          },
        );
      expect(make().syncParaHeaders(headers, nodes, paraId), name).toBe(last.header.number);
      const short = headers.slice(0, -1);
      if (short.length > 0) {
        expect(faultOf(() => make().syncParaHeaders(short, nodes, paraId))).toBe(
          'StorageProofFailed(storage value mismatch)',
        );
      }
      expect(faultOf(() => make().syncParaHeaders(headers, nodes, paraId + 1))).toMatch(
        /^StorageProofFailed\(/,
      );
      for (let i = 0; i < nodes.length; i++) {
        const without = nodes.filter((_, n) => n !== i);
        expect(faultOf(() => make().syncParaHeaders(headers, without, paraId))).toMatch(
          /^StorageProofFailed\(/,
        );
      }
    }
  });

  it('refuses a changed byte anywhere in a proof', () => {
    const name = proofNames(/^paras-heads-rococo-/)[0] ?? '';
    const file = readJson<ProofFile>('read-proofs', name);
    const key = RelayKey.parasHeads(Number(/-para(\d+)\.json$/.exec(name)?.[1]));
    const expected = fromHex(
      file.items.find((item) => bytesEqual(fromHex(item.key), key))?.value ?? '',
    );
    const nodes = file.proof.map(fromHex);
    const root = fromHex(file.stateRoot);
    checkStorageValue(root, nodes, key, expected, digestRules);
    fc.assert(
      fc.property(
        fc.nat(nodes.length - 1),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (index, at, difference) => {
          const changed = (nodes[index] ?? new Uint8Array()).slice();
          const position = at % changed.length;
          changed[position] = (changed[position] ?? 0) ^ difference;
          const others = nodes.map((node, i) => (i === index ? changed : node));
          expect(
            faultOf(() => checkStorageValue(root, others, key, expected, behaviourOf('0.2.6'))),
          ).toMatch(/^storage (root mismatch|value unavailable)$/);
        },
      ),
      { numRuns: 300 },
    );
  });
});

type JsonChange = [key: string, value: string | null];
interface JsonChanges {
  mainStorageChanges: JsonChange[];
  childStorageChanges: [string, JsonChange[]][];
}

const encodeCollection = (changes: JsonChange[]): Uint8Array =>
  scale.vec(
    changes.map(([key, value]) =>
      concatBytes(
        scale.bytes(fromHex(key)),
        scale.option(value === null ? undefined : scale.bytes(fromHex(value))),
      ),
    ),
  );

/** A block whose header has nothing but a number, as the recorded changes come without headers. */
function blockOf(number: number, changes: JsonChanges): Uint8Array {
  const zero = new Uint8Array(32);
  return concatBytes(
    Uint8Array.of(4),
    concatBytes(zero, scale.compact(number), zero, zero, Uint8Array.of(0)),
    encodeCollection(changes.mainStorageChanges),
    scale.vec(
      changes.childStorageChanges.map(([key, entries]) =>
        concatBytes(scale.bytes(fromHex(key)), encodeCollection(entries)),
      ),
    ),
  );
}

describe.skipIf(!fixtures)('recorded storage changes', () => {
  const load = (): { blocks: JsonChanges[]; roots: string[] } => {
    const file = readJson<{ result?: JsonChanges[] } | JsonChanges[]>(
      'storage-changes',
      'pha_getStorageChanges-response.json',
    );
    const roots = readFileSync(inFixtures('storage-changes', 'state_roots.txt'), 'utf8')
      .split(/\s+/)
      .filter((line) => line !== '')
      .map((line) => `0x${line.replace(/^0x/, '')}`);
    return { blocks: Array.isArray(file) ? file : (file.result ?? []), roots };
  };

  const replayer = (blocks: JsonChanges[], roots: string[]) => {
    const storages = new ChainStorageFactory();
    const genesis = (blocks[0]?.mainStorageChanges ?? []).map(
      ([key, value]): [Uint8Array, Uint8Array] => [fromHex(key), fromHex(value ?? '')],
    );
    const state = storages.load(genesis, new Uint8Array());
    const synchronizer = new Synchronizer(
      {
        ...Synchronizer.initialState(behaviourOf('2.x'), true, 0),
        stateRoots: roots.map(fromHex),
      },
      behaviourOf('2.x'),
      {
        lightClient: new LightClient(
          {
            lastFinalizedHash: new Uint8Array(32),
            currentSet: { list: [], encodedList: new Uint8Array(), id: 0n },
          },
          behaviourOf('2.x'),
          signatures,
        ),
        storages,
      },
    );
    return { synchronizer, state };
  };

  it('gives all 51 recorded roots, the genesis state among them', () => {
    const { blocks, roots } = load();
    expect(roots.length).toBe(51);
    const { synchronizer, state: genesis } = replayer(blocks, roots);
    let state: ChainStorage = genesis;
    expect(toHex(state.root())).toBe(roots[0]);
    for (let number = 1; number < roots.length; number++) {
      const [block] = decodeBlocks(blockOf(number, blocks[number] as JsonChanges));
      if (block === undefined) throw new Error('no block');
      state = synchronizer.feedBlock(block, state);
      expect(toHex(state.root())).toBe(roots[number]);
    }
    expect(synchronizer.counters.nextBlock).toBe(51);
    expect(state.main).toBeInstanceOf(Trie);
  });

  it('refuses a change that is changed, added, left out or emptied, and keeps the state', () => {
    const { blocks, roots } = load();
    const { synchronizer, state: genesis } = replayer(blocks, roots);
    let state: ChainStorage = genesis;
    let refused = 0;
    for (let number = 1; number < 20; number++) {
      const honest = blocks[number] as JsonChanges;
      const main = honest.mainStorageChanges;
      for (let i = 0; i < main.length; i++) {
        const [key, value] = main[i] as JsonChange;
        const before = state.get(fromHex(key));
        const others = [
          ...(value === null ? [] : [flipped(value)]),
          value === null ? '0x' : null,
        ].map((other): JsonChange[] => main.map((c, n) => (n === i ? [key, other] : c)));
        const added: JsonChange[] = [...main, [`${key}00`, value ?? '0x00']];
        const lies = [...others, added, main.filter((_, n) => n !== i)];
        for (const [n, lie] of lies.entries()) {
          const isNoLie =
            (n === lies.length - 1 && sameValue(before, value)) || (value === '0x' && n === 0);
          if (isNoLie || sameEffect(lie, main)) continue;
          const [block] = decodeBlocks(
            blockOf(number, { mainStorageChanges: lie, childStorageChanges: [] }),
          );
          if (block === undefined) throw new Error('no block');
          const fault = faultOf(() => synchronizer.feedBlock(block, state));
          expect(fault).toMatch(
            new RegExp(`^StateRootMismatch block=${number} expected=${roots[number]} actual=0x`),
          );
          refused++;
        }
      }
      const [block] = decodeBlocks(blockOf(number, honest));
      if (block === undefined) throw new Error('no block');
      state = synchronizer.feedBlock(block, state);
    }
    expect(refused).toBeGreaterThan(300);
  });
});

function flipped(value: string): string {
  const bytes = fromHex(value);
  if (bytes.length === 0) return '0x00';
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  return toHex(bytes);
}

function sameValue(before: Uint8Array | undefined, value: string | null): boolean {
  return (before === undefined ? null : toHex(before)) === value;
}

/** The last change of a key counts. */
function sameEffect(a: JsonChange[], b: JsonChange[]): boolean {
  return JSON.stringify([...new Map(a)].sort()) === JSON.stringify([...new Map(b)].sort());
}
