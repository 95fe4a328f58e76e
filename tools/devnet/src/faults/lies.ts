import type { Chain } from '../chain/chain.js';
import { threshold, type Voter } from '../grandpa/authorities.js';
import {
  justificationTarget,
  makeJustification,
  type Vote,
  type VoteTarget,
} from '../grandpa/justification.js';
import { concatBytes, fromHex, toHex } from '../primitives/bytes.js';
import { decodeHeader, encodeHeader } from '../primitives/header.js';
import { ScaleReader, bytes, u64 } from '../primitives/scale.js';
import { RelayKey, storagePrefix } from '../primitives/storage-key.js';
import { FaultRequestError } from './fault.js';
import { changing, type NodeFaultContext, type NodeFaultKind } from './node-fault.js';

const HEADER_SOURCES = [
  'chain_getHeader',
  'chain_getBlock',
  'chain_newHead',
  'chain_finalizedHead',
  'chain_allHead',
];
const JUSTIFICATION_SOURCES = ['chain_getBlock', 'grandpa_proveFinality', 'grandpa_justifications'];
const HEADS_PREFIX = toHex(storagePrefix('Paras', 'Heads'));

/** Lies about headers, finality and proofs; each is one that a verifier has to see through. */
export const LIES: Readonly<Record<string, NodeFaultKind>> = {
  headerField: {
    description: 'the state root in headers is another one',
    make: () => headerLie((header) => ({ ...header, stateRoot: flipLast(header['stateRoot']) })),
  },
  brokenParent: {
    description: 'headers name a parent that does not exist',
    make: () => headerLie((header) => ({ ...header, parentHash: flipLast(header['parentHash']) })),
  },
  justificationOtherSet: {
    description: 'justifications are signed by the voters of the next set',
    make: (_params, context) =>
      justificationLie(context, ({ setId, target, voters }) => ({
        signedAs: setId + 1n,
        votes: voters(setId + 1n).map((voter) => ({ voter, target })),
      })),
  },
  justificationBelowThreshold: {
    description: 'justifications have one vote too few',
    make: (_params, context) =>
      justificationLie(context, ({ setId, target, voters }) => {
        const all = voters(setId).map((voter) => ({ voter, target }));
        return { signedAs: setId, votes: all.slice(0, threshold(all.length) - 1) };
      }),
  },
  justificationDuplicateVoter: {
    description: 'justifications reach the threshold by counting a voter twice',
    make: (_params, context) =>
      justificationLie(context, ({ setId, target, voters }) => {
        const all = voters(setId).map((voter) => ({ voter, target }));
        const few = all.slice(0, threshold(all.length) - 1);
        return { signedAs: setId, votes: [...few, ...few.slice(0, 1)] };
      }),
  },
  proofNodeMissing: {
    description: 'the last node of storage proofs is left out',
    make: () =>
      changing(['state_getReadProof'], (_name, result) => {
        const { proof, ...rest } = result as { proof: string[] };
        return { ...rest, proof: proof.slice(0, -1) };
      }),
  },
  otherParaHead: {
    description: 'the parachain head is another one, and proofs are of something else',
    make: (_params, { chain }) =>
      changing(['state_getStorage', 'state_getReadProof'], (name, result, [first]) => {
        const keys = (Array.isArray(first) ? first : [first]).map(String);
        if (!keys.some((key) => key.startsWith(HEADS_PREFIX))) return result;
        if (name === 'state_getStorage') return otherHead(result);
        const { at } = result as { at: string };
        const proof = chain.state(fromHex(at)).prove([RelayKey.grandpaCurrentSetId]);
        return { at, proof: proof.map(toHex) };
      }),
  },
  genesisPair: {
    description: 'one pair of the genesis state has another value',
    make: (_params, { chain }) => {
      const genesis = toHex(chain.genesis.hash);
      const asksGenesis = (params: readonly unknown[]) => params.includes(genesis);
      return changing(
        ['state_getPairs', 'state_queryStorageAt', 'state_getStorage'],
        (name, result, params) => {
          if (!asksGenesis(params)) return result;
          if (name === 'state_getStorage') return flipLast(result);
          if (name === 'state_getPairs') return changeOne(result as [string, string][]);
          return (result as { changes: [string, string | null][] }[]).map((set) => ({
            ...set,
            changes: changeOne(set.changes),
          }));
        },
      );
    },
  },
};

function headerLie(change: (header: Record<string, unknown>) => Record<string, unknown>) {
  return changing(HEADER_SOURCES, (name, result) => {
    if (result === null) return result;
    const given = result as Record<string, unknown>;
    if (name !== 'chain_getBlock') return change(given);
    const block = given['block'] as Record<string, unknown>;
    const header = change(block['header'] as Record<string, unknown>);
    return { ...given, block: { ...block, header } };
  });
}

/** What a lie about a justification is made from. */
interface JustificationFacts {
  setId: bigint;
  target: VoteTarget;
  readonly voters: (setId: bigint) => readonly Voter[];
}

function justificationLie(
  { chain, keys }: NodeFaultContext,
  forge: (facts: JustificationFacts) => { votes: Vote[]; signedAs: bigint },
) {
  if (keys === undefined) throw new FaultRequestError('only the relay chain has justifications');
  const forged = (encoded: Uint8Array): Uint8Array => {
    const target = justificationTarget(encoded);
    const round = new ScaleReader(encoded).u64();
    const setId = setOf(chain, target.hash);
    const { votes, signedAs } = forge({ setId, target, voters: (id) => keys.voters(id) });
    return makeJustification({ round, setId: signedAs, target, votes });
  };
  return changing(JUSTIFICATION_SOURCES, (name, result) => {
    if (result === null) return result;
    if (name === 'grandpa_justifications') return toHex(forged(fromHex(result as string)));
    if (name === 'grandpa_proveFinality') {
      const reader = new ScaleReader(fromHex(result as string));
      const block = reader.take(32);
      const justification = forged(reader.bytes());
      return toHex(
        concatBytes(block, bytes(justification), reader.input.subarray(reader.position)),
      );
    }
    const given = result as { justifications: [number[], number[]][] | null };
    return {
      ...given,
      justifications:
        given.justifications?.map(([engine, encoded]) => [
          engine,
          [...forged(Uint8Array.from(encoded))],
        ]) ?? null,
    };
  });
}

/** The set whose voters finalise a block: the one in force before it. */
function setOf(chain: Chain, hash: Uint8Array): bigint {
  const header = chain.header(hash);
  if (header === undefined) return 0n;
  const value = chain.state(decodeHeader(header).parentHash).get(RelayKey.grandpaCurrentSetId);
  return new ScaleReader(value ?? u64(0)).u64();
}

/** A head that is a header, but of no block. */
function otherHead(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const head = decodeHeader(new ScaleReader(fromHex(value)).bytes());
  return toHex(bytes(encodeHeader({ ...head, extrinsicsRoot: new Uint8Array(32).fill(7) })));
}

/** Changes the first pair with a value of some length. */
function changeOne<T extends string | null>(pairs: readonly (readonly [string, T])[]) {
  const at = pairs.findIndex(([, value]) => value !== null && value.length > 4);
  return pairs.map(([key, value], index) => [key, index === at ? flipLast(value) : value]);
}

/** Hex with its last bit flipped; anything else as it is. */
function flipLast(value: unknown): unknown {
  if (typeof value !== 'string' || value.length < 4) return value;
  const last = Number.parseInt(value.slice(-1), 16) ^ 1;
  return `${value.slice(0, -1)}${last.toString(16)}`;
}
