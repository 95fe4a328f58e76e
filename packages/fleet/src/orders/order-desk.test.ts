import { afterEach, describe, expect, it } from 'vitest';

import { session } from '../rig/fake-chain.test.support.js';
import { FleetRig } from '../rig/fleet-rig.test.support.js';
import type { OrderAction } from './order.js';

let rig: FleetRig;
afterEach(async () => {
  await rig.close();
});

const isActive = (name: string) => () => rig.status(name) === 'S_ACTIVE';
const facts = (name: string) => rig.chain.of(rig.worker(name).publicKey);
const actions = (name: string) => rig.chain.actions(rig.worker(name).publicKey);
const ACTIVE = ['REGISTER_WORKER', 'ADD_WORKER', 'START_COMPUTING'];

/** Asks, and asks again with the confirmation. */
async function order(action: OrderAction, ...names: string[]): Promise<void> {
  const ids = names.map((name) => rig.uuid(name));
  const asked = await rig.orders.request(action, ids, '');
  expect(asked).toMatchObject({ accepted: false });
  const done = await rig.orders.request(action, ids, asked.confirmation);
  expect(done.accepted).toBe(true);
}

async function activeRig(count = 1): Promise<void> {
  rig = await FleetRig.create(count);
  rig.run();
  for (let index = 1; index <= count; index += 1) {
    await rig.until('active', isActive(`w${index}`));
  }
}

describe('an order', () => {
  it('does nothing without its confirmation, which tells what would happen', async () => {
    await activeRig();
    const ids = [rig.uuid('w1')];
    const { confirmation, effects } = await rig.orders.request('stop', ids, '');
    expect(effects).toMatchObject([{ name: 'w1', sessionState: 'WorkerIdle', possible: true }]);
    expect(effects[0]!.text).toContain('1000000000000');
    // Neither for another action, nor made up.
    for (const [action, text] of [
      ['drain', confirmation],
      ['stop', `${confirmation}0`],
      ['stop', `9${confirmation}`],
      ['stop', 'x'],
    ] as const) {
      expect(await rig.orders.request(action, ids, text)).toMatchObject({ accepted: false });
    }
    expect(rig.orders.list()).toEqual([]);
    expect(actions('w1')).toEqual(ACTIVE);
  });

  it('is not confirmed by what was seen before the worker changed', async () => {
    await activeRig();
    const ids = [rig.uuid('w1')];
    const { confirmation } = await rig.orders.request('stop', ids, '');
    facts('w1').session = { ...session('WorkerCoolingDown') };
    rig.chain.publish();
    const again = await rig.orders.request('stop', ids, confirmation);
    expect(again.accepted).toBe(false);
    expect((await rig.orders.request('stop', ids, again.confirmation)).accepted).toBe(true);
  });

  it('is not possible for one of several, so for none', async () => {
    await activeRig(2);
    const ids = [rig.uuid('w1'), rig.uuid('w2')];
    facts('w2').session = session('WorkerCoolingDown');
    rig.chain.publish();
    const { confirmation, effects } = await rig.orders.request('reclaim', ids, '');
    expect(confirmation).toBe('');
    expect(effects.map(({ possible }) => possible)).toEqual([false, true]);
  });

  it.each([
    [[], 'INVALID_FIELD'],
    [['nobody'], 'NOT_FOUND'],
  ])('for %j is refused', async (ids, code) => {
    await activeRig();
    await expect(rig.orders.request('stop', ids, '')).rejects.toMatchObject({ code });
  });

  it('is not possible for a worker that nothing may be sent for', async () => {
    await activeRig();
    await rig.inventory.updateWorkers([
      { id: { kind: 'name', name: 'w1' }, input: rig.input('w1', { syncOnly: true }) },
    ]);
    const { effects } = await rig.orders.request('stop', [rig.uuid('w1')], '');
    expect(effects).toMatchObject([{ possible: false }]);
  });
});

describe('stop', () => {
  it('ends computing, keeps the worker at the head, and computes again when resumed', async () => {
    await activeRig(2);
    const worker = rig.worker('w1');
    await order('stop', 'w1');
    await rig.until('stopped', () => facts('w1').session?.state === 'WorkerCoolingDown');
    await rig.until('shown', () => rig.status('w1') === 'S_SYNCHED');
    await rig.until('told', () => rig.message('w1').includes('Stopped by the operator'));
    expect(rig.orders.list()).toMatchObject([{ kind: 'stop' }]);
    await rig.until('done', () => rig.orders.list()[0]?.done === true);
    // Also when its session is Ready again, it does not compute.
    facts('w1').session = session('Ready');
    rig.chain.publish();
    const { head } = rig;
    await rig.until('goes on', () => worker.b > head + 5);
    expect(actions('w1')).toEqual([...ACTIVE, 'STOP_COMPUTING']);
    worker.say();
    await rig.until('hands in', () => rig.chain.ingress.get(worker.origin) === 1n);

    await order('resume', 'w1');
    await rig.until('computes again', isActive('w1'));
    expect(actions('w1').filter((a) => a !== 'BATCH_SYNC_MQ_MESSAGE')).toEqual([
      ...ACTIVE,
      'STOP_COMPUTING',
      'START_COMPUTING',
    ]);
    expect(rig.status('w2')).toBe('S_ACTIVE');
    expect(actions('w2')).toEqual(ACTIVE);
  });

  it('stands: whatever makes the worker compute again is undone', async () => {
    await activeRig();
    await order('stop', 'w1');
    await rig.until('stopped', () => facts('w1').session?.state === 'WorkerCoolingDown');
    facts('w1').session = session('WorkerIdle');
    rig.chain.publish();
    await rig.until('stopped again', () => facts('w1').session?.state === 'WorkerCoolingDown');
    expect(actions('w1').filter((action) => action === 'STOP_COMPUTING')).toHaveLength(2);
  });

  it('is tried again when its transaction fails, and says why', async () => {
    await activeRig();
    let failures = 2;
    rig.chain.reject = ({ job }) =>
      job.action === 'STOP_COMPUTING' && failures-- > 0 ? 'no balance' : undefined;
    await order('stop', 'w1');
    await rig.until('told', () => rig.orders.list()[0]!.text.includes('no balance'));
    await rig.until('stopped', () => facts('w1').session?.state === 'WorkerCoolingDown');
    const ids = rig.chain.jobs.filter(({ job }) => job.action === 'STOP_COMPUTING');
    expect(new Set(ids.map(({ id }) => id)).size).toBe(3);
  });

  it('survives a restart', async () => {
    await activeRig();
    rig.chain.reject = ({ job }) => (job.action === 'STOP_COMPUTING' ? 'not yet' : undefined);
    await order('stop', 'w1');
    await rig.orders.stop();
    rig.chain.reject = () => undefined;
    const again = rig.orderDesk();
    await again.start();
    await rig.until('stopped', () => facts('w1').session?.state === 'WorkerCoolingDown');
    await again.stop();
  });
});

describe('drain', () => {
  it('disables the worker when its last messages are on chain, not before', async () => {
    await activeRig();
    const worker = rig.worker('w1');
    rig.chain.reject = ({ job }) =>
      job.action === 'BATCH_SYNC_MQ_MESSAGE' ? 'not now' : undefined;
    worker.say();
    await order('drain', 'w1');
    await rig.until('stopped', () => facts('w1').session?.state === 'WorkerCoolingDown');
    await rig.until('waits', () => rig.orders.list()[0]!.text.includes('last messages'));
    const row = () => rig.inventory.snapshot.workers.get(rig.uuid('w1'))!;
    expect(row().enabled).toBe(true);
    rig.chain.reject = () => undefined;
    await rig.until('handed in', () => rig.chain.ingress.get(worker.origin) === 1n);
    worker.messages = [];
    await rig.until('disabled', () => !row().enabled);
    await rig.until('done', () => rig.orders.list()[0]?.done === true);

    // Its stake can be reclaimed though nobody drives it any more.
    await order('reclaim', 'w1');
    await rig.until('reclaimed', () => facts('w1').session?.state === 'Ready');

    // Enabled again, it is wanted again.
    await rig.inventory.updateWorkers([
      { id: { kind: 'name', name: 'w1' }, input: rig.input('w1') },
    ]);
    await rig.until('active', isActive('w1'));
    expect(rig.orders.list()).toEqual([]);
  });

  it('does not wait for ever for a worker that does not answer', async () => {
    await activeRig();
    const worker = rig.worker('w1');
    worker.say();
    worker.fault = () => {
      throw new Error('gone');
    };
    await order('drain', 'w1');
    const row = () => rig.inventory.snapshot.workers.get(rig.uuid('w1'))!;
    await rig.until('disabled', () => !row().enabled);
  });
});

describe('reclaim', () => {
  it('waits until the worker has cooled down', async () => {
    await activeRig();
    rig.chain.coolDownPeriodSec = 1_000;
    rig.chain.coolDownStart = BigInt(Math.floor(Date.now() / 1000));
    await order('stop', 'w1');
    await rig.until('stopped', () => facts('w1').session?.state === 'WorkerCoolingDown');
    await rig.until('seen', () => rig.orders.list()[0]?.done === true);
    await order('reclaim', 'w1');
    await rig.until('waits', () => rig.orders.list()[1]!.text.includes('Cools down until'));
    expect(rig.orders.list()[1]!.cooledDownMs).toBeGreaterThan(Date.now() + 900_000);
    expect(actions('w1')).not.toContain('RECLAIM_WORKER');
    rig.chain.coolDownPeriodSec = 0;
    rig.chain.publish();
    await rig.until('reclaimed', () => facts('w1').session?.state === 'Ready');
    await rig.until('over', () => rig.orders.list().length === 1);
    // The stop stands.
    expect(actions('w1').at(-1)).toBe('RECLAIM_WORKER');
    await order('resume', 'w1');
    await rig.until('active', isActive('w1'));
  });

  it('goes away with the worker', async () => {
    await activeRig();
    rig.chain.coolDownPeriodSec = 1_000_000_000_000;
    await order('stop', 'w1');
    await rig.until('stopped', () => facts('w1').session?.state === 'WorkerCoolingDown');
    await rig.until('seen', () => rig.orders.list()[0]?.done === true);
    await order('reclaim', 'w1');
    await rig.inventory.updateWorkers([{ id: { kind: 'name', name: 'w1' }, deleted: true }]);
    await rig.until('gone', () => rig.orders.list().length === 0);
  });
});
