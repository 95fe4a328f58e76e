import { bytesEqual, toHex, type Hex } from '../primitives/bytes.js';
import { blake2b256 } from '../primitives/hash.js';
import { RpcCode, RpcError } from './error.js';
import type { Params } from './json.js';
import {
  blockOrBest,
  stateAt,
  type MethodHandler,
  type MethodTable,
  type RpcNode,
} from './node.js';

/** As sc-rpc: more keys are not given in one page. */
const STORAGE_KEYS_PAGED_MAX_COUNT = 1000;

/** `state_*` and `childstate_*`: storage, proofs, metadata, runtime calls and their streams. */
export function stateMethods(node: RpcNode): MethodTable {
  const { chain } = node;
  const at = (p: Params, index: number) =>
    stateAt(node, blockOrBest(node, p.optionalHash(index, 'hash')));
  const runtime = (p: Params, index: number) => {
    const hash = blockOrBest(node, p.optionalHash(index, 'hash'));
    stateAt(node, hash);
    return node.runtimeAt(hash);
  };
  const storage = (key: Uint8Array, hash: Uint8Array): Hex | null => {
    const value = stateAt(node, hash).get(key);
    return value === undefined ? null : toHex(value);
  };

  const getStorage: MethodHandler = (p) => {
    const value = at(p, 1).get(p.bytes(0, 'key'));
    return value === undefined ? null : toHex(value);
  };
  const getSize: MethodHandler = (p) => at(p, 1).get(p.bytes(0, 'key'))?.length ?? null;
  const getHash: MethodHandler = (p) => {
    const value = at(p, 1).get(p.bytes(0, 'key'));
    return value === undefined ? null : toHex(blake2b256(value));
  };
  const getKeysPaged: MethodHandler = (p) => {
    const count = p.number(1, 'count');
    if (count > STORAGE_KEYS_PAGED_MAX_COUNT) {
      throw new RpcError(
        4002,
        `count exceeds maximum value. value: ${count}, max: ${STORAGE_KEYS_PAGED_MAX_COUNT}`,
      );
    }
    const prefix = p.optionalBytes(0, 'prefix') ?? new Uint8Array();
    const start = p.optionalBytes(2, 'start key');
    const keys: Hex[] = [];
    for (const key of at(p, 3).keys(prefix, start)) {
      if (keys.length >= count) break;
      keys.push(toHex(key));
    }
    return keys;
  };
  const getVersion: MethodHandler = (p) => runtime(p, 0).version;
  const call: MethodHandler = (p) => {
    const hash = blockOrBest(node, p.optionalHash(2, 'hash'));
    const state = stateAt(node, hash);
    const method = p.text(0, 'method');
    const args = p.bytes(1, 'data');
    try {
      return toHex(node.runtimeAt(hash).call(method, args, state));
    } catch (error) {
      if (error instanceof RpcError) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new RpcError(RpcCode.stateClient, `Client error: Execution failed: ${text}`);
    }
  };

  const changesAt = (keys: readonly Uint8Array[], hash: Uint8Array) => ({
    block: toHex(hash),
    changes: keys.map((key) => [toHex(key), storage(key, hash)]),
  });
  const queryStorage: MethodHandler = (p) => {
    const keys = p.keys(0, 'keys');
    const from = p.hash(1, 'from');
    const to = blockOrBest(node, p.optionalHash(2, 'to'));
    const [first, last] = [chain.block(from), chain.block(to)];
    if (first === undefined || last === undefined || first.number > last.number) {
      throw new RpcError(
        4001,
        `Cannot resolve a block range ['${toHex(from)}' ... '${toHex(to)}].`,
      );
    }
    const sets: { block: Hex; changes: [Hex, Hex | null][] }[] = [];
    const held = new Map<string, Hex | null>();
    for (let n = first.number; n <= last.number; n++) {
      const hash = chain.hashAt(n) ?? to;
      const changes: [Hex, Hex | null][] = [];
      for (const key of keys) {
        const value = storage(key, hash);
        const name = toHex(key);
        if (held.has(name) && held.get(name) === value) continue;
        held.set(name, value);
        changes.push([name, value]);
      }
      if (changes.length > 0) sets.push({ block: toHex(hash), changes });
    }
    return sets;
  };

  return {
    methods: {
      state_getStorage: getStorage,
      state_getStorageAt: getStorage,
      state_getStorageHash: getHash,
      state_getStorageHashAt: getHash,
      state_getStorageSize: getSize,
      state_getStorageSizeAt: getSize,
      state_getKeys: (p) =>
        [...at(p, 1).keys(p.optionalBytes(0, 'prefix') ?? new Uint8Array())].map(toHex),
      state_getKeysPaged: getKeysPaged,
      state_getKeysPagedAt: getKeysPaged,
      state_getPairs: (p) =>
        [...at(p, 1).entries(p.optionalBytes(0, 'prefix') ?? new Uint8Array())].map(
          ([key, value]) => [toHex(key), toHex(value)],
        ),
      state_getReadProof: (p) => {
        const hash = blockOrBest(node, p.optionalHash(1, 'hash'));
        const proof = stateAt(node, hash).prove(p.keys(0, 'keys'));
        return { at: toHex(hash), proof: proof.map(toHex) };
      },
      state_queryStorageAt: (p) => [
        changesAt(p.keys(0, 'keys'), blockOrBest(node, p.optionalHash(1, 'hash'))),
      ],
      state_queryStorage: queryStorage,
      state_getMetadata: (p) => toHex(runtime(p, 0).metadata),
      state_getRuntimeVersion: getVersion,
      chain_getRuntimeVersion: getVersion,
      state_call: call,
      state_callAt: call,
      // No child tries on these chains.
      childstate_getStorage: () => null,
      childstate_getStorageHash: () => null,
      childstate_getStorageSize: () => null,
      childstate_getKeys: () => [],
      childstate_getKeysPaged: () => [],
    },
    subscriptions: {
      state_subscribeStorage: {
        notification: 'state_storage',
        unsubscribe: 'state_unsubscribeStorage',
        start: (p, subscriber) => {
          if (!p.has(0)) throw new RpcError(6, 'Subscribing to all storage is unsafe; name keys');
          const keys = p.keys(0, 'keys');
          subscriber.send(changesAt(keys, chain.best.hash));
          let last = chain.best.hash;
          subscriber.onEnd(
            chain.events.on('best', ({ block }) => {
              const [before, after] = [stateAt(node, last), stateAt(node, block.hash)];
              last = block.hash;
              const touched = keys.filter((key) => !sameValue(before.get(key), after.get(key)));
              if (touched.length > 0) subscriber.send(changesAt(touched, block.hash));
            }),
          );
        },
      },
      state_subscribeRuntimeVersion: versionStream(node, 'state'),
      chain_subscribeRuntimeVersion: versionStream(node, 'chain'),
    },
  };
}

function versionStream(node: RpcNode, area: 'state' | 'chain') {
  return {
    notification: 'state_runtimeVersion',
    unsubscribe: `${area}_unsubscribeRuntimeVersion`,
    start: (_p: Params, subscriber: { send(r: unknown): void; onEnd(run: () => void): void }) => {
      let last = node.runtimeAt(node.chain.best.hash).version;
      subscriber.send(last);
      subscriber.onEnd(
        node.chain.events.on('best', ({ block }) => {
          const { version } = node.runtimeAt(block.hash);
          if (version.specVersion === last.specVersion && version.specName === last.specName)
            return;
          last = version;
          subscriber.send(version);
        }),
      );
    },
  };
}

function sameValue(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : bytesEqual(a, b);
}
