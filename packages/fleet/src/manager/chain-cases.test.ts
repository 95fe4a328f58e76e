import type { Hex } from '@runtime-bridge/base';
import { afterEach, describe, expect, it } from 'vitest';

import { OPERATOR, session } from '../rig/fake-chain.test.support.js';
import { FleetRig, rigSettings } from '../rig/fleet-rig.test.support.js';

/** What the chain can say of a worker, and what becomes of it. */

const PHA = 1_000_000_000_000n;
const STRANGER: Hex = `0x${'bb'.repeat(32)}`;

let rig: FleetRig;
afterEach(async () => {
  await rig.close();
});

const isActive = (name: string) => () => rig.status(name) === 'S_ACTIVE';
const factsOf = (name: string) => rig.chain.of(rig.worker(name).publicKey);
const actions = (name: string) => rig.chain.actions(rig.worker(name).publicKey);

/** As one that has been computing for long. */
function settle(name: string, over: object = {}): void {
  rig.worker(name).registered = true;
  Object.assign(factsOf(name), {
    registered: true,
    operator: OPERATOR,
    initialScore: 100,
    poolId: 7n,
    session: session('WorkerIdle'),
    stake: PHA,
    ...over,
  });
}

describe('a worker that computes already', () => {
  it('costs no transaction', async () => {
    rig = await FleetRig.create(1);
    settle('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    expect(rig.chain.jobs).toEqual([]);
  });

  it('is registered again when the chain has another operator for it', async () => {
    rig = await FleetRig.create(1);
    settle('w1', { operator: STRANGER });
    rig.run();
    await rig.until('active', isActive('w1'));
    expect(actions('w1')).toEqual(['REGISTER_WORKER']);
    expect(rig.chain.jobs[0]!.id).toContain(`operator-${STRANGER}`);
  });

  it('is said to be unresponsive, and that it no longer is', async () => {
    rig = await FleetRig.create(1);
    settle('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    factsOf('w1').session = session('WorkerUnresponsive');
    await rig.until('noticed', () => rig.message('w1').includes('Notice: worker unresponsive!'));
    expect(rig.status('w1')).toBe('S_ACTIVE');
    factsOf('w1').session = session('WorkerIdle');
    await rig.until('over', () => rig.message('w1').includes('Now the worker should be active.'));
    expect(rig.chain.jobs).toEqual([]);
  });

  it('raises the stake also of one that is unresponsive', async () => {
    rig = await FleetRig.create(1);
    settle('w1', { session: session('WorkerUnresponsive'), stake: PHA / 2n });
    rig.run();
    await rig.until('raised', () => actions('w1').includes('RESTART_COMPUTING'));
    await rig.until('active', isActive('w1'));
  });

  it('is in error while it belongs to another pool, and goes on by itself when it is back', async () => {
    rig = await FleetRig.create(1);
    settle('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    factsOf('w1').poolId = 8n;
    await rig.until('in error', () => rig.status('w1') === 'S_ERROR');
    expect(rig.fleet.snapshot(rig.uuid('w1'))?.error).toMatchObject({
      code: 'WORKER_IN_OTHER_POOL',
    });
    factsOf('w1').poolId = 7n;
    await rig.until('active again', isActive('w1'));
    expect(rig.chain.jobs).toEqual([]);
  });

  it('is put to compute again in its new session when it was removed and added anew', async () => {
    rig = await FleetRig.create(1);
    settle('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    const facts = factsOf('w1');
    delete facts.poolId;
    delete facts.session;
    delete facts.stake;
    await rig.until('computes', () => actions('w1').length === 2);
    await rig.until('active', isActive('w1'));
    expect(actions('w1')).toEqual(['ADD_WORKER', 'START_COMPUTING']);
  });

  it('waits for stake of its pool before it starts, and says how much there is', async () => {
    rig = await FleetRig.create(1);
    settle('w1', { session: session('Ready'), stake: undefined });
    rig.chain.freeStake = PHA - 1n;
    rig.run();
    await rig.until('waits', () => rig.message('w1').includes('Waiting for stake: pool 7 has'));
    expect(rig.chain.jobs).toEqual([]);
    rig.chain.freeStake = PHA;
    await rig.until('active', isActive('w1'));
  });
});

describe('the minimum score', () => {
  const enforced = { settings: { ...rigSettings, enforceMinScore: true } };

  it('when enforced, has a worker registered again until its score exceeds it, at most every 50 blocks', async () => {
    rig = await FleetRig.create(1, enforced);
    rig.chain.score = 50;
    const blocks: number[] = [];
    rig.chain.reject = ({ job }) => {
      if (job.action === 'REGISTER_WORKER') {
        blocks.push(rig.chain.block);
        rig.chain.score = blocks.length < 3 ? 50 : 51;
      }
      return undefined;
    };
    rig.run(5, 4);
    await rig.until('active', isActive('w1'), 20_000);
    expect(actions('w1')).toEqual([
      ...['REGISTER_WORKER', 'REGISTER_WORKER', 'REGISTER_WORKER'],
      ...['ADD_WORKER', 'START_COMPUTING'],
    ]);
    expect(blocks[1]! - blocks[0]!).toBeGreaterThanOrEqual(49);
    expect(blocks[2]! - blocks[1]!).toBeGreaterThanOrEqual(49);
  }, 30_000);

  it('is no reason to register because of a restart alone', async () => {
    rig = await FleetRig.create(1, enforced);
    settle('w1', { initialScore: 20, session: undefined, poolId: undefined });
    rig.run();
    await rig.until('waits', () => rig.message('w1').includes('Waiting for benchmark'));
    await rig.fleet.command(rig.uuid('w1'), 'restart');
    await rig.until('waits', () => rig.message('w1').includes('Waiting for benchmark'));
    expect(rig.chain.jobs).toEqual([]);
  });

  it('when not enforced, is met by any score', async () => {
    rig = await FleetRig.create(1);
    rig.chain.score = 1;
    rig.run();
    await rig.until('active', isActive('w1'));
    expect(actions('w1')).toEqual(['REGISTER_WORKER', 'ADD_WORKER', 'START_COMPUTING']);
  });
});

describe('sync only', () => {
  it.each(['worker', 'pool', 'manager'])(
    'of the %s keeps workers at the head, no more',
    async (level) => {
      rig = await FleetRig.create(0, { syncOnly: level === 'manager' });
      if (level === 'pool') {
        await rig.inventory.updatePools([
          {
            id: { kind: 'poolId', poolId: 7n },
            input: {
              poolId: 7n,
              name: 'pool',
              enabled: true,
              syncOnly: true,
              proxiedAccount: '',
              mnemonic: '',
            },
          },
        ]);
      }
      const worker = await rig.add('w1', { syncOnly: level === 'worker' });
      rig.run();
      await rig.until('said so', () => rig.message('w1').includes('Sync only mode enabled'));
      worker.say();
      const { head } = rig;
      await rig.until('at the head', () => rig.head > head + 10 && worker.b > rig.head - 2);
      expect(rig.status('w1')).toBe('S_SYNCHED');
      expect(rig.chain.jobs).toEqual([]);
      expect(worker.calls).not.toContain('getEgressMessages');
    },
  );
});

describe('registration', () => {
  it('of a pRuntime that needs the second call waits for a chain that has it', async () => {
    rig = await FleetRig.create(1);
    rig.supportsV2 = false;
    rig.worker('w1').encodedReport = true;
    rig.run();
    await rig.until('in error', () => rig.status('w1') === 'S_ERROR');
    expect(rig.fleet.snapshot(rig.uuid('w1'))?.error?.code).toBe('REGISTRATION_UNSUPPORTED');
    expect(rig.chain.jobs).toEqual([]);
    rig.supportsV2 = true;
    await rig.until('active', isActive('w1'));
  });

  it('takes the report as it is, whoever attested it', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    worker.encodedReport = true;
    // An Option of AttestationReport::SgxDcap, as a pRuntime with DCAP gives it.
    const original = worker.getRuntimeInfo.bind(worker);
    worker.getRuntimeInfo = async () => ({
      ...(await original()),
      attestation: {
        kind: 'encodedReport',
        provider: '"dcap"',
        encodedReport: Uint8Array.of(1, 1, 8, 0xab, 0xcd, 0),
      },
    });
    rig.run();
    await rig.until('active', isActive('w1'));
    expect(rig.chain.jobs[0]!.job).toMatchObject({
      payload: { version: 'v2', attestation: '0x010108abcd00' },
    });
  });

  it('is not repeated by a refresh that was asked for once, not even of one that cools down', async () => {
    rig = await FleetRig.create(1);
    settle('w1', { session: session('WorkerCoolingDown') });
    rig.run();
    await rig.until('held', () => rig.message('w1').includes('cooling down'));
    await rig.fleet.command(rig.uuid('w1'), 'refreshRa');
    await rig.until('held again', () => rig.message('w1').includes('cooling down'));
    await rig.until('registered', () => actions('w1').length === 1);
    const { head } = rig;
    await rig.until('time passed', () => rig.head > head + 10);
    expect(actions('w1')).toEqual(['REGISTER_WORKER']);
  });
});

describe('a slow worker', () => {
  it('delays nobody else', async () => {
    rig = await FleetRig.create(3);
    const slow = rig.worker('w1');
    slow.fault = (call) =>
      call === 'dispatchBlocks' || call === 'syncCombinedHeaders'
        ? new Promise(() => undefined)
        : undefined;
    rig.run();
    for (const name of ['w2', 'w3']) {
      await rig.until('active', isActive(name));
      const worker = rig.worker(name);
      const { head } = rig;
      await rig.until('at the head', () => rig.head > head + 10 && worker.b > rig.head - 2);
    }
    expect(slow.b).toBeLessThanOrEqual(1);
    expect(rig.status('w1')).not.toBe('S_ACTIVE');
  });
});
