import { readFileSync } from 'node:fs';

import * as executor from '@acala-network/chopsticks-executor';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { EventRecord } from '@polkadot/types/interfaces';
import type { IExtrinsicEra, IMethod } from '@polkadot/types/types';

import type { StateReader } from '../metadata/storage-item.js';
import {
  blake2b256,
  concatBytes,
  encodeHeader,
  Engine,
  fromHex,
  scale,
  storagePrefix,
  toHex,
  Trie,
  TrieDb,
  type KeyChange,
} from '../primitives/index.js';
import {
  outcomeOf,
  runtimeTypesOf,
  type Outcome,
  type RuntimeTypes,
  type SignOptions,
} from './chain.test.kit.js';
import { INVALID_TRANSACTION } from './errors.js';

type HexText = `0x${string}`;

const SLOT_MS = 12_000;
const Key = { events: storagePrefix('System', 'Events'), code: fromHex('0x3a636f6465') };

/** Relay chain items that a parachain's inherent proves: cumulus primitives/core relay_chain well_known_keys. */
const RELAY_ACTIVE_CONFIG = storagePrefix('Configuration', 'ActiveConfig');
const RELAY_CURRENT_SLOT = storagePrefix('Babe', 'CurrentSlot');

/** What the executor answers; its own types say `any`. */
type TaskAnswer =
  { Call: { result: HexText; storageDiff: [HexText, HexText | null][] } } | { Error: string };

/**
 * A parachain that a recorded runtime runs: the WebAssembly of a public chain, in smoldot's executor, on the
 * genesis of its chain spec. Everything about a block is real but its author's seal.
 */
export class RecordedChain implements StateReader {
  number = 0;
  timestampMs: number;
  readonly registry: RuntimeTypes['registry'];
  readonly pairs: RuntimeTypes['pairs'];
  private readonly tx: RuntimeTypes['tx'];
  private readonly state = new Map<HexText, HexText>();
  private header: Uint8Array;
  private readonly genesisHash: Uint8Array;
  private sortedKeys: HexText[] | undefined;
  private specVersion = 0;
  private transactionVersion = 0;

  private constructor(
    genesis: Readonly<Record<HexText, HexText>>,
    metadata: Uint8Array,
    startMs: number,
  ) {
    this.timestampMs = startMs;
    ({ registry: this.registry, pairs: this.pairs, tx: this.tx } = runtimeTypesOf(metadata));
    for (const [key, value] of Object.entries(genesis)) {
      this.state.set(key as HexText, value);
    }
    this.header = encodeHeader({
      parentHash: new Uint8Array(32),
      number: 0,
      stateRoot: new Uint8Array(32),
      extrinsicsRoot: new Uint8Array(32),
      logs: [],
    });
    this.genesisHash = blake2b256(this.header);
  }

  /** Begins a chain with a recorded chain spec. */
  static async load(options: {
    chainSpec: string;
    metadata: string;
    startMs: number;
  }): Promise<RecordedChain> {
    const spec = JSON.parse(readFileSync(options.chainSpec, 'utf8')) as {
      genesis: { raw: { top: Record<HexText, HexText> } };
    };
    const metadata = new Uint8Array(readFileSync(options.metadata));
    const chain = new RecordedChain(spec.genesis.raw.top, metadata, options.startMs);
    const version = (await executor.get_runtime_version(chain.code)) as {
      specVersion: number;
      transactionVersion: number;
    };
    chain.specVersion = version.specVersion;
    chain.transactionVersion = version.transactionVersion;
    return chain;
  }

  private get code(): HexText {
    return this.state.get(toHex(Key.code)) ?? '0x';
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const value = this.state.get(toHex(key));
    return value === undefined ? undefined : fromHex(value);
  }

  /** Values of all keys with a prefix, by hex key in order. */
  values(prefix: Uint8Array): Map<string, string> {
    const text = toHex(prefix);
    return new Map([...this.state].filter(([key]) => key.startsWith(text)).sort());
  }

  /** Changes the state between two blocks. */
  write(changes: readonly KeyChange[]): void {
    for (const [key, value] of changes) {
      if (value === undefined) this.state.delete(toHex(key));
      else this.state.set(toHex(key), toHex(value));
    }
    this.sortedKeys = undefined;
  }

  /** A call by its names in polkadot.js. */
  call(pallet: string, name: string, ...args: unknown[]): IMethod {
    const make = this.tx[pallet]?.[name];
    if (!make) throw new Error(`no call ${pallet}.${name}`);
    return make(...args);
  }

  /** Bytes of an immortal signed extrinsic. */
  sign(call: IMethod, signer: KeyringPair, options: SignOptions & { nonce: number }): Uint8Array {
    return this.registry
      .createType('Extrinsic', call, { version: 4 })
      .sign(signer, {
        blockHash: this.genesisHash,
        genesisHash: this.genesisHash,
        nonce: options.nonce,
        tip: 0n,
        era: '0x00' as unknown as IExtrinsicEra,
        runtimeVersion: {
          specVersion: options.specVersion ?? this.specVersion,
          transactionVersion: this.transactionVersion,
        } as never,
        signedExtensions: this.registry.signedExtensions,
      })
      .toU8a();
  }

  /**
   * Why the next block may not contain this extrinsic, e.g. `invalid Stale`, or undefined; the chain is as
   * before.
   */
  async probe(extrinsic: Uint8Array, afterMs: number): Promise<string | undefined> {
    const calls = [...this.opening(afterMs), applyCall(extrinsic)];
    const { result } = await this.run(calls);
    // Result<DispatchOutcome, TransactionValidityError>; the error's first variant is Invalid.
    const [outer, kind, reason] = fromHex(result);
    if (outer === 0) return undefined;
    const names = Object.entries(INVALID_TRANSACTION);
    const found = kind === 0 ? names.find(([, index]) => index === reason) : undefined;
    return `invalid ${found?.[0] ?? `${kind}/${reason}`}`;
  }

  /**
   * Makes the next block.
   *
   * @throws Error when the runtime panics
   */
  async block(extrinsics: readonly Uint8Array[], afterMs: number): Promise<void> {
    const { result, storageDiff } = await this.run([
      ...this.opening(afterMs),
      ...extrinsics.map(applyCall),
      ['BlockBuilder_finalize_block', []],
    ]);
    this.timestampMs += afterMs;
    this.number += 1;
    this.header = fromHex(result);
    this.write(
      storageDiff.map(([key, value]) => [
        fromHex(key),
        value === null || value === undefined ? undefined : fromHex(value),
      ]),
    );
  }

  /** What happened to the extrinsic with this index in the last block; 0 and 1 are inherents. */
  outcome(index: number): Outcome {
    return outcomeOf(this.registry, this.events(), index);
  }

  /** All events of the last block. */
  events(): EventRecord[] {
    const bytes = this.get(Key.events);
    if (!bytes) return [];
    return [...(this.registry.createType('Vec<EventRecord>', bytes) as unknown as EventRecord[])];
  }

  /** The runtime calls that begin the next block: header, timestamp, validation data. */
  private opening(afterMs: number): [string, HexText[]][] {
    const timestampMs = this.timestampMs + afterMs;
    const number = this.number + 1;
    const parentHash = blake2b256(this.header);
    const slot = scale.u64(Math.floor(timestampMs / SLOT_MS));
    const header = encodeHeader({
      parentHash,
      number,
      stateRoot: new Uint8Array(32),
      extrinsicsRoot: new Uint8Array(32),
      logs: [{ kind: 'preRuntime', engine: Engine.aura, data: slot }],
    });
    // An AbridgedHostConfiguration of nine u32: code, head, upward queue, messages, upgrades.
    const config = concatBytes(
      ...[3_145_728, 20_480, 8, 1_048_576, 51_200, 5, 10, 10, 10].map((n) => scale.u32(n)),
    );
    const relay = Trie.from(new TrieDb(), [
      [RELAY_ACTIVE_CONFIG, config],
      [RELAY_CURRENT_SLOT, scale.u64(Math.floor(timestampMs / 6000))],
    ]);
    const data = this.call('parachainSystem', 'setValidationData', {
      validationData: {
        parentHead: toHex(this.header),
        relayParentNumber: 2 * number,
        relayParentStorageRoot: toHex(relay.root()),
        maxPovSize: 5_242_880,
      },
      relayChainState: {
        trieNodes: relay.prove([RELAY_ACTIVE_CONFIG, RELAY_CURRENT_SLOT]).map(toHex),
      },
      downwardMessages: [],
      horizontalMessages: new Map(),
    });
    const inherents = [this.call('timestamp', 'set', timestampMs), data].map((call) =>
      this.registry.createType('Extrinsic', call, { version: 4 }).toU8a(),
    );
    return [['Core_initialize_block', [toHex(header)]], ...inherents.map(applyCall)];
  }

  private async run(
    calls: [string, HexText[]][],
  ): Promise<{ result: HexText; storageDiff: [HexText, HexText | null][] }> {
    const task = {
      id: 1,
      wasm: this.code,
      calls,
      mockSignatureHost: 0,
      allowUnresolvedImports: false,
      storageProofSize: 0,
      runtimeLogLevel: 0,
    };
    const answer = (await executor.run_task(task, {
      getStorage: (key) => Promise.resolve(this.state.get(key)),
      getNextKey: (prefix, key) => Promise.resolve(this.nextKey(prefix, key)),
      offchainGetStorage: () => Promise.resolve(undefined),
      offchainTimestamp: () => Promise.resolve(this.timestampMs),
      offchainRandomSeed: () => Promise.resolve(`0x${'00'.repeat(32)}` as const),
      offchainSubmitTransaction: () => Promise.resolve(false),
    })) as TaskAnswer;
    if ('Error' in answer) throw new Error(`the recorded runtime failed: ${answer.Error}`);
    return answer.Call;
  }

  private nextKey(prefix: HexText, key: HexText): HexText | undefined {
    this.sortedKeys ??= [...this.state.keys()].sort();
    return this.sortedKeys.find((one) => one > key && one.startsWith(prefix));
  }
}

const applyCall = (extrinsic: Uint8Array): [string, HexText[]] => [
  'BlockBuilder_apply_extrinsic',
  [toHex(extrinsic)],
];
