import { decodePayload } from '../payload.js';
import { ensure, type Ctx } from '../pallet.js';
import type { Message, MessageOrigin } from '../values.js';
import { pushPalletMessage, pushWorkerEvent } from './mq.js';
import * as storage from './registry-storage.js';
import { now, nowSec } from './timestamp.js';

const PALLET = 'PhalaRegistry';

/** Topic of {@link onRegistryEvent}. */
export const REGISTRY_EVENT_TOPIC = '^phala/registry/event';

const MAX_SCORE = 6000n;

type RegistryEvent =
  | { type: 'BenchReport'; startTime: bigint; iterations: bigint }
  | { type: 'MasterPubkey'; masterPubkey: Uint8Array };

/** The key that a sender's messages are signed with. A worker need not be registered. */
export function keyOfSender(ctx: Ctx, sender: MessageOrigin): Uint8Array {
  const { state } = ctx;
  switch (sender.type) {
    case 'Worker':
      return sender.value;
    case 'Cluster':
      return orError(ctx, storage.clusterKeys.get(state, sender.value), 'UnknownCluster');
    case 'Contract':
      return orError(ctx, storage.contractKeys.get(state, sender.value), 'UnknownContract');
    case 'Gatekeeper':
      return orError(ctx, storage.gatekeeperMasterPubkey.get(state), 'MasterKeyUninitialized');
    default:
      throw ctx.error(PALLET, 'CannotHandleUnknownMessage');
  }
}

function orError(ctx: Ctx, key: Uint8Array | undefined, error: string): Uint8Array {
  ensure(ctx, key !== undefined, PALLET, error);
  return key;
}

/** A worker reports its benchmark, or the first gatekeeper its master key. */
export function onRegistryEvent(ctx: Ctx, message: Message): void {
  const event = decodePayload<RegistryEvent>('RegistryEvent', message.payload);
  const { sender } = message;
  if (sender.type !== 'Worker') throw ctx.error(PALLET, 'InvalidSender');
  if (event.type === 'BenchReport') onBenchReport(ctx, sender.value, event);
  else onMasterPubkey(ctx, sender.value, event.masterPubkey);
}

function onBenchReport(
  ctx: Ctx,
  pubkey: Uint8Array,
  { startTime, iterations }: { startTime: bigint; iterations: bigint },
): void {
  const nowMs = now.get(ctx.state);
  ensure(ctx, nowMs > startTime, PALLET, 'InvalidBenchReport');
  const seconds = (nowMs - startTime) / 1000n;
  // The real pallet divides by this and would panic: nobody can report within the same second there.
  ensure(ctx, seconds > 0n, PALLET, 'InvalidBenchReport');
  const perSixSeconds = (iterations / seconds) * 6n;
  const score = Number(perSixSeconds > MAX_SCORE ? MAX_SCORE : perSixSeconds);
  const info = storage.workers.get(ctx.state, pubkey);
  if (info) {
    storage.workers.put(ctx.state, pubkey, {
      ...info,
      initialScore: score,
      // Milliseconds here and seconds at registration: so does the recorded runtime.
      lastUpdated: nowMs,
    });
  }
  pushWorkerEvent(ctx, PALLET, pubkey, { type: 'BenchScore', value: score });
  ctx.deposit(PALLET, 'InitialScoreSet', { pubkey, initScore: score });
}

function onMasterPubkey(ctx: Ctx, pubkey: Uint8Array, masterPubkey: Uint8Array): void {
  const isGatekeeper = storage.gatekeeper
    .get(ctx.state)
    .some((key) => Buffer.compare(key, pubkey) === 0);
  ensure(ctx, isGatekeeper, PALLET, 'InvalidGatekeeper');
  const saved = storage.gatekeeperMasterPubkey.get(ctx.state);
  if (saved) {
    const isSame = Buffer.compare(saved, masterPubkey) === 0;
    ensure(ctx, isSame, PALLET, 'MasterKeyMismatch');
    return;
  }
  storage.gatekeeperMasterPubkey.put(ctx.state, masterPubkey);
  pushPalletMessage(ctx, PALLET, 'phala/gatekeeper/launch', 'GatekeeperLaunch', {
    type: 'MasterPubkeyOnChain',
    masterPubkey,
  });
  storage.gatekeeperLaunchedAt.put(ctx.state, [ctx.number, nowSec(ctx)]);
  ctx.deposit(PALLET, 'GatekeeperLaunched');
}

/** Did the worker register after the first gatekeeper was launched? */
export function registeredAfterLaunch(ctx: Ctx, pubkey: Uint8Array): boolean {
  const addedAt = storage.workerAddedAt.get(ctx.state, pubkey);
  const launchedAt = storage.gatekeeperLaunchedAt.get(ctx.state);
  return addedAt !== undefined && launchedAt !== undefined && addedAt > launchedAt[0];
}
