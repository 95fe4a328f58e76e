import type { PalletDecl } from '../metadata/pallet.js';
import { plainFailure, type DispatchFailure } from './errors.js';
import type { Release } from './release.js';
import type { StateOverlay } from './state-overlay.js';
import type { AccountId, RuntimeCall, Weight } from './values.js';

/** Decides whether a call may be made; used by proxies. */
export type CallFilter = (call: RuntimeCall) => boolean;

/** On whose behalf a call is made. */
export type Origin =
  | { kind: 'root' }
  | { kind: 'none' }
  | { kind: 'signed'; who: AccountId; filters: readonly CallFilter[] };

/** What a call changes about what it is charged. */
export interface PostInfo {
  paysFee?: boolean;
}

/** Values that Khala fixes in its runtime's source, and that tests may want otherwise. */
export interface RuntimeConfig {
  paraId: number;
  /** DER certificate of the CA whose attestation reports are believed. */
  attestationRoot: Uint8Array;
  noneAttestationEnabled: boolean;
  verifyPRuntime: boolean;
  verifyRelaychainGenesisBlockHash: boolean;
  checkWorkerRegisterTime: boolean;
}

/** What a call may use while it runs. */
export interface Ctx {
  readonly state: StateOverlay;
  /** Number of the block being built. */
  readonly number: number;
  readonly config: RuntimeConfig;
  /** The runtime that makes the block. */
  readonly release: Release;
  /** Puts an event into the block. */
  deposit(pallet: string, event: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Runs a call with all filters; undoes it and throws when it fails. */
  dispatch(call: RuntimeCall, origin: Origin): PostInfo;
  /** The error to throw for a pallet's own error. */
  error(pallet: string, name: string): DispatchFailure;
}

/** Runs one kind of call. */
export type CallHandler = (ctx: Ctx, origin: Origin, args: unknown) => PostInfo | void;

/** A pallet that runs. */
export interface Pallet extends PalletDecl {
  readonly dispatch?: Readonly<Record<string, CallHandler>>;
  /** Weight of each call; a call that is not listed weighs nothing, as most of Phala's. */
  readonly weights?: Readonly<Record<string, (args: unknown, of: CallWeight) => Weight>>;
  readonly onInitialize?: (ctx: Ctx) => void;
  readonly onFinalize?: (ctx: Ctx) => void;
}

/** Weight of a nested call. */
export type CallWeight = (call: RuntimeCall) => Weight;

/** A handler whose arguments are `A` (what the pallet's declaration of the call decodes to). */
export function handler<A>(
  run: (ctx: Ctx, origin: Origin, args: A) => PostInfo | void,
): CallHandler {
  return (ctx, origin, args) => run(ctx, origin, args as A);
}

/** A handler of a call that only signed accounts may make. */
export function signedHandler<A>(
  run: (ctx: Ctx, who: AccountId, args: A) => PostInfo | void,
): CallHandler {
  return (ctx, origin, args) => run(ctx, ensureSigned(origin), args as A);
}

/** A handler of a call that only root may make. */
export function rootHandler<A>(run: (ctx: Ctx, args: A) => PostInfo | void): CallHandler {
  return (ctx, origin, args) => {
    if (origin.kind !== 'root') throw plainFailure('BadOrigin');
    return run(ctx, args as A);
  };
}

/** The signer; anything else is BadOrigin. */
export function ensureSigned(origin: Origin): AccountId {
  if (origin.kind !== 'signed') throw plainFailure('BadOrigin');
  return origin.who;
}

/** Throws a pallet's error unless the condition holds. */
export function ensure(
  ctx: Ctx,
  condition: boolean,
  pallet: string,
  error: string,
): asserts condition {
  if (!condition) throw ctx.error(pallet, error);
}

/** Weight of so much time and no proof. */
export const weight = (refTime: bigint): Weight => ({ refTime, proofSize: 0n });

/** Time that reading and writing one item takes (Khala's DbWeight). */
export const DB_READ = 25_000_000n;
/** See {@link DB_READ}. */
export const DB_WRITE = 100_000_000n;
