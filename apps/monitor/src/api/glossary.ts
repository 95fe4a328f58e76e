import type { WorkerState, AlertKind } from './fleet-state.js';
import type { ActionKind } from './requests.js';

/** How something is to be shown; never by colour alone. */
export type Tone = 'good' | 'busy' | 'idle' | 'bad';

/** What a word of the dashboard means. */
export interface Meaning {
  /** One or two words for a chip. */
  word: string;
  tone: Tone;
  /** What this means. */
  meaning: string;
  /** What to do; empty when there is nothing to do. */
  remedy: string;
}

/** States of workers. */
export const stateMeanings: Readonly<Record<WorkerState, Meaning>> = {
  S_ERROR: {
    word: 'error',
    tone: 'bad',
    meaning:
      'The last thing that was tried with this worker failed. It is tried again by itself, less and less often.',
    remedy:
      'Read its last message. If that names a cause, remove it; a restart then tries again at once.',
  },
  S_KICKED: {
    word: 'kicked',
    tone: 'bad',
    meaning:
      'Somebody told its pRuntime to quit. The manager leaves it alone until it is restarted.',
    remedy: 'Restart the worker here once its pRuntime is up again.',
  },
  S_IDLE: {
    word: 'idle',
    tone: 'idle',
    meaning: 'Nothing drives it: it or its pool is disabled, or it waits for a runner.',
    remedy: 'Enable the worker and its pool, if it should run.',
  },
  S_STARTING: {
    word: 'starting',
    tone: 'busy',
    meaning: 'Its pRuntime is asked where it stands, and set up if it is empty.',
    remedy: 'If it stays so for minutes, check that its endpoint can be reached from the manager.',
  },
  S_SYNCHING: {
    word: 'syncing',
    tone: 'busy',
    meaning: 'It takes in headers and blocks until it has reached the head of the chain.',
    remedy: '',
  },
  S_SYNCHED: {
    word: 'synced',
    tone: 'busy',
    meaning:
      'It is at the head. Registration and pool are looked after next; a cooling-down or sync-only worker stays here.',
    remedy: 'If it stays so, its message says what it waits for.',
  },
  S_PRE_ACTIVE: {
    word: 'almost active',
    tone: 'busy',
    meaning: 'It is at the head and a transaction that starts it is under way.',
    remedy: 'If it stays so, look at its transactions.',
  },
  S_ACTIVE: {
    word: 'active',
    tone: 'good',
    meaning: 'It computes, is kept at the head, and its messages are brought on chain.',
    remedy: '',
  },
  S_UNKNOWN: {
    word: 'unknown',
    tone: 'idle',
    meaning: 'Its manager tells a state that this monitor does not know.',
    remedy: 'Update the monitor.',
  },
};

/** States of sessions on chain. */
export const sessionMeanings: Readonly<Record<string, Meaning>> = {
  Ready: {
    word: 'ready',
    tone: 'idle',
    meaning: 'It is in a pool and may start computing; it earns nothing yet.',
    remedy: 'Enabled workers start by themselves when they are synced and the pool has free stake.',
  },
  WorkerIdle: {
    word: 'computing',
    tone: 'good',
    meaning: 'It computes and earns.',
    remedy: '',
  },
  WorkerUnresponsive: {
    word: 'unresponsive',
    tone: 'bad',
    meaning:
      'The chain got no answer to its heartbeat challenges: V is being cut and nothing is earned.',
    remedy:
      'Check that it is at the head, that its messages get on chain, and that the operator can pay fees.',
  },
  WorkerCoolingDown: {
    word: 'cooling down',
    tone: 'idle',
    meaning: 'It was stopped. Its stake is locked until the cool-down is over.',
    remedy: 'Wait for the end of the cool-down, then reclaim it.',
  },
};

/** What an alert means and what to do about it. */
export const alertMeanings: Readonly<Record<AlertKind, { meaning: string; remedy: string }>> = {
  'no-provider': {
    meaning:
      'No data provider has been found, so the head of the chain is not known here and managers may get no blocks.',
    remedy:
      'Start a data provider, or name it in PTP_BOOT_NODES of the monitor: the address that it logs as “Walkie is up”.',
  },
  'no-manager': {
    meaning: 'No lifecycle manager has been found.',
    remedy:
      'Start one, or name it in PTP_BOOT_NODES of the monitor: the address that it logs as “Walkie is up”.',
  },
  'peer-gone': {
    meaning: 'A peer that was there has departed.',
    remedy: 'See whether its process runs and its host is up.',
  },
  'peer-failing': {
    meaning: 'A peer is there but does not answer as it should. What is shown of it is old.',
    remedy: 'Look at its log at the time given.',
  },
  'provider-behind': {
    meaning: 'A data provider serves blocks well behind the head that it knows of.',
    remedy: 'Its rate and ETA say whether it catches up. If not, look at its nodes, disk and log.',
  },
  'chain-stalled': {
    meaning: 'No data provider has seen a new finalised para block for long.',
    remedy:
      'Check the para node of the data providers: its peers, its sync state, whether it finalises.',
  },
  'workers-in-error': {
    meaning:
      'Workers have been in error for long enough that they did not recover by themselves at once.',
    remedy:
      'Group them by message: one cause often holds for all of them. Restart them once it is removed.',
  },
  'workers-behind': {
    meaning: 'Workers that are active fall behind the head.',
    remedy:
      'Check load, memory and network of their hosts, and that the data provider is at the head.',
  },
  'workers-unresponsive': {
    meaning: 'The chain gets no heartbeats of these workers: V is being cut.',
    remedy: 'Check that they are at the head, and the operator’s balance and transactions.',
  },
  'workers-kicked': {
    meaning: 'Workers were kicked and are left alone since.',
    remedy: 'Restart them here once their pRuntimes are up again.',
  },
  'transactions-failing': {
    meaning: 'Transactions failed lately.',
    remedy: 'Open the failed transactions: each says why and what to do.',
  },
  'queue-stuck': {
    meaning: 'Transactions have been waiting for long.',
    remedy: 'See whether the trader runs and reaches its node, and whether the operator can pay.',
  },
  'operator-balance-low': {
    meaning:
      'An operator’s account will soon not be able to pay fees; then no heartbeat gets on chain.',
    remedy: 'Send PHA to the account.',
  },
  'views-disagree': {
    meaning: 'Workers are active for their manager, while the chain says that they do not compute.',
    remedy:
      'Open one of them: its session tells what the chain thinks. Often it was stopped by somebody else.',
  },
};

/** What an action means, said before it is done. */
export interface ActionMeaning {
  /** For a button. */
  word: string;
  consequence: string;
  /** Whether a person should have to confirm it. */
  isGrave: boolean;
}

export const actionMeanings: Readonly<Record<ActionKind, ActionMeaning>> = {
  restart: {
    word: 'Restart',
    consequence:
      'The manager drops what it knows of the worker and begins anew. pRuntime and its data stay; nothing is lost on chain.',
    isGrave: false,
  },
  refreshRa: {
    word: 'Refresh attestation',
    consequence:
      'A new remote attestation is made and registered, which costs a fee; then the worker is restarted.',
    isGrave: false,
  },
  kick: {
    word: 'Kick',
    consequence:
      'pRuntime is told to quit. The worker misses heartbeats until it is up again and restarted here.',
    isGrave: true,
  },
  enable: {
    word: 'Enable',
    consequence: 'The manager drives the worker from now on.',
    isGrave: false,
  },
  disable: {
    word: 'Disable',
    consequence:
      'The manager leaves the worker alone: it falls behind, misses heartbeats and loses V. Its session on chain goes on.',
    isGrave: true,
  },
  move: {
    word: 'Move',
    consequence:
      'The worker is given another pool here. On chain it has to leave the old pool first: stopped, cooled down, reclaimed.',
    isGrave: true,
  },
  delete: {
    word: 'Delete',
    consequence:
      'The worker goes out of the inventory and is driven no more. Its session on chain goes on until it is stopped.',
    isGrave: true,
  },
  stop: {
    word: 'Stop computing',
    consequence:
      'The session on chain is stopped: nothing is earned, and the stake is locked until the cool-down is over.',
    isGrave: true,
  },
  drain: {
    word: 'Drain',
    consequence:
      'The session on chain is stopped, and the worker is disabled as soon as its last messages are on chain. Its stake is locked until the cool-down is over.',
    isGrave: true,
  },
  reclaim: {
    word: 'Reclaim',
    consequence: 'The stake goes back to the pool as soon as the worker has cooled down.',
    isGrave: false,
  },
  resume: {
    word: 'Resume',
    consequence: 'A stop or drain is taken back: the worker is driven and computes again.',
    isGrave: false,
  },
};

/** What to do about errors, by their codes. Errors of pallets carry their own remedy in the message. */
export const errorMeanings: Readonly<Record<string, { meaning: string; remedy: string }>> = {
  INVALID_FIELD: { meaning: 'A field breaks a rule.', remedy: 'Correct the field that is named.' },
  DUPLICATED: { meaning: 'Another row has that name or pool id.', remedy: 'Choose another one.' },
  NOT_FOUND: { meaning: 'It is not there, or no longer.', remedy: 'Look at the list anew.' },
  POOL_IN_USE: {
    meaning: 'Workers belong to the pool.',
    remedy: 'Delete or move its workers first.',
  },
  UNAUTHORIZED: {
    meaning: 'The manager lets this monitor change nothing.',
    remedy:
      'Give both the same PHALA_WALKIE_PSK, run the monitor on the manager’s host, or name its peer id in PHALA_WALKIE_ALLOWED_PEERS.',
  },
  CONFIG_MODE: {
    meaning: 'The manager runs in config mode and drives no workers.',
    remedy: 'Start it without PHALA_LIFECYCLE_CONFIG_MODE.',
  },
  WORKER_DISABLED: {
    meaning: 'The worker or its pool is disabled, so nothing runs that could take the command.',
    remedy: 'Enable both first.',
  },
  WORKER_IN_OTHER_POOL: {
    meaning: 'On chain the worker belongs to another pool than here.',
    remedy: 'Give it that pool here, or remove it from there on chain.',
  },
  WORKER_STALLED: {
    meaning: 'Its height stood still while the head moved on.',
    remedy: 'Check load and log of its pRuntime.',
  },
  WRONG_GENESIS: {
    meaning: 'Its pRuntime was set up for another chain.',
    remedy: 'Empty the data of the pRuntime and start it again.',
  },
  RELAY_CHAIN_UNSUPPORTED: {
    meaning: 'This pRuntime is too old for the relay chain.',
    remedy: 'Use a release that the chain allows.',
  },
  NO_ATTESTATION: {
    meaning: 'pRuntime gives no attestation to register with.',
    remedy: 'Check that SGX and its quote provider work on that host.',
  },
  TRANSACTION_FAILED: {
    meaning: 'A transaction for the worker failed.',
    remedy: 'Look at its transactions: the failed one says why.',
  },
  QUEUE_UNAVAILABLE: {
    meaning: 'The transaction queue did not take the job, or did not answer.',
    remedy: 'See whether Redis and the trader run.',
  },
  BLOB_UNAVAILABLE: {
    meaning: 'Blocks could not be had from any data provider.',
    remedy: 'See whether the data providers are up and at the head.',
  },
  RUNNER_GONE: {
    meaning: 'The process that drives the worker is gone; it is started again.',
    remedy: 'If it happens again, look at the manager’s log and memory.',
  },
  NO_OPERATOR: {
    meaning: 'The pool has no operator key.',
    remedy: 'Give the pool its operator’s phrase.',
  },
  OPERATOR_UNREADABLE: {
    meaning: 'The trader cannot open the operator’s key.',
    remedy: 'Trader and manager need the same identity; else give the pool its phrase again.',
  },
  UNKNOWN_POOL: { meaning: 'The chain has no such pool.', remedy: 'Check the pid.' },
  BALANCE_TOO_LOW: {
    meaning: 'The account that signs cannot pay the fee.',
    remedy: 'Send PHA to the operator’s account.',
  },
  CALL_FAILED: {
    meaning: 'The call got into a block and failed there.',
    remedy: 'The message names the pallet’s error and what to do.',
  },
  TRANSACTION_REFUSED: {
    meaning: 'The node did not take the transaction.',
    remedy: 'The message has the node’s own words.',
  },
  JOB_TOO_LARGE: { meaning: 'One job alone does not fit a block.', remedy: 'Report it.' },
  GAVE_UP: {
    meaning: 'It was tried as often as allowed and never got into a block.',
    remedy: 'Check that the node is synced and its peers take transactions.',
  },
  OUTCOME_UNREADABLE: {
    meaning: 'It is in a block, but what became of it cannot be read any more.',
    remedy: 'Give the trader a node that keeps more state.',
  },
  TIMEOUT: {
    meaning: 'It took too long.',
    remedy: 'Look whether the peer is overloaded, and try again.',
  },
  UNREACHABLE: {
    meaning: 'The peer cannot be reached.',
    remedy: 'See whether it runs and its address can be reached from here.',
  },
};
