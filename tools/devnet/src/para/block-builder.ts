import {
  blake2b256,
  bytesEqual,
  decodeHeader,
  encodeHeader,
  Engine,
  orderedTrieRoot,
  scale,
  type KeyChange,
  type Trie,
} from '../primitives/index.js';
import { ExtrinsicApplier } from './apply.js';
import { BlockRun, isMandatory } from './block-run.js';
import { BadExtrinsic, InvalidTransaction } from './errors.js';
import { decodeExtrinsic, unsignedExtrinsic, type Extrinsic } from './extrinsic.js';
import { CODE_KEY, stateVersionOf, type Release } from './release.js';
import type { RuntimeConfig } from './pallet.js';
import { pallets } from './pallets/index.js';
import { MAX_POV_SIZE, type ParachainInherentData } from './pallets/parachain.js';
import { finalizeEvents, initializeBlock } from './pallets/system.js';
import type { SignatureCache } from './signed-checks.js';

/** Length of an Aura slot: Khala's 12 s. */
const SLOT_MS = 12_000;

/** What a block is made of. */
export interface BlockInput {
  /** SCALE of the parent's header. */
  parentHeader: Uint8Array;
  parentState: Trie;
  /** Must be later than the parent's. */
  timestampMs: number;
  /** Must be later than the parent's relay parent. */
  relayParentNumber: number;
  relayParentStorageRoot: Uint8Array;
  /** Proof of what the parachain reads of the relay chain; nothing here reads it. Default: empty. */
  relayStateProof?: readonly Uint8Array[];
  /** Transactions to try, in order, with their length prefixes. */
  extrinsics: readonly Uint8Array[];
}

/** A transaction that is not in the block, and why. */
export interface LeftOut {
  extrinsic: Uint8Array;
  /** `BadExtrinsic`, or why it is invalid. */
  reason: string;
  /** It may be good in a later block: it came too early, or the block was full. */
  mayRetry: boolean;
}

/** A block that was made. */
export interface BuiltBlock {
  number: number;
  hash: Uint8Array;
  /** SCALE of the header. */
  header: Uint8Array;
  /** Inherents first, then the transactions that are in the block. */
  extrinsics: Uint8Array[];
  /** Everything written, sorted by key; undefined deletes. */
  changes: KeyChange[];
  /** State after the block. */
  state: Trie;
  stateRoot: Uint8Array;
  included: Uint8Array[];
  dropped: LeftOut[];
}

/** Builds and executes one block. @throws Error when time or relay parent do not grow */
export function buildBlock(
  input: BlockInput,
  config: RuntimeConfig,
  signatures: SignatureCache,
): BuiltBlock {
  const parentHash = blake2b256(input.parentHeader);
  const number = decodeHeader(input.parentHeader).number + 1;
  const slot = Math.floor(input.timestampMs / SLOT_MS);
  const run = new BlockRun(input.parentState, number, config);
  // A block's root is of the state version of the runtime that made it.
  const stateVersion = stateVersionOf(run.release);
  const parentState =
    input.parentState.version === stateVersion
      ? input.parentState
      : input.parentState.withVersion(stateVersion);
  const digest = { logs: [{ type: 'PreRuntime', values: [Engine.aura, scale.u64(slot)] }] };
  initializeBlock(run, { number, parentHash, digest });
  for (const pallet of pallets) pallet.onInitialize?.(run);

  const applier = new ExtrinsicApplier(run, signatures);
  const inherents = inherentsOf(input);
  for (const inherent of inherents) applier.inherent(decodeExtrinsic(inherent, run.release));
  const included: Uint8Array[] = [];
  const dropped: LeftOut[] = [];
  for (const extrinsic of input.extrinsics) {
    const refused = tryApply(applier, extrinsic, run.release);
    if (refused) dropped.push(refused);
    else included.push(extrinsic);
  }

  run.phase = { type: 'Finalization' };
  for (const pallet of pallets) pallet.onFinalize?.(run);
  finalizeEvents(run, run.events);

  const changes = run.state.changes();
  const state = parentState.with(changes);
  const stateRoot = state.root();
  const extrinsics = [...inherents, ...included];
  const hasNewCode = changes.some(([key]) => bytesEqual(key, CODE_KEY));
  const header = encodeHeader({
    parentHash,
    number,
    stateRoot,
    extrinsicsRoot: orderedTrieRoot(extrinsics),
    logs: [
      { kind: 'preRuntime', engine: Engine.aura, data: scale.u64(slot) },
      ...(hasNewCode ? [{ kind: 'runtimeEnvironmentUpdated' as const }] : []),
    ],
  });
  const hash = blake2b256(header);
  return { number, hash, header, extrinsics, changes, state, stateRoot, included, dropped };
}

function tryApply(
  applier: ExtrinsicApplier,
  encoded: Uint8Array,
  release: Release,
): LeftOut | undefined {
  try {
    const extrinsic: Extrinsic = decodeExtrinsic(encoded, release);
    if (!extrinsic.signed && isMandatory(extrinsic.call)) {
      throw new InvalidTransaction('MandatoryValidation');
    }
    applier.signed(extrinsic);
    return undefined;
  } catch (e) {
    if (e instanceof BadExtrinsic) {
      return { extrinsic: encoded, reason: 'BadExtrinsic', mayRetry: false };
    }
    if (e instanceof InvalidTransaction) {
      const mayRetry = e.reason === 'Future' || e.reason === 'ExhaustsResources';
      return { extrinsic: encoded, reason: e.reason, mayRetry };
    }
    throw e;
  }
}

function inherentsOf(input: BlockInput): Uint8Array[] {
  const data: ParachainInherentData = {
    validationData: {
      parentHead: input.parentHeader,
      relayParentNumber: input.relayParentNumber,
      relayParentStorageRoot: input.relayParentStorageRoot,
      maxPovSize: MAX_POV_SIZE,
    },
    relayChainState: {
      trieNodes: [...(input.relayStateProof ?? [])].sort((a, b) => Buffer.compare(a, b)),
    },
    downwardMessages: [],
    horizontalMessages: [],
  };
  return [
    unsignedExtrinsic({
      type: 'Timestamp',
      value: { type: 'set', now: BigInt(input.timestampMs) },
    }),
    unsignedExtrinsic({ type: 'ParachainSystem', value: { type: 'set_validation_data', data } }),
  ];
}
