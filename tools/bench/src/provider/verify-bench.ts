import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto';
import {
  encodeHeader,
  encodeJustification,
  headerHash,
  precommitPayload,
} from '@runtime-bridge/blob-codec';
import {
  MemoryNodeStore,
  NodeEd25519,
  StateTrie,
  verifyJustification,
  verifyJustificationAsync,
} from '@runtime-bridge/light-client';
import type { Bench, Figure } from '../harness/report.js';

type Add = (figure: Figure) => void;

const TRIE_KEYS = Number(process.env['BENCH_TRIE_KEYS'] ?? 200_000);
const BLOCKS = 200;
const CHANGES_PER_BLOCK = 300;
/** Keys of a pallet's item share so many first bytes. */
const PREFIX_BYTES = 32;

/** What verification costs: a justification of a large set, and blocks of storage changes against state roots. */
export const verifyBench: Bench = async (add) => {
  await measureJustification(1_000, add);
  await measureJustification(300, add);
  await measureTrie(256 * 2 ** 20, 'all in memory', add);
  await measureTrie(16 * 2 ** 20, '16 MiB in memory', add);
};

async function msOf(run: () => unknown): Promise<number> {
  const startedAtMs = performance.now();
  await run();
  return performance.now() - startedAtMs;
}

async function measureJustification(authorities: number, add: Add): Promise<void> {
  const voters = Array.from({ length: authorities }, () => {
    const key = createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), randomBytes(32)]),
      format: 'der',
      type: 'pkcs8',
    });
    const id = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
    return { id, key };
  });
  const zero = new Uint8Array(32);
  const header = encodeHeader({
    parentHash: zero,
    number: 7,
    stateRoot: zero,
    extrinsicsRoot: zero,
    logs: [],
  });
  const target = { hash: headerHash(header), number: 7 };
  const set = { setId: 5n, authorities: voters.map(({ id }) => ({ id, weight: 1n })) };
  const votes = Math.floor((authorities * 2) / 3) + 1;
  const payload = precommitPayload(target.hash, 7, 1n, 5n);
  const justification = encodeJustification({
    round: 1n,
    targetHash: target.hash,
    targetNumber: 7,
    precommits: voters.slice(0, votes).map(({ id, key }) => ({
      targetHash: target.hash,
      targetNumber: 7,
      signature: sign(null, payload, key),
      authorityId: id,
    })),
    votesAncestries: [],
  });
  const claim = { justification, set, target };
  const signatures = new NodeEd25519();
  const name = `justification of ${authorities} authorities, ${votes} votes`;
  const first = await msOf(() => verifyJustification(claim, { signatures }));
  const again = await msOf(() => verifyJustification(claim, { signatures }));
  const parallel = await msOf(() => verifyJustificationAsync(claim, { signatures }));
  add({ name: `${name}, keys new`, value: first, unit: 'ms' });
  add({ name: `${name}, keys known`, value: again, unit: 'ms' });
  add({ name: `${name}, in parallel`, value: parallel, unit: 'ms' });
}

async function measureTrie(maxBytes: number, label: string, add: Add): Promise<void> {
  const keys = Array.from({ length: TRIE_KEYS }, (_, index) => randomKey(index));
  const store = new MemoryNodeStore();
  const trie = StateTrie.empty(store, { maxBytes });
  const madeMs = await msOf(() => {
    trie.apply({ main: keys.map((key) => [key, randomBytes(60)]), children: [] });
    trie.root();
    store.write(trie.takeWrites());
  });
  const history = Array.from({ length: BLOCKS }, () => ({
    main: Array.from({ length: CHANGES_PER_BLOCK }, (_, index) => changeOf(keys, index)),
    children: [],
  }));
  const appliedMs = await msOf(async () => {
    for (const changes of history) {
      await trie.load(changes);
      trie.apply(changes);
      trie.root();
      store.write(trie.takeWrites());
    }
  });
  const perSecond = (count: number, ms: number) => (count / ms) * 1_000;
  add({ name: 'trie made at once', value: perSecond(TRIE_KEYS, madeMs), unit: 'keys/s' });
  add({
    name: `${BLOCKS} blocks of ${CHANGES_PER_BLOCK} changes, ${label}`,
    value: perSecond(BLOCKS * CHANGES_PER_BLOCK, appliedMs),
    unit: 'changes/s',
  });
  add({ name: `memory of the trie, ${label}`, value: trie.memoryBytes() / 2 ** 20, unit: 'MiB' });
}

function randomKey(pallet: number): Uint8Array {
  return Buffer.concat([Buffer.alloc(PREFIX_BYTES, pallet % 40), randomBytes(24)]);
}

/** Of ten changes one deletes, one adds, and the others replace. */
function changeOf(keys: readonly Uint8Array[], index: number): [Uint8Array, Uint8Array | null] {
  const at = Math.floor(Math.random() * keys.length);
  if (index % 10 === 0) return [keys[at]!, null];
  if (index % 10 === 1) return [randomKey(at), randomBytes(60)];
  return [keys[at]!, randomBytes(60)];
}
