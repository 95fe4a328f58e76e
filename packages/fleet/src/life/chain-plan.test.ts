import { describe, expect, it } from 'vitest';

import { planNext, REREGISTER_BLOCKS, type PlanInput } from './chain-plan.js';

const OPERATOR = '0xaa';
const base: PlanInput = {
  spec: { poolId: 7n, stake: 100n, operatorAccount: OPERATOR, halted: false },
  settings: { skipRa: false, minScore: 50, enforceMinScore: false },
  facts: {
    publicKey: '0x01',
    registered: true,
    operator: OPERATOR,
    initialScore: 20,
    poolId: 7n,
    sessionState: 'WorkerIdle',
    stake: 100n,
  },
  block: 1_000,
  freeStake: 1_000n,
  registeredAtWorker: true,
  workerBlock: 1_000,
  refreshRa: undefined,
  lastRegistration: 990,
};
const late = 1_000 - REREGISTER_BLOCKS;
const facts = (over: Partial<PlanInput['facts']>) => ({ facts: { ...base.facts, ...over } });
const enforced = { settings: { ...base.settings, enforceMinScore: true } };

describe('planNext', () => {
  it.each<[string, Partial<PlanInput>, object]>([
    ['all as wanted', {}, { kind: 'done', notice: undefined }],
    [
      'unresponsive',
      facts({ sessionState: 'WorkerUnresponsive' }),
      { kind: 'done', notice: /unresponsive/ },
    ],
    ['not registered', facts({ registered: false }), { kind: 'register', epoch: 'new' }],
    [
      'not registered, just seen',
      { ...facts({ registered: false }), lastRegistration: undefined },
      { kind: 'register' },
    ],
    ['another operator', facts({ operator: '0xbb' }), { kind: 'register', epoch: 'operator-0xbb' }],
    ['no operator', facts({ operator: undefined }), { kind: 'register', epoch: 'operator-none' }],
    [
      'refresh wanted',
      { refreshRa: 5 },
      { kind: 'register', epoch: 'refresh-5', forceRefresh: true },
    ],
    [
      'refresh wanted while cooling down',
      { refreshRa: 5, ...facts({ sessionState: 'WorkerCoolingDown' }) },
      { kind: 'register', epoch: 'refresh-5', forceRefresh: true },
    ],
    [
      'refresh wanted where no attestation is possible',
      { refreshRa: 5, settings: { ...base.settings, skipRa: true } },
      { kind: 'hold' },
    ],
    ['stopped by order', { spec: { ...base.spec, halted: true } }, { kind: 'hold' }],
    [
      'stopped by order, ready',
      { spec: { ...base.spec, halted: true }, ...facts({ sessionState: 'Ready' }) },
      { kind: 'hold' },
    ],
    [
      'stopped by order, not registered',
      { spec: { ...base.spec, halted: true }, ...facts({ registered: false }) },
      { kind: 'hold' },
    ],
    [
      'no attestation possible',
      { ...facts({ registered: false }), settings: { ...base.settings, skipRa: true } },
      { kind: 'hold' },
    ],
    [
      'worker missed its registration, just now',
      { registeredAtWorker: false, workerBlock: 1_010 },
      { kind: 'done' },
    ],
    [
      'worker missed its registration',
      { registeredAtWorker: false, workerBlock: 1_010, lastRegistration: late },
      { kind: 'register' },
    ],
    [
      'worker did not come there yet',
      { registeredAtWorker: false, workerBlock: 1_000, lastRegistration: late },
      { kind: 'done' },
    ],
    ['no score yet', facts({ initialScore: undefined, poolId: undefined }), { kind: 'wait' }],
    [
      'no score for long',
      { ...facts({ initialScore: undefined, poolId: undefined }), lastRegistration: late },
      { kind: 'register' },
    ],
    [
      'low score, not enforced, in no pool',
      facts({ poolId: undefined }),
      { kind: 'addToPool', epoch: 'pool-7' },
    ],
    [
      'low score, enforced, in no pool',
      { ...enforced, ...facts({ poolId: undefined }) },
      { kind: 'wait' },
    ],
    [
      'low score, enforced, for long',
      { ...enforced, ...facts({ poolId: undefined }), lastRegistration: late },
      { kind: 'register' },
    ],
    [
      'low score, enforced, after a restart',
      { ...enforced, ...facts({ poolId: undefined }), lastRegistration: undefined },
      { kind: 'wait' },
    ],
    [
      'score at the minimum, enforced',
      { ...enforced, ...facts({ initialScore: 50, poolId: undefined }) },
      { kind: 'wait' },
    ],
    [
      'score above the minimum, enforced',
      { ...enforced, ...facts({ initialScore: 51, poolId: undefined }) },
      { kind: 'addToPool' },
    ],
    ['in another pool', facts({ poolId: 8n }), { kind: 'otherPool', poolId: 8n }],
    [
      'in another pool, not registered',
      facts({ poolId: 8n, registered: false }),
      { kind: 'otherPool' },
    ],
    ['bound, session not seen yet', facts({ sessionState: undefined }), { kind: 'wait' }],
    ['ready', facts({ sessionState: 'Ready' }), { kind: 'start', epoch: 'ready-100' }],
    [
      'ready, just enough stake',
      { ...facts({ sessionState: 'Ready' }), freeStake: 100n },
      { kind: 'start' },
    ],
    [
      'ready, too little stake',
      { ...facts({ sessionState: 'Ready' }), freeStake: 99n },
      { kind: 'wait' },
    ],
    [
      'ready, free stake unknown',
      { ...facts({ sessionState: 'Ready' }), freeStake: undefined },
      { kind: 'start' },
    ],
    ['cooling down', facts({ sessionState: 'WorkerCoolingDown' }), { kind: 'hold' }],
    ['stake raised', facts({ stake: 60n }), { kind: 'restart', epoch: '60-100' }],
    [
      'stake raised beyond what is free',
      { ...facts({ stake: 60n }), freeStake: 39n },
      { kind: 'done', notice: /cannot be raised/ },
    ],
    [
      'stake raised to all that is free',
      { ...facts({ stake: 60n }), freeStake: 40n },
      { kind: 'restart' },
    ],
    ['stake lowered', facts({ stake: 101n }), { kind: 'done' }],
  ])('%s', (_id, over, expected) => {
    const { notice, ...rest } = expected as { notice?: RegExp };
    const plan = planNext({ ...base, ...over });
    expect(plan).toMatchObject(rest);
    if (notice) expect((plan as { notice?: string }).notice).toMatch(notice);
  });
});
