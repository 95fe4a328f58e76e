// Measures what the data provider spends on verification. Needs a build: npx tsc -b packages/light-client
//   node packages/light-client/bench/measure.mjs [keys in the state]
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

const keyCount = Number(process.argv[2] ?? 200_000);

async function time(name, unit, count, run) {
  const started = performance.now();
  await run();
  const ms = performance.now() - started;
  const rate = Math.round((count / ms) * 1000);
  console.log(`${name}: ${ms.toFixed(1)} ms, ${rate} ${unit}/s`);
}

async function measureJustification(authorities) {
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
  const what = `justification, ${authorities} authorities, ${votes} votes`;
  await time(`${what}, keys new`, 'votes', votes, () => verifyJustification(claim, { signatures }));
  await time(`${what}, keys known`, 'votes', votes, () =>
    verifyJustification(claim, { signatures }),
  );
  await time(`${what}, in parallel`, 'votes', votes, () =>
    verifyJustificationAsync(claim, { signatures }),
  );
}

async function measureTrie(maxBytes, label) {
  const blocks = 200;
  const perBlock = 300;
  const keys = Array.from({ length: keyCount }, (_, i) =>
    Buffer.concat([Buffer.alloc(32, i % 40), randomBytes(24)]),
  );
  const store = new MemoryNodeStore();
  let trie = StateTrie.empty(store, { maxBytes });
  await time(`trie of ${keyCount} keys made at once`, 'keys', keyCount, () => {
    trie.apply({ main: keys.map((key) => [key, randomBytes(60)]), children: [] });
    trie.root();
    store.write(trie.takeWrites());
  });
  const history = Array.from({ length: blocks }, () => ({
    main: Array.from({ length: perBlock }, (_, i) => {
      const at = Math.floor(Math.random() * keys.length);
      if (i % 10 === 0) return [keys[at], null];
      if (i % 10 === 1)
        return [Buffer.concat([Buffer.alloc(32, at % 40), randomBytes(24)]), randomBytes(60)];
      return [keys[at], randomBytes(60)];
    }),
    children: [],
  }));
  const roots = history.map(() => undefined);
  await time(
    `${blocks} blocks of ${perBlock} changes, ${label}`,
    'changes',
    blocks * perBlock,
    async () => {
      for (const [i, changes] of history.entries()) {
        await trie.load(changes);
        trie.apply(changes);
        roots[i] = trie.root();
        store.write(trie.takeWrites());
      }
    },
  );
  console.log(
    `  nodes in the store ${store.size}, in memory ${(trie.memoryBytes() / 2 ** 20).toFixed(1)} MiB`,
  );
}

await measureJustification(1000);
await measureJustification(300);
await measureTrie(256 * 2 ** 20, 'all in memory');
await measureTrie(16 * 2 ** 20, '16 MiB in memory');
console.log(`resident ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`);
