import { afterEach, describe, expect, it } from 'vitest';

import { session } from '../rig/fake-chain.test.support.js';
import {
  broken,
  refusal,
  type FakeWorker,
  type FaultPoint,
} from '../rig/fake-worker.test.support.js';
import { FleetRig } from '../rig/fleet-rig.test.support.js';

let rig: FleetRig;
afterEach(async () => {
  await rig.close();
});

const isActive = (name: string) => () => rig.status(name) === 'S_ACTIVE';
const atHead = (worker: FakeWorker) => () => worker.b > rig.head - 2;

/** Throws once at a point of a call. */
function once(worker: FakeWorker, call: string, point: FaultPoint, error: () => Error): void {
  worker.fault = (name, at) => {
    if (name !== call || at !== point) return;
    worker.fault = () => undefined;
    throw error();
  };
}

describe('a good life', () => {
  it('goes from S_IDLE to S_ACTIVE and stays at the head', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    expect(rig.chain.actions(worker.publicKey)).toEqual([
      'REGISTER_WORKER',
      'ADD_WORKER',
      'START_COMPUTING',
    ]);
    expect(rig.chain.jobs[0]).toMatchObject({
      job: { payload: { pid: '7', version: 'v1', attestation: '0x00087b7d080102' + '0403' } },
      operator: { sealed: 'CQ==' },
    });
    const head = rig.head;
    await rig.until('the head moved on', () => rig.head > head + 10);
    await rig.until('at the head', atHead(worker));
    expect(rig.status('w1')).toBe('S_ACTIVE');
    expect(rig.message('w1')).toMatch(
      /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\] Now the worker should be active\.$/,
    );
  });

  it('registers a newer pRuntime by the second version of the call', async () => {
    rig = await FleetRig.create(1);
    rig.worker('w1').encodedReport = true;
    rig.run();
    await rig.until('active', isActive('w1'));
    expect(rig.chain.jobs[0]).toMatchObject({
      job: { payload: { version: 'v2', attestation: '0x0100' } },
    });
  });

  it('tells every message and every state for the history, with the code of what failed', async () => {
    rig = await FleetRig.create(1);
    once(rig.worker('w1'), 'getInfo', 'before', broken);
    rig.run();
    await rig.until('active', isActive('w1'));
    await rig.until('told', () => rig.events.some(({ status }) => status === 'S_ACTIVE'));
    const states = rig.events
      .map(({ message }) => /^State changed from .* to (.*)$/.exec(message)?.[1])
      .filter((state) => state !== undefined);
    expect(states).toEqual([
      'S_STARTING',
      'S_ERROR',
      'S_IDLE',
      'S_STARTING',
      'S_SYNCHING',
      'S_SYNCHED',
      'S_PRE_ACTIVE',
      'S_ACTIVE',
    ]);
    expect(rig.events.find(({ errorCode }) => errorCode !== undefined)).toMatchObject({
      uuid: rig.uuid('w1'),
      status: 'S_ERROR',
      errorCode: 'TRANSPORT',
    });
  });

  it('serves a worker that begins with para header 0', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    const initialize = worker.initRuntime.bind(worker);
    worker.initRuntime = async () => {
      const answer = await initialize();
      worker.q = 0;
      return answer;
    };
    rig.run();
    await rig.until('active', isActive('w1'));
    expect(worker.q).toBeGreaterThan(1);
  });

  it('serves workers that stand inside of a range', async () => {
    rig = await FleetRig.create(0);
    const worker = await rig.add('w1', { enabled: false });
    Object.assign(worker, { initialized: true, h: 14, q: 2, b: 2 });
    await rig.inventory.updateWorkers([
      { id: { kind: 'name', name: 'w1' }, input: rig.input('w1') },
    ]);
    rig.run();
    await rig.until('at the head', atHead(worker));
    await rig.until('active', isActive('w1'));
  });
});

describe('failures of a worker', () => {
  it.each([
    ['reply to headers lost after they took effect', 'syncCombinedHeaders', 'after', broken],
    ['headers lost on the way', 'syncCombinedHeaders', 'before', broken],
    ['reply to blocks lost after they took effect', 'dispatchBlocks', 'after', broken],
    ['blocks lost on the way', 'dispatchBlocks', 'before', broken],
    ['initialization took effect, reply lost', 'initRuntime', 'after', broken],
    ['info lost', 'getInfo', 'before', broken],
    [
      'busy',
      'dispatchBlocks',
      'before',
      () => refusal('RCU in progress, please try the request again later'),
    ],
    ['position mismatch', 'dispatchBlocks', 'before', () => refusal('BlockNumberMismatch')],
    ['no state root', 'dispatchBlocks', 'before', () => refusal('NoStateRoot')],
    ['refused once', 'dispatchBlocks', 'before', () => refusal('StateRootMismatch block=3')],
    ['egress list cannot be had', 'getEgressMessages', 'before', broken],
    [
      'no report',
      'getRuntimeInfo',
      'before',
      () => refusal('Failed to create attestation report: x'),
    ],
  ] as const)('leads back to the head: %s', async (_id, call, point, error) => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    once(worker, call, point, error);
    rig.run();
    await rig.until('active', isActive('w1'));
    await rig.until('at the head', atHead(worker));
    expect(rig.chain.actions(worker.publicKey)).toEqual([
      'REGISTER_WORKER',
      'ADD_WORKER',
      'START_COMPUTING',
    ]);
  });

  it.each([
    ['new relay chain, never initialized', true, '0.2.6', false],
    ['new relay chain, initialized long ago', true, '0.2.6', true],
  ] as const)('tells a pRuntime that cannot follow: %s', async (_id, newRelay, version, known) => {
    rig = await FleetRig.create(0);
    for (const provider of rig.providers) provider.newRelay = newRelay;
    const worker = await rig.add('w1', { enabled: false });
    worker.version = version;
    if (known) Object.assign(worker, { initialized: true, registered: true, h: 14, q: 2, b: 2 });
    worker.say();
    await rig.inventory.updateWorkers([
      { id: { kind: 'name', name: 'w1' }, input: rig.input('w1') },
    ]);
    rig.run();
    await rig.until('failed', () => rig!.status('w1') === 'S_ERROR');
    expect(rig.fleet.snapshot(rig.uuid('w1'))?.error?.code).toBe('RELAY_CHAIN_UNSUPPORTED');
    expect(rig.message('w1')).toMatch(
      /\] this pRuntime cannot follow a relay chain without :grandpa_authorities; upgrade to 0\.2\.7 or later$/,
    );
    expect(worker.calls).not.toContain('initRuntime');
    expect(worker.calls).not.toContain('syncCombinedHeaders');
    expect(rig.chain.jobs).toEqual([]);
    worker.version = '0.2.7';
    await rig.until('active once upgraded', isActive('w1'));
  });

  it('tells a pRuntime whose relay chain gave up the old key on the way', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    const text = 'HeaderValidateFailed("storage value unavailable")';
    let gone = true;
    worker.fault = (call, point) => {
      if (gone && call === 'syncCombinedHeaders' && point === 'before') throw refusal(text);
    };
    rig.run();
    await rig.until('failed', () => rig!.status('w1') === 'S_ERROR');
    expect(rig.fleet.snapshot(rig.uuid('w1'))?.error?.code).toBe('DATA_REFUSED');
    expect(rig.message('w1')).toMatch(/HeaderValidateFailed.*upgrade to 0\.2\.7 or later$/);
    expect(rig.chain.jobs).toEqual([]);
    gone = false;
    await rig.until('active', isActive('w1'));
  });

  it('sends the para headers alone when only the relay part was accepted', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    // The first data that it gets has a bad proof: the relay part counts, the para part does not.
    for (const provider of rig.providers) provider.lies = true;
    await rig.until('refused', () => worker.h > 11 && worker.q === 1);
    const stood = worker.h;
    let alone: { h: number; q: number } | undefined;
    worker.fault = (name, at) => {
      if (name === 'syncParaHeader' && at === 'after' && worker.q > 1)
        alone ??= { h: worker.h, q: worker.q };
    };
    for (const provider of rig.providers) provider.lies = false;
    await rig.until('para headers alone', () => worker.q > 1);
    expect(alone).toEqual({ h: stood, q: Math.floor((stood - 11) / 2) + 1 });
    rig.run();
    await rig.until('active', isActive('w1'));
  });

  it('shows what pRuntime said while the data is wrong, touches nobody else, and recovers', async () => {
    rig = await FleetRig.create(2);
    const [bad, good] = [rig.worker('w1'), rig.worker('w2')];
    rig.run();
    await rig.until('both active', () => isActive('w1')() && isActive('w2')());
    bad.fault = (name, at) => {
      if (name === 'dispatchBlocks' && at === 'before') throw refusal('StateRootMismatch block=9');
    };
    await rig.until('in error', () => rig.status('w1') === 'S_ERROR');
    expect(rig.message('w1')).toContain('StateRootMismatch block=9');
    const { b } = bad;
    const head = rig.head;
    await rig.until('the head moved on', () => rig.head > head + 10);
    expect(bad.b).toBe(b);
    expect(rig.status('w2')).toBe('S_ACTIVE');
    await rig.until('the other is at the head', atHead(good));
    bad.fault = () => undefined;
    await rig.until('active again', () => isActive('w1')() && atHead(bad)());
  });

  it('begins anew with a worker that was restarted empty', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    worker.wipe();
    await rig.until('initialized again', () => worker.initialized);
    await rig.until('active again', () => isActive('w1')() && atHead(worker)());
  });

  it('goes on with a worker that was rolled back', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    rig.halt();
    await rig.until('at the head', () => worker.h > rig.providers[0]!.relayHeight);
    Object.assign(worker, { h: 15, q: 3, b: 2, relayRoot: false });
    await rig.until(
      'at the head again',
      () => worker.h > rig.providers[0]!.relayHeight && worker.b === worker.q,
    );
  });

  it('notices one that stands still, and goes on with it when it moves', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    // Hangs without ever failing.
    worker.fault = (name) => (name === 'syncCombinedHeaders' ? held : undefined);
    await rig.until('noticed', () => rig.status('w1') === 'S_ERROR');
    expect(rig.message('w1')).toMatch(/stands at relay header \d+ and block \d+/);
    worker.fault = () => undefined;
    release();
    await rig.until('active again', () => isActive('w1')() && atHead(worker)());
  });

  it('refuses a worker that was initialized for another chain', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    const info = worker.getInfo.bind(worker);
    worker.getInfo = async () => ({ ...(await info()), genesisBlockHash: 'ab'.repeat(32) });
    await rig.until('in error', () => rig.status('w1') === 'S_ERROR');
    expect(rig.fleet.snapshot(rig.uuid('w1'))?.error?.code).toBe('WRONG_GENESIS');
    expect(worker.calls).not.toContain('syncCombinedHeaders');
  });
});

describe('the chain', () => {
  it('sends no transaction while the providers are behind the best known head', async () => {
    rig = await FleetRig.create(0);
    rig.paraTarget = 5_000;
    rig.look();
    const worker = await rig.add('w1');
    rig.run();
    await rig.until('caught up with the provider', atHead(worker));
    const head = rig.head;
    await rig.until('time passed', () => rig.head > head + 5);
    expect(rig.status('w1')).toBe('S_SYNCHING');
    expect(rig.chain.jobs).toEqual([]);
    rig.paraTarget = undefined;
    await rig.until('active', isActive('w1'));
  });

  it('does nothing for a worker that is in another pool but say so', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    Object.assign(rig.chain.of(worker.publicKey), { registered: true, poolId: 8n });
    rig.run();
    await rig.until('in error', () => rig.status('w1') === 'S_ERROR');
    expect(rig.message('w1')).toContain('Worker is assigned to other pool!');
    expect(rig.chain.jobs).toEqual([]);
  });

  it('tries a failed transaction again', async () => {
    rig = await FleetRig.create(1);
    let rejected = 0;
    rig.chain.reject = ({ job }) =>
      job.action === 'ADD_WORKER' && rejected++ === 0
        ? 'phalaStakePoolv2.BenchmarkMissing'
        : undefined;
    rig.run();
    await rig.until('failed', () => rig.message('w1').includes('BenchmarkMissing'));
    await rig.until('active', isActive('w1'), 10_000);
    // A trader carries out again what failed when it is asked under the same id.
    expect(rejected).toBe(2);
    const ids = rig.chain.jobs.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }, 15_000);

  it('takes up a session again that was stopped and reclaimed, and waits while it cools down', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    const facts = rig.chain.of(worker.publicKey);
    facts.session = session('WorkerCoolingDown');
    await rig.until('held', () => rig.status('w1') === 'S_SYNCHED');
    expect(rig.message('w1')).toContain('cooling down');
    expect(rig.chain.jobs).toHaveLength(3);
    facts.session = session('Ready');
    await rig.until('active again', isActive('w1'));
    expect(rig.chain.jobs.map(({ id }) => id.split(':')[2])).toEqual([
      'new',
      'pool-7',
      'ready-1000000000000',
      'ready-1000000000000-again1',
    ]);
  });

  it('brings messages to the chain in order, each once', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    for (let count = 0; count < 5; count += 1) {
      worker.say();
      await rig.until(
        'handed in',
        () => rig.chain.ingress.get(worker.origin) === BigInt(count + 1),
      );
    }
    const ids = rig.chain.jobs
      .filter(({ job }) => job.action === 'BATCH_SYNC_MQ_MESSAGE')
      .map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(5);
  });
});

describe('changes while running', () => {
  it('raises a stake, and leaves the others alone', async () => {
    rig = await FleetRig.create(2);
    rig.run();
    await rig.until('active', () => isActive('w1')() && isActive('w2')());
    const initializations = rig.worker('w1').calls.filter((call) => call === 'initRuntime').length;
    await rig.inventory.updateWorkers([
      { id: { kind: 'name', name: 'w1' }, input: rig.input('w1', { stake: '2000000000000' }) },
    ]);
    await rig.until('restarted computing', () =>
      rig.chain.actions(rig.worker('w1').publicKey).includes('RESTART_COMPUTING'),
    );
    await rig.until('active', isActive('w1'));
    expect(rig.chain.of(rig.worker('w1').publicKey).stake).toBe(2_000_000_000_000n);
    expect(rig.worker('w1').calls.filter((call) => call === 'initRuntime')).toHaveLength(
      initializations,
    );
    expect(rig.chain.actions(rig.worker('w2').publicKey)).toHaveLength(3);
  });

  it('drives workers that are added or enabled, and lets go of those disabled or deleted', async () => {
    rig = await FleetRig.create(1);
    rig.run();
    await rig.until('active', isActive('w1'));
    const added = await rig.add('w2');
    await rig.until('the new one is active', isActive('w2'));
    await rig.inventory.updateWorkers([
      { id: { kind: 'name', name: 'w2' }, input: rig.input('w2', { enabled: false }) },
    ]);
    await rig.until('let go', () => rig.fleet.snapshot(rig.uuid('w2')) === undefined);
    const { b } = added;
    const head = rig.head;
    await rig.until('the head moved on', () => rig.head > head + 10);
    expect(added.b).toBeLessThanOrEqual(b + 1);
    expect(rig.status('w1')).toBe('S_ACTIVE');
    await expect(rig.fleet.command(rig.uuid('w2'), 'restart')).rejects.toMatchObject({
      code: 'WORKER_DISABLED',
    });
  });

  it('keeps sync-only workers at the head and sends nothing for them', async () => {
    rig = await FleetRig.create(0);
    const worker = await rig.add('w1', { syncOnly: true });
    rig.run();
    await rig.until('synced', () => rig.status('w1') === 'S_SYNCHED');
    await rig.until('said so', () => rig.message('w1').includes('Sync only mode enabled'));
    worker.say();
    const head = rig.head;
    await rig.until('the head moved on', () => rig.head > head + 10 && atHead(worker)());
    expect(rig.chain.jobs).toEqual([]);
    await rig.inventory.updateWorkers([
      { id: { kind: 'name', name: 'w1' }, input: rig.input('w1') },
    ]);
    await rig.until('active', isActive('w1'));
  });

  it('kicks, restarts and refreshes the attestation on command', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    await rig.fleet.command(rig.uuid('w1'), 'kick');
    await rig.until('kicked', () => rig.status('w1') === 'S_KICKED' && worker.kicked === 1);
    await rig.fleet.command(rig.uuid('w1'), 'restart');
    await rig.until('active', isActive('w1'));
    expect(rig.chain.actions(worker.publicKey)).toHaveLength(3);
    await rig.fleet.command(rig.uuid('w1'), 'refreshRa');
    await rig.until('registered again', () => rig.chain.actions(worker.publicKey).length === 4);
    await rig.until('active', isActive('w1'));
    expect(rig.chain.actions(worker.publicKey).at(-1)).toBe('REGISTER_WORKER');
    expect(worker.kicked).toBe(1);
  });
});

describe('providers and runners', () => {
  it('goes on with the other provider when one dies', async () => {
    rig = await FleetRig.create(1);
    const worker = rig.worker('w1');
    rig.run();
    await rig.until('active', isActive('w1'));
    rig.providers[0]!.down = true;
    const head = rig.head;
    await rig.until('the head moved on', () => rig.head > head + 5);
    await rig.until('at the head', atHead(worker));
    expect(rig.status('w1')).toBe('S_ACTIVE');
  });

  it('fetches a blob once for all workers of a runner', async () => {
    rig = await FleetRig.create(5);
    rig.run();
    await rig.until(
      'all active',
      () => [1, 2, 3, 4, 5].every((index) => isActive(`w${index}`)()),
      10_000,
    );
    const served = rig.providers.reduce((sum, provider) => sum + provider.served, 0);
    const blobs = rig.head * 2;
    expect(served).toBeLessThan(blobs * 5);
  }, 15_000);

  it('divides workers over runners and starts one again that dies', async () => {
    rig = await FleetRig.create(4, { maxWorkersPerRunner: 2 });
    rig.run();
    const all = () => [1, 2, 3, 4].every((index) => isActive(`w${index}`)());
    await rig.until('all active', all);
    expect(rig.runners.map(({ id }) => id)).toEqual(['runner-1', 'runner-2']);
    rig.runners[0]!.kill();
    await rig.until('started again', () => rig.runners.length === 3);
    expect(rig.runners[2]!.id).toBe('runner-1');
    const head = rig.head;
    await rig.until('the head moved on', () => rig.head > head + 3);
    await rig.until(
      'all active again',
      () => all() && [1, 2, 3, 4].every((index) => atHead(rig.worker(`w${index}`))()),
    );
    expect(rig.chain.jobs).toHaveLength(12);
  });
});
