import { toHex } from '@runtime-bridge/base';
import { blake2b256 } from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from './errors.js';
import { decodeNode, EMPTY_NODE, nibbleAt, nibblesOf } from './trie/node-codec.js';
import { voterName as hashName } from './voters.js';

const EMPTY_ROOT_NAME = hashName(blake2b256(EMPTY_NODE));

/**
 * Reads values out of a storage proof (`state_getReadProof`), state versions 0 and 1. What is read is as true as the
 * state root given: nodes are found by their hash alone, so superfluous ones do no harm and changed ones are missing.
 */
export class StorageProofReader {
  readonly #root: Uint8Array;
  readonly #nodes = new Map<string, Uint8Array>();

  /**
   * @param nodes trie nodes and, in state version 1, values kept apart from their node; in any order
   * @param root state root, 32 bytes
   */
  constructor(nodes: readonly Uint8Array[], root: Uint8Array) {
    this.#root = root;
    for (const node of nodes) this.#nodes.set(hashName(blake2b256(node)), node);
  }

  /**
   * The value of a key, or null when the proof shows that the state has none.
   * @throws LightClientError PROOF_NODE_MISSING, BAD_TRIE_NODE
   */
  get(key: Uint8Array): Uint8Array | null {
    const nibbles = nibblesOf(key);
    const rootName = hashName(this.#root);
    if (rootName === EMPTY_ROOT_NAME) return null;
    let bytes = this.#byHash(this.#root, key);
    let at = 0;
    for (;;) {
      const node = decodeNode(bytes);
      if (node === undefined || !nibbles.startsWith(node.partial, at)) return null;
      at += node.partial.length;
      if (at === nibbles.length) {
        if (node.value === undefined) return null;
        return node.value.isHash ? this.#byHash(node.value.bytes, key) : node.value.bytes;
      }
      const child = node.children?.[nibbleAt(nibbles, at)];
      if (child === undefined) return null;
      at += 1;
      bytes = child.length === 32 ? this.#byHash(child, key) : child;
    }
  }

  #byHash(hash: Uint8Array, key: Uint8Array): Uint8Array {
    const node = this.#nodes.get(hashName(hash));
    if (node === undefined) {
      throw new LightClientError(
        LightClientErrorCode.PROOF_NODE_MISSING,
        'The storage proof lacks a node that is needed to read the key',
        {
          facts: {
            key: toHex(key),
            stateRoot: toHex(this.#root),
            nodeHash: toHex(hash),
            nodes: this.#nodes.size,
          },
        },
      );
    }
    return node;
  }
}

/**
 * Reads one key out of a storage proof, see {@link StorageProofReader}.
 * @throws LightClientError PROOF_NODE_MISSING, BAD_TRIE_NODE
 */
export function readProof(
  nodes: readonly Uint8Array[],
  root: Uint8Array,
  key: Uint8Array,
): Uint8Array | null {
  return new StorageProofReader(nodes, root).get(key);
}
