import { toHex } from '../primitives/index.js';
import {
  asBob,
  bench,
  gatekeeper,
  inBatch,
  masterKey,
  NOBODY,
  pool,
  pool0,
  proxies,
  remark,
  session,
  STAKE,
  step,
  sudo,
  SCENARIO_START_MS,
  type Round,
} from './differential-steps.test.kit.js';
import { PHA } from './fixed-point.js';
import { devAccounts } from './genesis.js';
import { WPHA } from './pallets/assets.js';
import { sessionAccount } from './pallets/base-pool.js';
import { sessions, stakes } from './pallets/computation-decl.js';
import { proxies as proxyLists } from './pallets/proxy.js';
import { gatekeeperLaunchedAt, workers } from './pallets/registry-storage.js';
import { workerKey } from './worker.test.kit.js';

/** Rounds about pools, sessions and gatekeepers, after those about workers and messages. */
export function poolRounds(): Round[] {
  return [
    {
      steps: [
        step('add a worker without score', 'Alice', pool('addWorker', 0, 'first')),
        step('a benchmark', 'Eve', bench('first', 5n, 24_000)),
        step('a benchmark over the cap', 'Eve', bench('second', 0n, 60_000_000)),
        step('a third benchmark', 'Eve', bench('third', 0n, 24_000)),
        step('a fourth benchmark', 'Eve', bench('fourth', 0n, 24_000)),
        step('a benchmark of a slow one', 'Eve', bench('slow', 0n, 600)),
        step('a benchmark of one without operator', 'Eve', bench('free', 0n, 24_000)),
        step('a benchmark of a stranger', 'Eve', bench('stranger', 0n, 600)),
        step('a benchmark that ends before it begins', 'Eve', (s) => {
          const calls = s.worker('first');
          calls.sequence = 6n;
          return calls.benchReport(s.timestampMs + 3_600_000, 600);
        }),
        step('add a worker to no pool', 'Alice', pool('addWorker', 0, 'first')),
        step('create a pool', 'Alice', (s) => s.call('phalaStakePoolv2', 'create')),
        step(
          'create a pool by proxy',
          'Charlie',
          asBob((s) => s.call('phalaStakePoolv2', 'create')),
        ),
        step('create a second pool', 'Alice', (s) => s.call('phalaStakePoolv2', 'create')),
        step('wrap', 'Alice', (s) => s.call('phalaWrappedBalances', 'wrap', 100_000n * PHA)),
        step('wrap more than there is', 'Eve', (s) =>
          s.call('phalaWrappedBalances', 'wrap', 2_000_000n * PHA),
        ),
        step('unwrap', 'Alice', (s) => s.call('phalaWrappedBalances', 'unwrap', 10n * PHA)),
        step('unwrap more than there is', 'Alice', (s) =>
          s.call('phalaWrappedBalances', 'unwrap', 1_000_000n * PHA),
        ),
        step('fund a pool', 'Alice', (s) =>
          s.call('assets', 'transfer', WPHA, s.poolAccount(0n), 60_000n * PHA),
        ),
        step('fund a pool with more than there is', 'Alice', (s) =>
          s.call('assets', 'transfer', WPHA, s.poolAccount(0n), 60_000n * PHA),
        ),
        step('a cap', 'Alice', (s) => s.call('phalaStakePoolv2', 'setCap', 0, 90_000n * PHA)),
        step('a cap of no pool', 'Alice', (s) => s.call('phalaStakePoolv2', 'setCap', 77, PHA)),
        step('a cap by another', 'Bob', (s) => s.call('phalaStakePoolv2', 'setCap', 0, PHA)),
        step('a commission', 'Alice', (s) => s.call('phalaStakePoolv2', 'setPayoutPref', 0, 1000)),
        step('no commission', 'Alice', (s) => s.call('phalaStakePoolv2', 'setPayoutPref', 0, null)),
        step('rewards that are not there', 'Alice', (s) =>
          s.call('phalaStakePoolv2', 'claimOwnerRewards', 0, s.pairs.Alice.address),
        ),
        step('add before the gatekeepers’ launch', 'Alice', pool('addWorker', 0, 'first')),
      ],
    },
    {
      patch: (state) => gatekeeperLaunchedAt.put(state, [1, 1n]),
      steps: [
        step('add a stranger', 'Alice', pool('addWorker', 0, 'stranger')),
        step('add another’s worker', 'Bob', pool('addWorker', 1, 'first')),
        step('add without operator', 'Eve', pool('addWorker', 0, 'free')),
        step('add to another’s pool', 'Alice', pool('addWorker', 1, 'first')),
        step('add', 'Alice', pool('addWorker', 0, 'first')),
        step('add again', 'Alice', pool('addWorker', 0, 'first')),
        step('add to a second pool', 'Alice', pool('addWorker', 2, 'first')),
        step('add a third', 'Alice', pool('addWorker', 0, 'third')),
        step('add a slow one', 'Alice', pool('addWorker', 0, 'slow')),
        step('start a slow one', 'Alice', pool('startComputing', 0, 'slow', STAKE)),
        step('add by proxy', 'Charlie', asBob(inBatch(pool('addWorker', 1, 'second')))),
        step('start without stake', 'Alice', pool('startComputing', 2, 'first', STAKE)),
        step('start for another', 'Bob', pool('startComputing', 0, 'first', STAKE)),
        step('start a stranger', 'Alice', pool('startComputing', 0, 'stranger', STAKE)),
        step('start in no pool', 'Alice', pool('startComputing', 77, 'first', STAKE)),
        step('start with too little', 'Alice', pool('startComputing', 0, 'first', PHA)),
        step('start with too much', 'Alice', pool('startComputing', 0, 'first', 50_000n * PHA)),
        step('stop before the start', 'Alice', pool('stopComputing', 0, 'first')),
        step('reclaim before the start', 'Alice', pool('reclaimPoolWorker', 0, 'first')),
        step('restart before the start', 'Alice', pool('restartComputing', 0, 'first', STAKE)),
        step('start', 'Alice', inBatch(pool('startComputing', 0, 'first', STAKE))),
        step('start again', 'Alice', pool('startComputing', 0, 'first', STAKE)),
        step('remove while computing', 'Alice', pool('removeWorker', 0, 'first')),
        step('restart with less', 'Alice', pool('restartComputing', 0, 'first', STAKE)),
        step('restart', 'Alice', pool('restartComputing', 0, 'first', STAKE + PHA)),
        step('a heartbeat', 'Eve', (s) => {
          const calls = s.worker('first');
          calls.sequence = 7n;
          return calls.heartbeat(SCENARIO_START_MS + 60_000, 100_000);
        }),
        step('force a heartbeat as nobody', 'Eve', (s) =>
          s.call('phalaComputation', 'forceHeartbeat'),
        ),
        sudo('force a heartbeat', (s) => s.call('phalaComputation', 'forceHeartbeat')),
        step('unbind another’s session', 'Bob', (s) =>
          s.call('phalaComputation', 'unbind', session(0n, 'first')(s)),
        ),
        step('unbind nobody’s session', 'Bob', (s) => s.call('phalaComputation', 'unbind', NOBODY)),
        step('stop for another', 'Bob', pool('stopComputing', 0, 'first')),
        step('stop a stranger', 'Alice', pool('stopComputing', 0, 'stranger')),
        step('stop', 'Alice', pool('stopComputing', 0, 'first')),
        step('stop again', 'Alice', pool('stopComputing', 0, 'first')),
        step('reclaim too early', 'Eve', pool('reclaimPoolWorker', 0, 'first')),
        step('reclaim a stranger', 'Eve', pool('reclaimPoolWorker', 0, 'stranger')),
        step('reclaim in no pool', 'Eve', pool('reclaimPoolWorker', 77, 'first')),
        step('remove while cooling down', 'Alice', pool('removeWorker', 0, 'first')),
        step('remove from another pool', 'Alice', pool('removeWorker', 2, 'first')),
        step('remove a stranger', 'Alice', pool('removeWorker', 0, 'stranger')),
        sudo('shorten the cool-down', (s) =>
          s.call('phalaComputation', 'setCoolDownExpiration', 60),
        ),
      ],
    },
    {
      steps: [
        sudo('a gatekeeper', (s) =>
          s.call('phalaRegistry', 'registerGatekeeper', toHex(s.worker('first').key)),
        ),
        sudo('a second gatekeeper too early', (s) =>
          s.call('phalaRegistry', 'registerGatekeeper', toHex(s.worker('second').key)),
        ),
        step('a master key of no gatekeeper', 'Eve', masterKey('second', 1n)),
        step('the master key', 'Eve', masterKey('first', 8n)),
        step('another master key', 'Eve', masterKey('first', 9n)),
        sudo('a second gatekeeper', (s) =>
          s.call('phalaRegistry', 'registerGatekeeper', toHex(s.worker('second').key)),
        ),
        sudo('the second gatekeeper goes', (s) =>
          s.call('phalaRegistry', 'unregisterGatekeeper', toHex(s.worker('second').key)),
        ),
        sudo('the second gatekeeper goes again', (s) =>
          s.call('phalaRegistry', 'unregisterGatekeeper', toHex(s.worker('second').key)),
        ),
        sudo('the last gatekeeper goes', (s) =>
          s.call('phalaRegistry', 'unregisterGatekeeper', toHex(s.worker('first').key)),
        ),
        step('start by proxy', 'Charlie', asBob(inBatch(pool('startComputing', 1, 'second', PHA)))),
      ],
    },
    {
      // The launch that counts is an old one again: no worker here was registered after it otherwise.
      patch: (state) => gatekeeperLaunchedAt.put(state, [1, 1n]),
      steps: [
        step('a gatekeeper’s word out of order', 'Eve', inBatch(gatekeeper(5n, {}))),
        step(
          'the gatekeeper about one who does not compute',
          'Eve',
          gatekeeper(0n, { offline: ['first'] }),
        ),
        step('start for the gatekeeper', 'Alice', pool('startComputing', 0, 'third', STAKE)),
        step('offline', 'Eve', gatekeeper(1n, { offline: ['third'] })),
        step('offline again', 'Eve', gatekeeper(2n, { offline: ['third'] })),
        step('a heartbeat of the unresponsive', 'Eve', (s) => {
          const calls = s.worker('third');
          calls.sequence = 1n;
          return calls.heartbeat(SCENARIO_START_MS + 60_000, 100_000);
        }),
        step('recovered', 'Eve', gatekeeper(3n, { recovered: ['third'] })),
        step('recovered again', 'Eve', gatekeeper(4n, { recovered: ['third'] })),
        step('offline to the end', 'Eve', gatekeeper(5n, { offline: ['third'] })),
        step('stop the unresponsive', 'Alice', pool('stopComputing', 0, 'third')),
      ],
    },
    {
      patch: (state) =>
        pool0(state, (before) => ({
          workers: Array.from({ length: 200 }, (_, i) => new Uint8Array(32).fill(i)),
          basepool: {
            ...before.basepool,
            withdrawQueue: [{ user: devAccounts().Alice, startTime: 1n, nftId: 1 }],
            totalValue: PHA,
          },
        })),
      steps: [
        step('add to a full pool', 'Alice', pool('addWorker', 0, 'fourth')),
        step('restart with withdrawals', 'Alice', pool('restartComputing', 0, 'third', STAKE)),
        step('a cap below the value', 'Alice', (s) => s.call('phalaStakePoolv2', 'setCap', 0, 0)),
      ],
    },
    {
      patch: (state) => {
        pool0(state, (before) => ({
          workers: ['first', 'third', 'slow'].map((name) => workerKey(name)),
          basepool: { ...before.basepool, withdrawQueue: [], totalValue: 0n },
        }));
        sessions.remove(state, sessionAccount(0n, workerKey('slow')));
        stakes.put(state, sessionAccount(1n, workerKey('second')), 1n);
        const many = Array.from({ length: 32 }, (_, i) => ({
          delegate: new Uint8Array(32).fill(i),
          proxyType: { type: 'Any' as const },
          delay: 0,
        }));
        proxyLists.put(state, devAccounts().Dave, [many, 0n]);
      },
      steps: [
        step('remove without a session', 'Alice', pool('removeWorker', 0, 'slow')),
        step('start over a stake', 'Bob', pool('startComputing', 1, 'second', 0)),
        step('a proxy too many', 'Dave', proxies('addProxy', 'Eve', 'Any')),
      ],
    },
    {
      patch: (state) => {
        const second = workers.get(state, workerKey('second'));
        if (!second) throw new Error('there is no second worker');
        workers.put(state, second.pubkey, { ...second, initialScore: undefined });
        stakes.remove(state, sessionAccount(1n, second.pubkey));
      },
      steps: [step('start without score', 'Bob', pool('startComputing', 1, 'second', 0))],
    },
    {
      patch: (state) => workers.remove(state, workerKey('second')),
      steps: [
        step('unbind the unregistered', 'Bob', (s) =>
          s.call('phalaComputation', 'unbind', session(1n, 'second')(s)),
        ),
      ],
    },
    {
      afterMs: 60_000,
      steps: [
        step('reclaim', 'Eve', pool('reclaimPoolWorker', 0, 'first')),
        step('reclaim again', 'Eve', pool('reclaimPoolWorker', 0, 'first')),
        step('remove', 'Alice', pool('removeWorker', 0, 'first')),
        step('remove again', 'Alice', pool('removeWorker', 0, 'first')),
        step('add once more', 'Alice', pool('addWorker', 0, 'first')),
        step('start once more', 'Alice', pool('startComputing', 0, 'first', STAKE)),
        step('unbind while computing', 'Alice', (s) =>
          s.call('phalaComputation', 'unbind', session(0n, 'first')(s)),
        ),
        step('unbind again', 'Alice', (s) =>
          s.call('phalaComputation', 'unbind', session(0n, 'first')(s)),
        ),
        step('add after unbinding', 'Alice', pool('addWorker', 0, 'first')),
        step('reclaim after unbinding', 'Eve', pool('reclaimPoolWorker', 0, 'first')),
        sudo('heartbeats off', (s) => s.call('phalaComputation', 'setHeartbeatPaused', true)),
        sudo('another sudo', (s) => s.call('sudo', 'setKey', { Id: s.pairs.Eve.address })),
        step('hand sudo on', 'Alice', (s) => s.call('sudo', 'setKey', { Id: s.pairs.Eve.address })),
        step('sudo after handing on', 'Alice', (s) => s.call('sudo', 'sudo', remark(s))),
      ],
    },
  ];
}
