import { toHex } from '@runtime-bridge/base';
import { encodeStorageChanges } from '@runtime-bridge/blob-codec';
import { ChainClientErrorCode } from '@runtime-bridge/chain-client';
import { afterEach, describe, expect, it } from 'vitest';
import { BlockStoreErrorCode, Check } from '../errors.js';
import { FakeChains, type FakeChainsOptions } from '../fake-chains.test.support.js';
import type { Tamper } from '../fake-node.test.support.js';
import { Bench, fastClock, rowsOf } from '../store-filled.test.support.js';

/*
 * Each lie is told by the first of two nodes, or by the only one. With one, the block and the check are named and nothing
 * behind it is stored; with an honest second one, the store ends as if nobody had lied.
 */
interface Lie {
  what: string;
  side: 'relay' | 'para';
  /** Makes the liar's answers out of the honest ones. */
  tamper: (chains: FakeChains) => Tamper;
  missing?: string[];
  chains?: Partial<FakeChainsOptions>;
  /** What the refusal says. */
  expected: { code: string; facts: Record<string, unknown> };
  /** The last heights that may be stored. */
  upTo: { relay?: number; para?: number };
}

const refusedBy = (chain: 'relay' | 'para', block: number, check: Check) => ({
  code: BlockStoreErrorCode.BLOCK_REFUSED,
  facts: { chain, block, check },
});

/** Changes one field of a header's JSON, and everything the node would have to change along with it does not follow. */
function changeHeader(number: number, change: (json: Record<string, unknown>) => object): Tamper {
  return (method, _params, answer) =>
    method === 'chain_getHeader' && (answer as { number?: string } | null)?.number === hex(number)
      ? change({ ...(answer as Record<string, unknown>) })
      : answer;
}

const hex = (number: number) => `0x${number.toString(16)}`;

/** Flips a bit in the last byte of a hex answer. */
function flipEnd(answer: string): string {
  const last = Number.parseInt(answer.slice(-2), 16) ^ 1;
  return answer.slice(0, -2) + last.toString(16).padStart(2, '0');
}

const lies: Lie[] = [
  {
    what: 'a header field is flipped',
    side: 'relay',
    missing: ['grandpa_proveFinality'],
    tamper: () => changeHeader(14, (json) => ({ ...json, extrinsicsRoot: json['stateRoot'] })),
    expected: { code: ChainClientErrorCode.HEADER_HASH_MISMATCH, facts: { number: 14 } },
    upTo: { relay: 12 },
  },
  {
    what: 'a header of a finality proof is changed',
    side: 'relay',
    tamper: (chains) => (method, params, answer) => {
      if (method !== 'grandpa_proveFinality' || Number(params[0]) !== 11) return answer;
      const original = toHex(chains.relay[15]!.raw).slice(2);
      return (answer as string).replace(original, flipEnd(original));
    },
    expected: refusedBy('relay', 16, Check.PARENT_LINK),
    upTo: { relay: 10 },
  },
  {
    what: 'a finality proof leaves a header out',
    side: 'relay',
    tamper: (chains) => (method, params, answer) => {
      if (method !== 'grandpa_proveFinality' || Number(params[0]) !== 11) return answer;
      const text = (answer as string).replace(toHex(chains.relay[15]!.raw).slice(2), '');
      // The count of headers is one less: nine of them, so a one-byte compact before the first.
      const first = toHex(chains.relay[12]!.raw).slice(2);
      return text.replace(`24${first}`, `20${first}`);
    },
    expected: refusedBy('relay', 15, Check.NUMBER),
    upTo: { relay: 10 },
  },
  {
    what: 'a justification is of another set',
    side: 'relay',
    tamper: (chains) => (method, params, answer) => {
      if (method !== 'grandpa_proveFinality' || Number(params[0]) !== 21) return answer;
      return (answer as string).replace(
        toHex(chains.justification(30)).slice(2),
        toHex(chains.justification(30, 1)).slice(2),
      );
    },
    expected: refusedBy('relay', 30, Check.JUSTIFICATION),
    upTo: { relay: 20 },
  },
  {
    what: 'a justification is of another block',
    side: 'relay',
    missing: ['grandpa_proveFinality', 'grandpa_subscribeJustifications'],
    tamper: (chains) => (method, params, answer) =>
      method === 'chain_getBlock' && params[0] === toHex(chains.relay[20]!.hash)
        ? {
            ...(answer as object),
            justifications: [['FRNK', toHex(chains.justification(16))]],
          }
        : answer,
    expected: refusedBy('relay', 20, Check.JUSTIFICATION),
    upTo: { relay: 16 },
  },
  {
    what: 'a signature is changed',
    side: 'relay',
    tamper: (chains) => (method, params, answer) => {
      if (method !== 'grandpa_proveFinality' || Number(params[0]) !== 31) return answer;
      const justification = toHex(chains.justification(40)).slice(2);
      // Into the last vote's signature: 32 bytes of key and the empty list of headers follow it.
      const at = justification.length - 2 * (1 + 32 + 8);
      const changed =
        justification.slice(0, at) +
        (justification[at] === '0' ? '1' : '0') +
        justification.slice(at + 1);
      return (answer as string).replace(justification, changed);
    },
    expected: refusedBy('relay', 40, Check.JUSTIFICATION),
    upTo: { relay: 30 },
  },
  {
    what: 'the para head proof is of another block',
    side: 'relay',
    tamper: (chains) => (method, params, answer) => {
      if (method !== 'state_getReadProof' || params[1] !== toHex(chains.relay[20]!.hash)) {
        return answer;
      }
      const keys = (params[0] as string[]).map((key) => Buffer.from(key.slice(2), 'hex'));
      return { proof: chains.relay[18]!.trie.prove(keys).map((node) => toHex(node)) };
    },
    expected: refusedBy('relay', 20, Check.PARA_HEAD_PROOF),
    upTo: { relay: 10 },
  },
  {
    what: 'a node of the para head proof is changed',
    side: 'relay',
    tamper: (chains) => (method, params, answer) => {
      if (method !== 'state_getReadProof' || params[1] !== toHex(chains.relay[30]!.hash)) {
        return answer;
      }
      const { proof } = answer as { proof: string[] };
      return {
        proof: proof.map((node, index) => (index === proof.length - 1 ? flipEnd(node) : node)),
      };
    },
    expected: refusedBy('relay', 30, Check.PARA_HEAD_PROOF),
    upTo: { relay: 20 },
  },
  {
    what: 'the authority proof at a set change is missing',
    side: 'relay',
    tamper: (chains) => (method, params, answer) =>
      method === 'state_getReadProof' &&
      params[1] === toHex(chains.relay[20]!.hash) &&
      (params[0] as string[])[0] === toHex(Buffer.from(':grandpa_authorities'))
        ? { proof: [] }
        : answer,
    expected: refusedBy('relay', 20, Check.AUTHORITY_PROOF),
    upTo: { relay: 10 },
  },
  {
    what: 'the relay block that all begins with has another authority list',
    side: 'relay',
    tamper: (chains) => (method, params, answer) =>
      method === 'state_getReadProof' && params[1] === toHex(chains.relay[3]!.hash)
        ? { proof: (answer as { proof: string[] }).proof.slice(1) }
        : answer,
    expected: refusedBy('relay', 3, Check.AUTHORITY_PROOF),
    upTo: {},
  },
  {
    what: 'the relay block that the parachain began on is another one',
    side: 'relay',
    tamper: (chains) => (method, params, answer) =>
      method === 'chain_getBlockHash' && params[0] === 4 ? toHex(chains.relay[5]!.hash) : answer,
    expected: refusedBy('relay', 4, Check.RELAY_PARENT),
    upTo: {},
  },
  {
    what: 'a para header is of another chain',
    side: 'para',
    // So many para blocks in one range that they are read by number.
    chains: { sessionBlocks: 40, relayPerPara: 1 },
    tamper: () => {
      const other = new FakeChains({ relayGenesisHeight: 4, relayPerPara: 1 });
      return (method, params, answer) => {
        if (method === 'chain_getBlockHash' && Array.isArray(params[0])) {
          return (params[0] as number[]).map((height, index) =>
            height === 6 ? toHex(other.para[6]!.hash) : (answer as string[])[index],
          );
        }
        return method === 'chain_getHeader' && params[0] === toHex(other.para[6]!.hash)
          ? other.para[6]!.json
          : answer;
      };
    },
    expected: refusedBy('para', 6, Check.PARA_FINALITY),
    upTo: { para: 0 },
  },
  {
    what: 'a para header field is flipped',
    side: 'para',
    tamper: () => changeHeader(5, (json) => ({ ...json, parentHash: json['stateRoot'] })),
    expected: { code: ChainClientErrorCode.HEADER_HASH_MISMATCH, facts: { number: 5 } },
    upTo: { para: 4 },
  },
  {
    what: 'a storage change is changed',
    side: 'para',
    tamper: (chains) => (method, params, answer) =>
      method === 'pha_getStorageChangesAt' && params[0] === toHex(chains.para[7]!.hash)
        ? (answer as string).replace('aa00000007', 'aa00000008')
        : answer,
    expected: refusedBy('para', 7, Check.STATE_ROOT),
    upTo: { para: 6 },
  },
  {
    what: 'an empty value is turned into a deletion',
    side: 'para',
    tamper: (chains) => (method, params, answer) => {
      if (method !== 'pha_getStorageChangesAt' || params[0] !== toHex(chains.para[8]!.hash)) {
        return answer;
      }
      const main = chains.para[8]!.changes.map(([key, value]): [Uint8Array, Uint8Array | null] => [
        key,
        value?.length === 0 ? null : value,
      ]);
      return toHex(encodeStorageChanges({ main, children: [] }));
    },
    expected: refusedBy('para', 8, Check.STATE_ROOT),
    upTo: { para: 7 },
  },
  {
    what: 'storage changes are no storage changes',
    side: 'para',
    tamper: (chains) => (method, params, answer) =>
      method === 'pha_getStorageChangesAt' && params[0] === toHex(chains.para[9]!.hash)
        ? '0xfeffffff00'
        : answer,
    expected: refusedBy('para', 9, Check.STATE_ROOT),
    upTo: { para: 8 },
  },
  {
    what: 'a pair of the genesis state is wrong',
    side: 'para',
    tamper: () => (method, _params, answer) =>
      method === 'state_getPairs'
        ? (answer as [string, string][]).map(([key, value], index) => [
            key,
            index === 2 ? flipEnd(value) : value,
          ])
        : answer,
    expected: refusedBy('para', 0, Check.GENESIS_STATE),
    upTo: {},
  },
  {
    what: 'the relay parent of block 1 is wrong',
    side: 'para',
    tamper: (chains) => (method, params, answer) =>
      method === 'state_getReadProof' && params[1] === toHex(chains.para[1]!.hash)
        ? { proof: (answer as { proof: string[] }).proof.map(flipEnd) }
        : answer,
    expected: refusedBy('para', 1, Check.VALIDATION_DATA),
    upTo: {},
  },
];

const benches: Bench[] = [];

async function open(lie: Lie, chains: FakeChains, hasHonest: boolean): Promise<Bench> {
  const liar = { tamper: lie.tamper(chains), ...(lie.missing ? { missing: lie.missing } : {}) };
  const bench = await Bench.create({
    chains,
    [lie.side]: hasHonest ? [liar, {}] : [liar],
    // Pages for pairs would tell the truth where state_getPairs lies.
  });
  benches.push(bench);
  return bench;
}

afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.destroy()));
});

describe('a node that lies', () => {
  it.each(lies.map((lie) => [lie.what, lie] as const))(
    'is refused, block and check named: %s',
    async (_what, lie) => {
      const bench = await open(lie, new FakeChains(lie.chains), false);
      await expect.poll(() => bench.errors.length, { timeout: 5_000 }).toBeGreaterThan(0);
      const told = bench.errors.map(({ error }) => error as { code: string; facts: object });
      expect(told).toContainEqual(
        expect.objectContaining({
          code: lie.expected.code,
          facts: expect.objectContaining({
            ...lie.expected.facts,
            endpoint: `ws://${lie.side}-0.test`,
          }),
        }),
      );
      const { heights } = bench.store;
      expect(heights.value?.relay ?? 0).toBeLessThanOrEqual(lie.upTo.relay ?? Infinity);
      expect(heights.value?.para ?? 0).toBeLessThanOrEqual(lie.upTo.para ?? Infinity);
      if (lie.upTo.relay === undefined && lie.upTo.para === undefined) {
        expect(bench.store.meta).toBeUndefined();
      }
    },
  );

  it.each(lies.map((lie) => [lie.what, lie] as const))(
    'does no harm beside an honest one: %s',
    async (_what, lie) => {
      const chains = new FakeChains(lie.chains);
      const bench = await open(lie, chains, true);
      await bench.untilBuilt(40);
      const honest = await Bench.create({ chains });
      benches.push(honest);
      await honest.untilBuilt(40);
      const rows = await rowsOf(bench.store);
      const expected = await rowsOf(honest.store);
      expect(rows.relayHeaders).toEqual(expected.relayHeaders);
      expect(rows.para).toEqual(expected.para);
      expect(rows.genesis).toEqual(expected.genesis);
      expect(rows.state).toEqual(expected.state);
      const standing = bench.errors.map(({ message }) => message);
      expect(standing).toContain('Endpoint set aside for wrong data');
    },
  );

  it('is asked again in time, and what it announced wrongly is forgotten', async () => {
    const bench = await Bench.create({ finalized: 20, clock: fastClock });
    benches.push(bench);
    await bench.untilBuilt(20);
    const [node] = bench.relayNodes;
    node!.tamper = (method, _params, answer) =>
      method === 'grandpa_subscribeJustifications'
        ? toHex(bench.chains.justification(25, 0))
        : answer;
    bench.finalized.set(25);
    await expect.poll(() => bench.errors.length).toBeGreaterThan(0);
    node!.tamper = undefined;
    await bench.untilBuilt(25);
  });

  it('is believed by nobody while two tell of different changes and none is proved', async () => {
    const chains = new FakeChains();
    const bench = await Bench.create({
      chains,
      sync: { para: { verify: 'headers' } },
      para: [
        {},
        {
          tamper: (method, params, answer) =>
            method === 'pha_getStorageChangesAt' && params[0] === toHex(chains.para[7]!.hash)
              ? (answer as string).replace('aa00000007', 'aa00000008')
              : answer,
        },
      ],
    });
    benches.push(bench);
    await expect
      .poll(() => bench.errors.map(({ error }) => error as { facts: object }), { timeout: 5_000 })
      .toContainEqual(
        expect.objectContaining({
          facts: expect.objectContaining({ block: 7, check: Check.SECOND_OPINION }),
        }),
      );
    expect(bench.store.heights.value?.para).toBeLessThan(7);
    bench.paraNodes[1]!.tamper = undefined;
    await bench.untilBuilt(40);
  });
});
