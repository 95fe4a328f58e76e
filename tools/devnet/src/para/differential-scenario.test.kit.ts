import { toHex, utf8 } from '../primitives/index.js';
import { poolRounds } from './differential-pools.test.kit.js';
import {
  asBob,
  endpoint,
  inBatch,
  NOBODY,
  pay,
  proxies,
  registry,
  remark,
  say,
  step,
  sudo,
  tooMuch,
  unattested,
  withReport,
  type Round,
} from './differential-steps.test.kit.js';
import { PHA } from './fixed-point.js';
import { heartbeatPaused } from './pallets/computation-decl.js';

/** All rounds in order; `reports` is the folder of the recorded attestation reports. */
export function scenario(reports: string): Round[] {
  const report2021 = `${reports}/ias_attestation-2021-09-12.json`;
  const report2023 = `${reports}/ias_attestation-2023-10-18.json`;
  return [
    {
      // The seeds of challenges depend on block hashes; a forced one does not.
      patch: (state) => heartbeatPaused.put(state, true),
      steps: [
        step('a remark', 'Alice', remark),
        step('a remark with event', 'Eve', (s) => s.call('system', 'remarkWithEvent', '0x0102')),
        step('a payment', 'Alice', (s) => pay(s, PHA)),
        step('a payment beyond the balance', 'Alice', tooMuch),
        step('batch stops', 'Alice', (s) =>
          s.call('utility', 'batch', [remark(s), tooMuch(s), remark(s)]),
        ),
        step('batchAll undoes', 'Alice', (s) =>
          s.call('utility', 'batchAll', [pay(s, PHA), tooMuch(s)]),
        ),
        step('batchAll', 'Alice', (s) => s.call('utility', 'batchAll', [pay(s, PHA), remark(s)])),
        step('batchAll in batchAll', 'Alice', (s) =>
          s.call('utility', 'batchAll', [s.call('utility', 'batchAll', [remark(s)])]),
        ),
        step('forceBatch goes on', 'Alice', inBatch(remark, tooMuch, remark)),
        step('forceBatch', 'Alice', inBatch(remark, remark)),
        step('forceBatch of nothing', 'Alice', inBatch()),
        step('a batch of too many', 'Alice', inBatch(...Array<typeof remark>(10_923).fill(remark))),
        step('sudo by another', 'Bob', (s) => s.call('sudo', 'sudo', remark(s))),
        sudo('of what fails', tooMuch),
        step('a call for root', 'Bob', registry('addPruntime', '0x01')),
      ],
    },
    {
      steps: [
        step('a proxy to oneself', 'Dave', proxies('addProxy', 'Dave', 'Any')),
        step('a proxy', 'Dave', proxies('addProxy', 'Eve', 'NonTransfer')),
        step('the same proxy again', 'Dave', proxies('addProxy', 'Eve', 'NonTransfer')),
        step('a delayed proxy', 'Dave', proxies('addProxy', 'Ferdie', 'Any', 5)),
        step('through a delayed proxy', 'Ferdie', (s) =>
          s.call('proxy', 'proxy', { Id: s.pairs.Dave.address }, 'Any', remark(s)),
        ),
        step('no such proxy to remove', 'Dave', proxies('removeProxy', 'Eve', 'Collator')),
        step('remove a proxy', 'Dave', proxies('removeProxy', 'Ferdie', 'Any', 5)),
        step('remove all proxies', 'Dave', (s) => s.call('proxy', 'removeProxies')),
        step('without being a proxy', 'Eve', asBob(inBatch())),
        step('a proxy of another type', 'Charlie', asBob(inBatch(), 'Any')),
        step('a proxy of the type', 'Charlie', asBob(inBatch(), 'StakePoolManager')),
        step(
          'outside the type',
          'Charlie',
          asBob((s) => pay(s, PHA)),
        ),
        step('outside the type in a batch', 'Charlie', asBob(inBatch((s) => pay(s, PHA), remark))),
        step(
          'a manager may not set a cap',
          'Charlie',
          asBob((s) => s.call('phalaStakePoolv2', 'setCap', 1, PHA)),
        ),
      ],
    },
    {
      steps: [
        step('a worker', 'Alice', unattested('first', 'Alice')),
        step('the same worker again', 'Eve', unattested('first', 'Alice')),
        step(
          'a v1 worker by proxy',
          'Charlie',
          asBob(inBatch((s) => s.worker('attested').registration())),
        ),
        step(
          'a v2 worker by proxy',
          'Charlie',
          asBob(inBatch((s) => s.worker('other').registration({ version: 2, paraId: 2035 }))),
        ),
        step('a worker of Bob’s', 'Bob', unattested('second', 'Bob')),
        step('a slow worker', 'Alice', unattested('slow', 'Alice')),
        step('a third worker', 'Alice', unattested('third', 'Alice')),
        step('a fourth worker', 'Alice', unattested('fourth', 'Alice')),
        step('a worker without operator', 'Eve', (s) =>
          s.worker('free').registration({ version: 2, report: null, operator: undefined }),
        ),
        step('a worker of another parachain', 'Alice', (s) =>
          s.worker('other').registration({ version: 2, report: null, paraId: 2035 }),
        ),
        step('a report that is not Intel’s', 'Alice', (s) => s.worker('attested').registration()),
        step('a v2 report that is not Intel’s', 'Alice', (s) =>
          s.worker('attested').registration({ version: 2 }),
        ),
        step('a report of somebody else', 'Alice', withReport(report2023)),
        step('an old report', 'Alice', withReport(report2021)),
        step(
          'a report with a flipped bit',
          'Alice',
          withReport(report2023, (bytes) => {
            bytes[100] = (bytes[100] ?? 0) ^ 1;
          }),
        ),
        sudo('add a build', registry('addPruntime', '0x0102')),
        sudo('add a build again', registry('addPruntime', '0x0102')),
        sudo('remove a build', registry('removePruntime', '0x0102')),
        sudo('remove a build again', registry('removePruntime', '0x0102')),
        sudo('add a genesis', registry('addRelaychainGenesisBlockHash', NOBODY)),
        sudo('add a genesis again', registry('addRelaychainGenesisBlockHash', NOBODY)),
        sudo('remove a genesis', registry('removeRelaychainGenesisBlockHash', NOBODY)),
        sudo('remove a genesis again', registry('removeRelaychainGenesisBlockHash', NOBODY)),
        sudo('least version', registry('setMinimumPruntimeVersion', 2, 0, 1)),
        sudo('consensus version', registry('setPruntimeConsensusVersion', 1)),
        sudo('a gatekeeper that is not registered', registry('registerGatekeeper', NOBODY)),
        sudo('a worker by force', registry('forceRegisterWorker', NOBODY, NOBODY, null)),
        step('an endpoint', 'Eve', endpoint('first', 0)),
        step('an endpoint of a stranger', 'Eve', endpoint('stranger', 0)),
        step('an endpoint signed too long ago', 'Eve', endpoint('first', 4 * 3_600_000)),
        step('an endpoint signed in the future', 'Eve', endpoint('first', -3_600_000)),
        step('an endpoint, signature too short', 'Eve', endpoint('first', 0, '0x00')),
        step('an endpoint, wrong signature', 'Eve', endpoint('first', 0, `0x${'00'.repeat(64)}`)),
      ],
    },
    {
      steps: [
        step('a message', 'Eve', say('a/topic', 0n)),
        step('a sequence twice', 'Eve', inBatch(say('a/topic', 0n))),
        step('a sequence too high', 'Eve', inBatch(say('a/topic', 2n))),
        step('messages in order', 'Eve', inBatch(say('a/topic', 1n), say('^a/topic', 2n))),
        step('messages out of order', 'Eve', inBatch(say('a', 4n), say('a', 3n), say('a', 5n))),
        step(
          'a message with another’s signature',
          'Eve',
          inBatch(say('a', 4n, { signature: new Uint8Array(64).fill(7) })),
        ),
        step(
          'a message with a short signature',
          'Eve',
          inBatch(say('a', 4n, { signature: new Uint8Array(3) })),
        ),
        step('a message of a pallet', 'Eve', inBatch(say('a', 0n, { sender: { Pallet: '0x01' } }))),
        step(
          'a message of an account',
          'Eve',
          inBatch(say('a', 0n, { sender: { AccountId: NOBODY } })),
        ),
        step('a message of the gatekeeper', 'Eve', inBatch(say('a', 0n, { sender: 'Gatekeeper' }))),
        step(
          'a message of an unknown contract',
          'Eve',
          inBatch(say('a', 0n, { sender: { Contract: NOBODY } })),
        ),
        step(
          'a message of an unknown cluster',
          'Eve',
          inBatch(say('a', 0n, { sender: { Cluster: NOBODY } })),
        ),
        step('a message to nowhere', 'Eve', inBatch(say('', 4n))),
        step('a message to a reserved place', 'Eve', inBatch(say('~a', 4n))),
        step('an account’s message', 'Eve', (s) =>
          s.call('phalaMq', 'pushMessage', toHex(utf8('a')), '0x01'),
        ),
        step('an account’s message to nowhere', 'Eve', (s) =>
          s.call('phalaMq', 'pushMessage', '0x', '0x01'),
        ),
        sudo('a pallet’s message', (s) =>
          s.call('phalaMq', 'forcePushPalletMessage', toHex(utf8('a')), '0x01'),
        ),
        step('a message that no listener can read', 'Eve', (s) =>
          s.worker('first').message('^phala/registry/event', Uint8Array.of(99), { sequence: 4n }),
        ),
      ],
    },
    { steps: [{ ...step('a stale message', 'Eve', say('a', 1n)), isInvalid: true }] },
    { steps: [{ ...step('a future message', 'Eve', say('a', 9n)), isInvalid: true }] },
    { steps: [{ ...step('a used nonce', 'Eve', remark), nonceOffset: -1, isInvalid: true }] },
    { steps: [{ ...step('a future nonce', 'Eve', remark), nonceOffset: 1, isInvalid: true }] },
    { steps: [{ ...step('another runtime’s', 'Eve', remark), specVersion: 1, isInvalid: true }] },
    ...poolRounds(),
  ];
}
