import { RelayKey, blake2b256, bytesEqual, toHex } from '../primitives/index.js';
import { decodeNode, toNibbles, type TrieNode } from '../primitives/trie-node.js';
import type { WorkerBehaviour } from './behaviour.js';
import type { AuthoritySet } from './requests.js';

/**
 * Why a proof or a header was refused by the light client. The message is pRuntime's text
 * (phala-blockchain 40ffcd1be crates/phactory/src/light_validation/mod.rs).
 */
export class LightValidationFault extends Error {
  override readonly name = 'LightValidationFault';
}

/** What of the behaviour a proof is read by. */
export type ProofRules = Pick<
  WorkerBehaviour,
  'proofTexts' | 'checksProofRoot' | 'genesisAuthorities'
>;

/** A storage proof under one state root, read key by key (`StorageProofChecker`). */
export class StorageProof {
  private readonly nodes = new Map<string, Uint8Array>();

  /**
   * @throws LightValidationFault `storage root mismatch` when the root node is not among the nodes
   *   (pRuntimes that look).
   */
  constructor(
    private readonly root: Uint8Array,
    nodes: readonly Uint8Array[],
    private readonly rules: ProofRules,
  ) {
    for (const node of nodes) this.nodes.set(keyOf(blake2b256(node)), node);
    if (rules.checksProofRoot && !this.nodes.has(keyOf(root))) {
      throw new LightValidationFault('storage root mismatch');
    }
  }

  /**
   * Value of a key, or undefined when the proof shows that there is none.
   *
   * @throws LightValidationFault when a node on the way is missing or broken.
   */
  read(key: Uint8Array): Uint8Array | undefined {
    const path = toNibbles(key);
    let hash = this.root;
    let encoded = this.nodes.get(keyOf(hash));
    if (encoded === undefined) throw this.fault('InvalidStateRoot', hash);
    let at = 0;
    for (;;) {
      const node = this.decode(encoded, hash);
      if (node === undefined) return undefined;
      for (let i = 0; i < node.partial.length; i++) {
        if (path[at + i] !== node.partial[i]) return undefined;
      }
      at += node.partial.length;
      if (at === path.length) return this.valueOf(node);
      const merkle = node.children?.[path[at] ?? 0]?.merkle;
      if (merkle === undefined) return undefined;
      at += 1;
      if (merkle.length < 32) {
        encoded = merkle;
        continue;
      }
      hash = merkle;
      encoded = this.nodes.get(keyOf(hash));
      if (encoded === undefined) throw this.fault('IncompleteDatabase', hash);
    }
  }

  private valueOf(node: TrieNode): Uint8Array | undefined {
    if (node.value === undefined) return undefined;
    if (node.value.kind === 'inline') return node.value.bytes;
    const value = this.nodes.get(keyOf(node.value.hash));
    if (value === undefined) throw this.fault('IncompleteDatabase', node.value.hash);
    return value;
  }

  private decode(encoded: Uint8Array, hash: Uint8Array): TrieNode | undefined {
    try {
      return decodeNode(encoded);
    } catch {
      throw this.fault('DecoderError', hash);
    }
  }

  private fault(kind: string, hash: Uint8Array): LightValidationFault {
    return new LightValidationFault(
      this.rules.proofTexts === 'short'
        ? 'storage value unavailable'
        : `Failed to read value from trie: ${kind}(${toHex(hash)})`,
    );
  }
}

/**
 * Holds the value of one key against what it must be.
 *
 * @throws LightValidationFault `storage value unavailable`, `storage value mismatch`, or the proof's own.
 */
export function checkStorageValue(
  root: Uint8Array,
  nodes: readonly Uint8Array[],
  key: Uint8Array,
  expected: Uint8Array,
  rules: ProofRules,
): void {
  const value = new StorageProof(root, nodes, rules).read(key);
  if (value === undefined) throw new LightValidationFault('storage value unavailable');
  if (!bytesEqual(value, expected)) throw new LightValidationFault('storage value mismatch');
}

/**
 * Holds an authority list against the one that the relay state has (`check_validator_set_proof`). The
 * set id is not proven by anything.
 *
 * @throws LightValidationFault
 */
export function checkAuthoritySet(
  root: Uint8Array,
  nodes: readonly Uint8Array[],
  set: AuthoritySet,
  rules: ProofRules,
): void {
  const proof = new StorageProof(root, nodes, rules);
  if (rules.genesisAuthorities === 'old') {
    const value = proof.read(RelayKey.grandpaAuthoritiesOld);
    if (value === undefined) throw new LightValidationFault('storage value unavailable');
    // One byte of list version, always 1.
    if (value[0] === 1 && bytesEqual(value.subarray(1), set.encodedList)) return;
    throw new LightValidationFault('validator set mismatch');
  }
  const value = proof.read(RelayKey.grandpaAuthorities);
  if (value !== undefined) {
    if (bytesEqual(value, set.encodedList)) return;
    throw new LightValidationFault('validator set mismatch');
  }
  const old = proof.read(RelayKey.grandpaAuthoritiesOld);
  if (old === undefined) throw new LightValidationFault('Missing grandpa authorities');
  if (bytesEqual(old.subarray(1), set.encodedList)) return;
  throw new LightValidationFault('validator set mismatch');
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');
}
