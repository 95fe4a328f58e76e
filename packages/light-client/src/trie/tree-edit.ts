import { bytesEqual } from '@runtime-bridge/base';
import { nibbleAt, nibbleDigit } from './node-codec.js';
import { type Child, type NodeRef, TrieNode } from './trie-node.js';

/** A node that an edit needs and that is in the store only. */
export interface MissingNode {
  /** nibbles on the way to it */
  position: string;
  ref: NodeRef;
}

/**
 * One edit of a trie: makes a new root out of an old one, which stays as it is. Where a node is not in memory, the edit
 * notes it in {@link missing} and goes on; its result is then of no use, and it has to be done again with those nodes
 * loaded.
 */
export class TreeEdit {
  /** nodes that have to be loaded before the edit can be done */
  readonly missing: MissingNode[] = [];
  /** positions at which a stored node was replaced or removed */
  readonly superseded: string[] = [];

  /** @param token number of the edit, larger than those of all before */
  constructor(private readonly token: number) {}

  /** Sets a value; the result is `child` itself when nothing changed. */
  set(child: Child, key: string, value: Uint8Array, at = 0): Child {
    if (child === undefined) {
      return new TrieNode(key.slice(at), value, undefined, this.token, this.token);
    }
    if (typeof child === 'string') return this.#miss(child, key.slice(0, at));
    child.lastUsed = this.token;

    const rest = at + commonLength(child.partial, key, at);
    const shared = rest - at;
    if (shared < child.partial.length) return this.#split(child, key, value, at, shared);

    if (rest === key.length) {
      if (child.value !== undefined && bytesEqual(child.value, value)) return child;
      const changed = this.#own(child, key, at);
      changed.value = value;
      return changed;
    }
    const index = nibbleAt(key, rest);
    const before = child.children?.[index];
    const after = this.set(before, key, value, rest + 1);
    if (after === before) return child;
    const changed = this.#own(child, key, at);
    changed.children ??= new Array<Child>(16).fill(undefined);
    changed.children[index] = after;
    return changed;
  }

  /** Removes a key; the result is `child` itself when nothing changed. */
  remove(child: Child, key: string, at = 0): Child {
    if (child === undefined) return undefined;
    if (typeof child === 'string') return this.#miss(child, key.slice(0, at));
    child.lastUsed = this.token;

    if (!key.startsWith(child.partial, at)) return child;
    const rest = at + child.partial.length;
    if (rest === key.length) {
      if (child.value === undefined) return child;
      const changed = this.#own(child, key, at);
      changed.value = undefined;
      return this.#tidy(changed, key.slice(0, at));
    }
    const index = nibbleAt(key, rest);
    const before = child.children?.[index];
    const after = this.remove(before, key, rest + 1);
    if (after === before) return child;
    const changed = this.#own(child, key, at);
    if (changed.children !== undefined) changed.children[index] = after;
    return after === undefined ? this.#tidy(changed, key.slice(0, at)) : changed;
  }

  /** Puts a branch where the key leaves a node's partial key. */
  #split(node: TrieNode, key: string, value: Uint8Array, at: number, shared: number): TrieNode {
    const { partial } = node;
    const moved = this.#own(node, key, at);
    moved.partial = partial.slice(shared + 1);
    const children = new Array<Child>(16).fill(undefined);
    children[nibbleAt(partial, shared)] = moved;
    const branch = new TrieNode(
      partial.slice(0, shared),
      undefined,
      children,
      this.token,
      this.token,
    );
    const rest = at + shared;
    if (rest === key.length) branch.value = value;
    else children[nibbleAt(key, rest)] = this.set(undefined, key, value, rest + 1);
    return branch;
  }

  /** Brings a node that lost its value or a child into the one form that the trie allows. */
  #tidy(node: TrieNode, position: string): Child {
    const children = node.children ?? [];
    let count = 0;
    let only = -1;
    for (let i = 0; i < 16; i++) {
      if (children[i] === undefined) continue;
      count += 1;
      only = i;
    }
    if (count === 0) {
      node.children = undefined;
      return node.value === undefined ? undefined : node;
    }
    if (count > 1 || node.value !== undefined) return node;

    const child = children[only];
    const childPosition = position + node.partial + nibbleDigit(only);
    if (typeof child === 'string') {
      this.#miss(child, childPosition);
      return node;
    }
    if (child === undefined) return node;
    const merged = this.#own(child, childPosition, childPosition.length);
    merged.partial = node.partial + nibbleDigit(only) + child.partial;
    return merged;
  }

  /** The node itself when this edit made it, else a copy that it may change. `way` up to `at` is the node's position. */
  #own(node: TrieNode, way: string, at: number): TrieNode {
    if (node.owner === this.token) {
      node.ref = undefined;
      return node;
    }
    if (node.stored) this.superseded.push(way.slice(0, at));
    return node.copy(this.token);
  }

  #miss(ref: NodeRef, position: string): NodeRef {
    this.missing.push({ position, ref });
    return ref;
  }
}

function commonLength(partial: string, key: string, at: number): number {
  const limit = Math.min(partial.length, key.length - at);
  let length = 0;
  while (length < limit && partial.charCodeAt(length) === key.charCodeAt(at + length)) length += 1;
  return length;
}
