import type { Pallet } from '../pallet.js';
import { assets } from './assets.js';
import { balances } from './balances.js';
import { basePool } from './base-pool.js';
import {
  onWorkingInfoUpdate,
  onWorkingReport,
  WORKING_REPORT_TOPIC,
  WORKING_UPDATE_TOPIC,
} from './computation-messages.js';
import { makeComputation } from './computation.js';
import { makeMq, type MessageListener } from './mq.js';
import { parachainInfo, parachainSystem } from './parachain.js';
import { proxy } from './proxy.js';
import { keyOfSender, onRegistryEvent, REGISTRY_EVENT_TOPIC } from './registry-messages.js';
import { registry } from './registry.js';
import { onReward } from './stake-pool-rewards.js';
import { forgetWorker, stakePoolV2 } from './stake-pool.js';
import { sudo } from './sudo.js';
import { system } from './system.js';
import { timestamp } from './timestamp.js';
import { transactionPayment } from './transaction-payment.js';
import { utility } from './utility.js';
import { wrappedBalances } from './wrapped-balances.js';

const listeners = new Map<string, MessageListener>([
  [REGISTRY_EVENT_TOPIC, onRegistryEvent],
  [WORKING_REPORT_TOPIC, onWorkingReport],
  [WORKING_UPDATE_TOPIC, (ctx, message) => onWorkingInfoUpdate(ctx, message, onReward)],
]);

/** The parachain's pallets in order of their index, which is also the order of their hooks. */
export const pallets: readonly Pallet[] = [
  system,
  timestamp,
  utility,
  proxy,
  parachainInfo,
  parachainSystem,
  balances,
  transactionPayment,
  makeMq({ keyOfSender, listeners }),
  registry,
  makeComputation({ onUnbound: forgetWorker }),
  assets,
  stakePoolV2,
  wrappedBalances,
  basePool,
  sudo,
];
