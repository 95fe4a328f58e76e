import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { expandMetadata, Metadata, TypeRegistry } from '@polkadot/types';
import type { EventRecord } from '@polkadot/types/interfaces';
import type { IExtrinsicEra, IMethod } from '@polkadot/types/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';

import { blake2b256, toHex, Trie, TrieDb } from '../primitives/index.js';
import type { BuiltBlock } from './block-builder.js';
import type { ParaGenesis } from './genesis.js';
import type { RuntimeConfig } from './pallet.js';
import { outboundMessages } from './pallets/mq.js';
import { events } from './pallets/system.js';
import { decodePayload } from './payload.js';
import { ParaRuntime } from './runtime.js';
import { StateOverlay } from './state-overlay.js';
import type { DevName } from './genesis.js';

/** How an extrinsic is signed; what is not given is what the chain expects. */
export interface SignOptions {
  nonce?: number;
  tip?: bigint;
  /** Length of the era in blocks, from the best block on; none: immortal. */
  periodBlocks?: number;
  genesisHash?: Uint8Array;
  specVersion?: number;
}

/** What became of one transaction. */
export interface Outcome {
  /** `ok`, `phalaMq.BadSequence` and the like, or `invalid Stale` when it is not in the block. */
  result: string;
  /** `section.Method` of its events in order. */
  events: string[];
  /** Event data by `section.Method`; the last one counts. */
  data: Record<string, unknown>;
}

/** A message from the chain, decoded when it is a system event. */
export interface SeenMessage {
  sender: string;
  topic: string;
  payload: unknown;
}

export const START_MS = 1_700_000_000_000;
export const BLOCK_MS = 12_000;

/** What is needed to make calls for a runtime and to read its events. */
export interface RuntimeTypes {
  registry: TypeRegistry;
  tx: ReturnType<typeof expandMetadata>['tx'];
  pairs: Record<DevName, KeyringPair>;
}

/** Made once for all chains of a test file: it takes longer than all the blocks of a test. */
let shared: RuntimeTypes | undefined;

/** Types and calls of any runtime of Khala's family, by its metadata. */
export function runtimeTypesOf(bytes: Uint8Array): RuntimeTypes {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, toHex(bytes));
  registry.setMetadata(metadata, undefined, { CheckMqSequence: { extrinsic: {}, payload: {} } });
  const keyring = new Keyring({ type: 'sr25519' });
  const pair = (name: string) => keyring.addFromUri(`//${name}`);
  return {
    registry,
    tx: expandMetadata(registry, metadata).tx,
    pairs: {
      Alice: pair('Alice'),
      Bob: pair('Bob'),
      Charlie: pair('Charlie'),
      Dave: pair('Dave'),
      Eve: pair('Eve'),
      Ferdie: pair('Ferdie'),
    },
  };
}

/** What happened to the extrinsic with this index, by the events of its block. */
export function outcomeOf(
  registry: TypeRegistry,
  events: readonly EventRecord[],
  index: number,
): Outcome {
  const outcome: Outcome = { result: 'absent', events: [], data: {} };
  for (const { phase, event } of events) {
    if (!phase.isApplyExtrinsic || phase.asApplyExtrinsic.toNumber() !== index) continue;
    const name = `${event.section}.${event.method}`;
    outcome.events.push(name);
    outcome.data[name] = [...event.data];
    if (name === 'system.ExtrinsicSuccess') outcome.result = 'ok';
    if (name === 'system.ExtrinsicFailed') outcome.result = errorNameOf(registry, event.data[0]);
  }
  return outcome;
}

/** `section.Name` of a module error, or the kind of any other. */
export function errorNameOf(registry: TypeRegistry, error: unknown): string {
  const e = error as { isModule: boolean; asModule: never; type: string; value: { type?: string } };
  if (e.isModule) {
    const { section, name } = registry.findMetaError(e.asModule);
    return `${section}.${name}`;
  }
  return e.value.type === undefined ? e.type : `${e.type}.${e.value.type}`;
}

/** A parachain in memory whose callers know it only by @polkadot/types and its state. */
export class TestChain {
  state: Trie;
  header: Uint8Array;
  number = 0;
  timestampMs = START_MS;
  last: BuiltBlock | undefined;
  readonly registry: TypeRegistry;
  readonly pairs: Record<DevName, KeyringPair>;
  readonly genesisHash: Uint8Array;
  private readonly hashes: Uint8Array[] = [];
  private readonly tx: RuntimeTypes['tx'];

  private constructor(
    readonly runtime: ParaRuntime,
    genesis: Partial<ParaGenesis>,
  ) {
    ({
      registry: this.registry,
      tx: this.tx,
      pairs: this.pairs,
    } = shared ??= runtimeTypesOf(runtime.metadata));
    const pairs = runtime.genesis(genesis);
    this.state = Trie.from(new TrieDb(), pairs);
    this.header = runtime.genesisHeader(pairs);
    this.genesisHash = this.hash;
    this.hashes.push(this.hash);
  }

  static async create(
    genesis: Partial<ParaGenesis> = {},
    config: Partial<RuntimeConfig> = {},
  ): Promise<TestChain> {
    await cryptoWaitReady();
    return new TestChain(await ParaRuntime.create(config), genesis);
  }

  get hash(): Uint8Array {
    return blake2b256(this.header);
  }

  get best(): { number: number; hash: Uint8Array; header: Uint8Array } {
    return { number: this.number, hash: this.hash, header: this.header };
  }

  /** A call by its names in polkadot.js. */
  call(pallet: string, name: string, ...args: unknown[]): IMethod {
    const make = this.tx[pallet]?.[name];
    if (!make) throw new Error(`no call ${pallet}.${name}`);
    return make(...args);
  }

  nonce(who: Uint8Array): number {
    const answer = this.runtime.call('AccountNonceApi_account_nonce', who, this.state);
    return new DataView(answer.buffer, answer.byteOffset).getUint32(0, true);
  }

  /** Bytes of a signed extrinsic. */
  sign(call: IMethod, signer: KeyringPair, options: SignOptions = {}): Uint8Array {
    const { specVersion, transactionVersion } = this.runtime.version;
    const { periodBlocks } = options;
    const blockHash = periodBlocks === undefined ? this.genesisHash : this.hash;
    const era: unknown =
      periodBlocks === undefined
        ? '0x00'
        : this.registry.createType('ExtrinsicEra', { current: this.number, period: periodBlocks });
    return this.registry
      .createType('Extrinsic', call, { version: 4 })
      .sign(signer, {
        blockHash,
        genesisHash: options.genesisHash ?? this.genesisHash,
        nonce: options.nonce ?? this.nonce(signer.publicKey),
        tip: options.tip ?? 0n,
        era: era as IExtrinsicEra,
        runtimeVersion: {
          specVersion: options.specVersion ?? specVersion,
          transactionVersion,
        } as never,
        signedExtensions: this.registry.signedExtensions,
      })
      .toU8a();
  }

  /** Makes the next block. */
  block(extrinsics: readonly Uint8Array[] = [], afterMs = BLOCK_MS): BuiltBlock {
    this.timestampMs += afterMs;
    const relayParentNumber = 2 * (this.number + 1);
    const built = this.runtime.buildBlock({
      parentHeader: this.header,
      parentState: this.state,
      timestampMs: this.timestampMs,
      relayParentNumber,
      relayParentStorageRoot: blake2b256(Uint8Array.of(relayParentNumber & 255)),
      extrinsics,
    });
    this.header = built.header;
    this.state = built.state;
    this.number = built.number;
    this.hashes[this.number] = built.hash;
    this.last = built;
    return built;
  }

  /** Makes empty blocks. */
  blocks(count: number): void {
    for (let i = 0; i < count; i++) this.block();
  }

  /** Signs, makes a block of it, tells what happened. */
  run(call: IMethod, signer: KeyringPair, options?: SignOptions): Outcome {
    const extrinsic = this.sign(call, signer, options);
    const built = this.block([extrinsic]);
    const [left] = built.dropped;
    if (left) return { result: `invalid ${left.reason}`, events: [], data: {} };
    return this.outcome(2);
  }

  /** Runs a call as root. */
  sudo(call: IMethod): Outcome {
    const outcome = this.run(this.call('sudo', 'sudo', call), this.pairs.Alice);
    const result = outcome.data['sudo.Sudid'] as { isErr: boolean; asErr: unknown }[] | undefined;
    const [inner] = result ?? [];
    return inner?.isErr ? { ...outcome, result: this.errorName(inner.asErr) } : outcome;
  }

  /** What happened to the extrinsic with this index in the last block; 0 and 1 are inherents. */
  outcome(index: number): Outcome {
    return outcomeOf(this.registry, this.events(), index);
  }

  /** All events of the last block. */
  events(): EventRecord[] {
    const bytes = this.state.get(events.key);
    if (!bytes) return [];
    return [...(this.registry.createType('Vec<EventRecord>', bytes) as unknown as EventRecord[])];
  }

  /** Names of the errors that a batch's items failed with, in order. */
  itemErrors(): string[] {
    return this.events()
      .filter(({ event }) => event.section === 'utility' && event.method === 'ItemFailed')
      .map(({ event }) => this.errorName(event.data[0]));
  }

  /** `section.Name` of a module error, or the kind of any other. */
  errorName(error: unknown): string {
    return errorNameOf(this.registry, error);
  }

  /** Messages that workers find in the last block. */
  messages(): SeenMessage[] {
    return outboundMessages.get(this.state).map(({ sender, destination, payload }) => {
      const topic = Buffer.from(destination).toString();
      const isSystem = topic === 'phala/system/event';
      const value = 'value' in sender ? sender.value : new Uint8Array();
      return {
        sender: sender.type === 'Pallet' ? Buffer.from(value).toString() : sender.type,
        topic,
        payload: isSystem ? decodePayload('SystemEvent', payload) : payload,
      };
    });
  }

  /** Changes the state between two blocks, for what no call can bring about. */
  patch(change: (state: StateOverlay) => void): void {
    const overlay = new StateOverlay(this.state);
    change(overlay);
    this.state = this.state.with(overlay.changes());
  }
}
