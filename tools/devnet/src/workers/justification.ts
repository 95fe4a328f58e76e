import { ScaleReader, bytesEqual, concatBytes, scale } from '../primitives/index.js';
import type { SignatureVerifier } from './ed25519.js';
import { readRawHeader, type AuthoritySet, type RawHeader } from './requests.js';
import { LightValidationFault } from './storage-proof.js';

interface Precommit {
  readonly targetHash: Uint8Array;
  readonly targetNumber: number;
  readonly signature: Uint8Array;
  readonly id: Uint8Array;
}

interface Justification {
  readonly round: bigint;
  readonly targetHash: Uint8Array;
  readonly targetNumber: number;
  readonly precommits: readonly Precommit[];
  readonly votesAncestries: readonly RawHeader[];
}

/** A block that finality is claimed for. */
export interface FinalityTarget {
  readonly hash: Uint8Array;
  readonly number: number;
}

const BAD = 'bad justification for header: ';

/**
 * Verifies a GRANDPA justification the way pRuntime does: decoding, commit target, the commit's weight
 * by finality-grandpa's rules, every signature, and that all ancestry headers are used and needed
 * (phala-blockchain 40ffcd1be crates/phactory/src/light_validation/justification.rs, finality-grandpa
 * 0.16 `validate_commit`).
 *
 * @throws LightValidationFault with pRuntime's text.
 */
export function verifyJustification(
  encoded: Uint8Array,
  target: FinalityTarget,
  set: AuthoritySet,
  signatures: SignatureVerifier,
): void {
  const justification = decodeJustification(encoded);
  if (
    !bytesEqual(justification.targetHash, target.hash) ||
    justification.targetNumber !== target.number
  ) {
    throw new LightValidationFault(`${BAD}invalid commit target in grandpa justification`);
  }
  const ancestry = new Ancestry(justification.votesAncestries);
  if (!isValidCommit(justification, set, ancestry)) {
    throw new LightValidationFault(`${BAD}invalid commit in grandpa justification`);
  }
  verifyVotes(justification, set, ancestry, signatures);
}

function decodeJustification(encoded: Uint8Array): Justification {
  try {
    const r = new ScaleReader(encoded);
    const round = r.u64();
    const targetHash = r.take(32);
    const targetNumber = r.u32();
    const precommits = r.vec(
      (p): Precommit => ({
        targetHash: p.take(32),
        targetNumber: p.u32(),
        signature: p.take(64),
        id: p.take(32),
      }),
      132,
    );
    return {
      round,
      targetHash,
      targetNumber,
      precommits,
      votesAncestries: r.vec(readRawHeader, 98),
    };
  } catch {
    throw new LightValidationFault('error decoding justification for header');
  }
}

/** Headers between the votes, by their hash. */
class Ancestry {
  private readonly headers = new Map<string, RawHeader>();

  constructor(headers: readonly RawHeader[]) {
    for (const header of headers) this.headers.set(text(header.hash), header);
  }

  /** Hashes of all headers given. */
  get hashes(): ReadonlySet<string> {
    return new Set(this.headers.keys());
  }

  /**
   * Hashes from `block` (left out) back to `base` (left out), nearest to the block first; undefined
   * when the headers do not lead there.
   */
  route(base: Uint8Array, block: Uint8Array): Uint8Array[] | undefined {
    const out: Uint8Array[] = [];
    let current = block;
    while (!bytesEqual(current, base)) {
      const header = this.headers.get(text(current));
      // A hash cannot be its own ancestor, so more steps than headers means that there is no way.
      if (header === undefined || out.length > this.headers.size) return undefined;
      current = header.header.parentHash;
      out.push(current);
    }
    out.pop();
    return out;
  }
}

/** Weights by voter; several entries of one voter add up, those of weight zero are no voters. */
function votersOf(set: AuthoritySet): { weights: Map<string, bigint>; threshold: bigint } {
  const weights = new Map<string, bigint>();
  let total = 0n;
  for (const { id, weight } of set.list) {
    if (weight === 0n) continue;
    total += weight;
    weights.set(text(id), (weights.get(text(id)) ?? 0n) + weight);
  }
  return { weights, threshold: total - (total - 1n) / 3n };
}

/** A block of the vote tree and who voted for it or above it. */
interface VoteNode {
  readonly hash: string;
  readonly depth: number;
  readonly voters: Set<string>;
  readonly children: VoteNode[];
}

/** Is the commit's target the highest block that enough weight precommitted to? */
function isValidCommit(
  justification: Justification,
  set: AuthoritySet,
  ancestry: Ancestry,
): boolean {
  const { weights, threshold } = votersOf(set);
  const votes = justification.precommits.filter((vote) => weights.has(text(vote.id)));
  let base: Precommit | undefined;
  for (const vote of votes) {
    if (base === undefined || vote.targetNumber < base.targetNumber) base = vote;
  }
  if (base === undefined) return false;

  const routes = new Map<Precommit, Uint8Array[]>();
  for (const vote of votes) {
    const route = ancestry.route(base.targetHash, vote.targetHash);
    if (route === undefined) return false;
    const isBase = bytesEqual(vote.targetHash, base.targetHash);
    // A vote that lies about its number belongs to no tree.
    if (vote.targetNumber !== base.targetNumber + (isBase ? 0 : route.length + 1)) return false;
    routes.set(vote, isBase ? [] : [vote.targetHash, ...route]);
  }

  const root: VoteNode = { hash: text(base.targetHash), depth: 0, voters: new Set(), children: [] };
  const first = new Map<string, Precommit>();
  const equivocators = new Set<string>();
  for (const vote of votes) {
    const id = text(vote.id);
    const before = first.get(id);
    if (before === undefined) {
      first.set(id, vote);
      addVote(root, id, routes.get(vote) ?? []);
      continue;
    }
    const isSame =
      bytesEqual(before.targetHash, vote.targetHash) &&
      before.targetNumber === vote.targetNumber &&
      bytesEqual(before.signature, vote.signature);
    if (isSame) continue;
    // Further votes of an equivocator change nothing: finality-grandpa drops them.
    equivocators.add(id);
  }

  const weightOf = (voters: Iterable<string>): bigint => {
    let sum = 0n;
    for (const id of new Set([...voters, ...equivocators])) sum += weights.get(id) ?? 0n;
    return sum;
  };
  if (weightOf(root.voters) < threshold) return false;
  let ghost = root;
  for (;;) {
    const next = ghost.children.find((child) => weightOf(child.voters) >= threshold);
    if (next === undefined) break;
    ghost = next;
  }
  return (
    ghost.hash === text(justification.targetHash) &&
    base.targetNumber + ghost.depth === justification.targetNumber
  );
}

/** Counts a vote at the base and at every block up to its target (`path` is target first). */
function addVote(root: VoteNode, voter: string, path: readonly Uint8Array[]): void {
  let node = root;
  node.voters.add(voter);
  for (let i = path.length - 1; i >= 0; i--) {
    const hash = text(path[i] ?? new Uint8Array());
    let child = node.children.find((c) => c.hash === hash);
    if (child === undefined) {
      child = { hash, depth: node.depth + 1, voters: new Set(), children: [] };
      node.children.push(child);
    }
    child.voters.add(voter);
    node = child;
  }
}

/** Every signature, also of strangers; every ancestry header visited by some vote. */
function verifyVotes(
  justification: Justification,
  set: AuthoritySet,
  ancestry: Ancestry,
  signatures: SignatureVerifier,
): void {
  let base: Precommit | undefined;
  for (const vote of justification.precommits) {
    if (base === undefined || vote.targetNumber < base.targetNumber) base = vote;
  }
  if (base === undefined) return;
  const visited = new Set<string>();
  for (const vote of justification.precommits) {
    const payload = concatBytes(
      Uint8Array.of(1),
      vote.targetHash,
      scale.u32(vote.targetNumber),
      scale.u64(justification.round),
      scale.u64(set.id),
    );
    if (!signatures.verify(vote.id, payload, vote.signature)) {
      throw new LightValidationFault(
        `${BAD}invalid signature for precommit in grandpa justification`,
      );
    }
    if (bytesEqual(vote.targetHash, base.targetHash)) continue;
    const route = ancestry.route(base.targetHash, vote.targetHash);
    if (route === undefined) {
      throw new LightValidationFault(
        `${BAD}invalid precommit ancestry proof in grandpa justification`,
      );
    }
    visited.add(text(vote.targetHash));
    for (const hash of route) visited.add(text(hash));
  }
  const given = ancestry.hashes;
  if (given.size !== visited.size || [...given].some((hash) => !visited.has(hash))) {
    throw new LightValidationFault(
      `${BAD}invalid precommit ancestries in grandpa justification with unused headers`,
    );
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
