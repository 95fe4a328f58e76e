import { justificationOf, voterSet } from '@runtime-bridge/devnet/testing';
import { ByteReader, bytes, skipHeader, vec } from '../injector/byte-reader.js';
import { HANG, RpcRefusal, type Lie } from './lie.js';

/** `:grandpa_authorities`, under which an old relay chain keeps its voters. */
const AUTHORITIES_KEY = `0x${Buffer.from(':grandpa_authorities').toString('hex')}`;

/** How a node answers that has thrown an old state away. */
const STATE_DISCARDED = new RpcRefusal(
  4003,
  'Client error: UnknownBlock: State already discarded for the block',
);

/** Lies about headers, by method. */
export const headers = {
  /** A field of every header above a height is another one than the chain's. */
  flippedField:
    (aboveHeight: number): Lie =>
    ({ method }, answer) =>
      method === 'chain_getHeader' && numberOf(answer) > aboveHeight
        ? { ...(answer as object), stateRoot: flipped(fieldOf(answer, 'stateRoot'), 7) }
        : answer,
  unknown: (): Lie => answering('chain_getHeader', () => null),
  hanging: (): Lie => answering('chain_getHeader', () => HANG),
  /** The newest final head is far above the chain's. */
  futureHead: (): Lie =>
    answering('chain_finalizedHead', (answer) => ({
      ...(answer as object),
      number: `0x${(numberOf(answer) + 1_000_000).toString(16)}`,
    })),
  /** The node stands still at a height, as one does that lost its peers. */
  stale: (height: number, hash: string): Lie => {
    const proves = (params: readonly unknown[]) => Number(params[0]) <= height;
    return ({ method, params }, answer) => {
      switch (method) {
        case 'chain_getFinalizedHead':
          return hash;
        case 'chain_finalizedHead':
          return numberOf(answer) > height ? HANG : answer;
        case 'grandpa_justifications':
          return HANG;
        case 'grandpa_proveFinality':
          return proves(params) ? answer : null;
        case 'chain_getBlockHash':
          return hashesUpTo(height, params[0], answer);
        default:
          return answer;
      }
    };
  },
};

/** Lies about finality. */
export const finality = {
  /** A byte of the first signature of an announced justification. */
  announcedSignature: (): Lie =>
    answering('grandpa_justifications', (hex) => toHex(withFlippedSignature(fromHex(hex)))),
  /** An announced justification is signed by voters of another set. */
  announcedOtherSet: (): Lie =>
    answering('grandpa_justifications', (hex) => toHex(byAnotherSet(fromHex(hex)))),
  /** The same in a proof of finality. */
  provedSignature: (): Lie =>
    provingFinality((proof) => ({
      ...proof,
      justification: withFlippedSignature(proof.justification),
    })),
  provedOtherSet: (): Lie =>
    provingFinality((proof) => ({ ...proof, justification: byAnotherSet(proof.justification) })),
  /** The second of the headers has another parent. */
  brokenParent: (): Lie =>
    provingFinality((proof) => {
      const [first, ...rest] = proof.headers;
      return first ? { ...proof, headers: [flippedBytes(first, 3), ...rest] } : proof;
    }),
  missingHeader: (): Lie =>
    provingFinality((proof) => ({ ...proof, headers: proof.headers.slice(1) })),
};

/** Lies about storage proofs. */
export const proofs = {
  /** Any proof lacks its last node. */
  missingNode: (): Lie => proving((nodes) => nodes.slice(0, -1)),
  /** A byte of every proof's last node is another one. */
  changedNode: (): Lie =>
    proving((nodes) => nodes.map((node, i) => (i === nodes.length - 1 ? flipped(node, -1) : node))),
  /** The proof of the voters lacks its last node. */
  voters: (): Lie => {
    const lie = proofs.missingNode();
    return (exchange, answer) => {
      const [keys] = exchange.params;
      const isOfVoters = Array.isArray(keys) && keys.includes(AUTHORITIES_KEY);
      return isOfVoters ? lie(exchange, answer) : answer;
    };
  },
  none: (): Lie => answering('state_getReadProof', () => null),
  stateDiscarded: (): Lie => answering('state_getReadProof', () => STATE_DISCARDED),
};

type Change = readonly [key: Uint8Array, value: Uint8Array | undefined];

/** Lies about what a block changed. */
export const changes = {
  flipped: (): Lie =>
    changing(([first, ...rest]) => [[first![0], flippedBytes(first![1]!, 0)], ...rest]),
  added: (): Lie => changing((all) => [...all, [new Uint8Array(32).fill(0xfe), Uint8Array.of(1)]]),
  dropped: (): Lie => changing((all) => all.slice(1)),
  /** Some(empty) becomes None: the key is gone instead of holding nothing. */
  emptyToNone: (): Lie =>
    changing((all) => all.map(([key, value]) => [key, value?.length === 0 ? undefined : value])),
  noneToEmpty: (): Lie =>
    changing((all) => all.map(([key, value]) => [key, value ?? new Uint8Array()])),
  none: (): Lie => answering('pha_getStorageChangesAt', () => null),
  stateDiscarded: (): Lie => answering('pha_getStorageChangesAt', () => STATE_DISCARDED),
};

/** Lies about how the chain began. */
export const genesis = {
  /** A byte of a value of the genesis state. */
  pair: (): Lie =>
    answering('state_getPairs', (answer) =>
      (answer as [string, string][]).map(([key, value], i) =>
        i === 5 ? [key, flipped(value, 0)] : [key, value],
      ),
    ),
};

function answering(what: string, lie: (answer: never) => unknown): Lie {
  return ({ method }, answer) => (method === what ? lie(answer as never) : answer);
}

function proving(lie: (nodes: string[]) => string[]): Lie {
  return answering('state_getReadProof', (answer: { proof: string[] }) => ({
    ...answer,
    proof: lie(answer.proof),
  }));
}

interface FinalityProof {
  block: Uint8Array;
  justification: Uint8Array;
  headers: readonly Uint8Array[];
}

function provingFinality(lie: (proof: FinalityProof) => FinalityProof): Lie {
  return answering('grandpa_proveFinality', (hex: string | null) => {
    if (hex === null) return hex;
    const reader = new ByteReader(fromHex(hex));
    const honest = {
      block: reader.take(32),
      justification: reader.bytes(),
      headers: reader.vec((one) => one.span(skipHeader)),
    };
    const { block, justification, headers: list } = lie(honest);
    const text = toHex(Buffer.concat([block, bytes(justification), vec(list)]));
    return text === hex ? hex : text;
  });
}

function changing(lie: (changes: Change[]) => Change[]): Lie {
  return answering('pha_getStorageChangesAt', (hex: string) => {
    const reader = new ByteReader(fromHex(hex));
    const honest = reader.vec((one): Change => {
      const key = one.bytes();
      return [key, one.u8() === 1 ? one.bytes() : undefined];
    });
    const text = toHex(
      Buffer.concat([
        vec(
          lie(honest).map(([key, value]) =>
            Buffer.concat(value ? [bytes(key), SOME, bytes(value)] : [bytes(key), NONE]),
          ),
        ),
        reader.rest(),
      ]),
    );
    return text === hex ? hex : text;
  });
}

const NONE = Uint8Array.of(0);
const SOME = Uint8Array.of(1);

/** round u64, target hash, target number u32, then the votes: target hash, number, signature, voter. */
const SIGNATURE_AT = 8 + 36 + 1 + 36;

function withFlippedSignature(justification: Uint8Array): Uint8Array {
  return flippedBytes(justification, SIGNATURE_AT + 5);
}

function byAnotherSet(justification: Uint8Array): Uint8Array {
  const view = Buffer.from(justification);
  const target = { hash: view.subarray(8, 40), number: view.readUInt32LE(40) };
  const other = voterSet(1_000_000n);
  return justificationOf({
    round: view.readBigUInt64LE(0),
    setId: other.id,
    target,
    votes: other.voters.map((voter) => ({ voter, ...target })),
  });
}

function hashesUpTo(height: number, numbers: unknown, answer: unknown): unknown {
  if (!Array.isArray(numbers)) return Number(numbers) > height ? null : answer;
  return numbers.map((number, i) => (Number(number) > height ? null : (answer as unknown[])[i]));
}

const numberOf = (header: unknown) =>
  Number((header as { number?: string } | null)?.number ?? Number.NaN);

const fieldOf = (header: unknown, field: string) =>
  (header as Record<string, string>)[field] ?? '0x';

function flipped(hex: string, at: number): string {
  return toHex(flippedBytes(fromHex(hex), at));
}

function flippedBytes(value: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(value);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

const toHex = (value: Uint8Array) => `0x${Buffer.from(value).toString('hex')}`;
const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex.slice(2), 'hex'));
