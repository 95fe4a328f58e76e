import { blake2b256 } from './hash.js';
import { decodeNode, toNibbles, type TrieNode } from './trie-node.js';

/** Why a storage proof does not tell the value of a key. */
export class ProofError extends Error {
  override readonly name = 'ProofError';

  constructor(
    readonly reason: 'rootMissing' | 'nodeMissing' | 'valueMissing' | 'badNode',
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads one key out of a storage proof of state version 0 or 1. Nodes are found by the hash of their
 * bytes, so a changed node is a missing one; nodes that are not needed are ignored.
 *
 * @returns the value, or null when the proof shows that the key is absent.
 * @throws ProofError when the proof does not reach an answer under this root.
 */
export function readProof(
  nodes: readonly Uint8Array[],
  root: Uint8Array,
  key: Uint8Array,
): Uint8Array | null {
  const byHash = new Map(nodes.map((bytes) => [latin1(blake2b256(bytes)), bytes]));
  const rest = toNibbles(key);
  let encoded = byHash.get(latin1(root));
  if (encoded === undefined)
    throw new ProofError('rootMissing', 'the root node is not in the proof');
  let at = 0;
  for (;;) {
    const node = decode(encoded);
    if (node === undefined) return null;
    const { partial } = node;
    for (let i = 0; i < partial.length; i++) if (rest[at + i] !== partial[i]) return null;
    at += partial.length;
    if (at === rest.length) return valueOf(node, byHash);
    const merkle = node.children?.[rest[at] ?? 0]?.merkle;
    if (merkle === undefined) return null;
    at += 1;
    encoded = merkle.length < 32 ? merkle : byHash.get(latin1(merkle));
    if (encoded === undefined) throw new ProofError('nodeMissing', 'a node on the path is missing');
  }
}

function valueOf(node: TrieNode, byHash: ReadonlyMap<string, Uint8Array>): Uint8Array | null {
  if (node.value === undefined) return null;
  if (node.value.kind === 'inline') return node.value.bytes;
  const bytes = byHash.get(latin1(node.value.hash));
  if (bytes === undefined) throw new ProofError('valueMissing', 'the hashed value is missing');
  return bytes;
}

function decode(encoded: Uint8Array): TrieNode | undefined {
  try {
    return decodeNode(encoded);
  } catch (error) {
    throw new ProofError('badNode', error instanceof Error ? error.message : String(error));
  }
}

function latin1(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');
}
