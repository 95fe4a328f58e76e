import type { ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger, silentMetrics, sleep, type Clock, type Hex } from '@runtime-bridge/base';
import type { ChainFacts, WorkerFacts } from '@runtime-bridge/chain-client/tx';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { PoolRow, WorkerRow } from '../inventory/rows.js';
import { session } from '../rig/fake-chain.test.support.js';
import type {
  ProviderView,
  WorkerEvent,
  WorkerSnapshot,
  WorkerStatus,
} from '../runner/messages.js';
import { StateStore } from '../state/state-store.js';
import { AlertDesk, type AlertRecord, type SeenView } from './alert-desk.js';
import { NoticeQueue, type WebhookOptions } from './notice-queue.js';
import { isGenuineNotice, signNotice } from './signature.js';
import { startReceiver } from './webhook-receiver.test.support.js';

const MINUTE = 60_000;
const PHA = 1_000_000_000_000n;
const SECRET = 'shared secret';
const OPERATOR: Hex = `0x${'ee'.repeat(32)}`;

const clock: Clock & { ms: number } = {
  ms: 1_700_000_000_000,
  now: () => clock.ms,
  sleep: (_ms, signal) => sleep(1, signal),
};
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let directory: string;
let store: StateStore;
let desk: AlertDesk;
let queue: NoticeQueue;

/** The world, to be changed by tests. */
const world = {
  pools: new Map<string, PoolRow>(),
  workers: new Map<string, WorkerRow>(),
  snapshots: new Map<string, WorkerSnapshot>(),
  halted: new Set<string>(),
  providers: [] as ProviderView[],
  facts: undefined as ChainFacts | undefined,
  oldestJobMs: undefined as number | undefined,
  hasSettledJobs: true,
};
const look = (): SeenView => ({
  inventory: { pools: world.pools, workers: world.workers },
  snapshot: (uuid) => world.snapshots.get(uuid),
  isHalted: (uuid) => world.halted.has(uuid),
  syncOnly: false,
  providers: world.providers,
  facts: world.facts,
  oldestJobMs: world.oldestJobMs,
  hasSettledJobs: world.hasSettledJobs,
});

const keyOf = (index: number): Hex => `0x${index.toString(16).padStart(64, '0')}`;

function addWorkers(count: number): void {
  for (let index = 1; index <= count; index += 1) {
    const uuid = `u${index}`;
    world.workers.set(uuid, {
      uuid,
      poolUuid: 'p',
      name: `w${index}`,
      endpoint: 'http://x',
      stake: PHA,
      enabled: true,
      syncOnly: false,
      createdAtMs: 0,
      updatedAtMs: 0,
    });
    state(uuid, 'S_ACTIVE');
  }
}

function state(uuid: string, status: WorkerStatus, code = 'TRANSPORT'): void {
  world.snapshots.set(uuid, {
    uuid,
    status,
    position: undefined,
    initialized: true,
    publicKey: keyOf(Number(uuid.slice(1))),
    lastMessage: '',
    runtimeInfo: undefined,
    error: status === 'S_ERROR' ? { code, message: 'went wrong' } : undefined,
    sinceMs: 0,
  });
}

function facts(
  block: number,
  sessions: Record<string, 'WorkerIdle' | 'WorkerUnresponsive' | 'WorkerCoolingDown'> = {},
  balance = 10n * PHA,
): void {
  world.facts = {
    block,
    blockHash: '0x00',
    coolDownPeriodSec: 0,
    ingress: new Map(),
    pools: new Map(),
    balances: new Map([[OPERATOR, balance]]),
    workers: new Map(
      [...world.workers.keys()].map((uuid): [Hex, WorkerFacts] => {
        const publicKey = keyOf(Number(uuid.slice(1)));
        const at = session(sessions[uuid] ?? 'WorkerIdle');
        return [publicKey, { publicKey, registered: true, session: at }];
      }),
    ),
  };
}

const provider = (paraHeight: number, peerId = 'Qm1'): ProviderView => ({
  peerId,
  host: '127.0.0.1',
  port: 1,
  paraId: 2004,
  relayTarget: 0,
  relayHeight: 0,
  paraTarget: paraHeight,
  paraHeight,
});

async function open(options: Partial<WebhookOptions> = {}): Promise<void> {
  store = await StateStore.open({ directory });
  const section = store.section<AlertRecord>('alerts');
  queue = await NoticeQueue.open(
    {
      url: receiver.url,
      secret: SECRET,
      events: ['alerts', 'states'],
      retryMinMs: 1,
      retryMaxMs: 5,
      timeoutMs: 200,
      ...options,
    },
    {
      section,
      nameOf: (uuid) => world.workers.get(uuid)?.name,
      logger: silentLogger,
      metrics: silentMetrics,
      clock,
    },
  );
  desk = await AlertDesk.open(
    { minBalance: 2n * PHA },
    { section, notices: queue, look, logger: silentLogger, metrics: silentMetrics, clock },
  );
}

async function close(): Promise<void> {
  await queue.stop();
  await store.close();
}

async function restart(options: Partial<WebhookOptions> = {}): Promise<void> {
  await close();
  await open(options);
  await queue.start();
}

/** Time passes, blocks come, and the desk looks every ten seconds. */
async function pass(ms: number, blocks = true): Promise<void> {
  for (let at = 0; at < ms; at += 10_000) {
    clock.ms += 10_000;
    if (blocks && world.facts) world.facts = { ...world.facts, block: world.facts.block + 1 };
    if (blocks) {
      world.providers = world.providers.map((one) =>
        one.peerId === 'frozen' ? one : provider(world.facts?.block ?? 0, one.peerId),
      );
    }
    await desk.look();
  }
}

const active = () => desk.list().filter(({ clearedMs }) => clearedMs === undefined);
const kinds = () => active().map(({ kind }) => kind);

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Did not happen: ${what}`);
    await sleep(3);
  }
}

beforeEach(async () => {
  clock.ms = 1_700_000_000_000;
  receiver = await startReceiver(SECRET, () => clock.ms);
  directory = await mkdtemp(join(tmpdir(), 'alerts-'));
  world.pools = new Map([
    [
      'p',
      {
        uuid: 'p',
        poolId: 7n,
        name: 'pool',
        enabled: true,
        syncOnly: false,
        operatorPublicKey: OPERATOR,
        sealedOperator: new Uint8Array(),
        proxiedAccount: '',
        createdAtMs: 0,
        updatedAtMs: 0,
      },
    ],
  ]);
  world.workers = new Map();
  world.snapshots = new Map();
  world.halted = new Set();
  world.oldestJobMs = undefined;
  world.hasSettledJobs = true;
  addWorkers(10);
  facts(100);
  world.providers = [provider(100)];
  await open();
  await queue.start();
  await pass(30_000);
});
afterEach(async () => {
  await close();
  await receiver.stop();
  await rm(directory, { recursive: true, force: true });
});

/** How each kind begins and ends. */
const incidents: Record<string, { begin: () => void; end: () => void; takesMs: number }> = {
  worker_error: {
    begin: () => state('u1', 'S_ERROR'),
    end: () => state('u1', 'S_SYNCHED'),
    takesMs: 3 * MINUTE,
  },
  worker_stalled: {
    begin: () => state('u1', 'S_ERROR', 'WORKER_STALLED'),
    end: () => state('u1', 'S_ACTIVE'),
    takesMs: 10_000,
  },
  worker_unresponsive: {
    begin: () => facts(world.facts!.block, { u1: 'WorkerUnresponsive' }),
    end: () => facts(world.facts!.block),
    takesMs: 10_000,
  },
  worker_cooling_down: {
    begin: () => facts(world.facts!.block, { u1: 'WorkerCoolingDown' }),
    end: () => void world.halted.add('u1'),
    takesMs: 10_000,
  },
  provider_missing: {
    begin: () => void (world.providers = []),
    end: () => void (world.providers = [provider(world.facts!.block)]),
    takesMs: 2 * MINUTE,
  },
  provider_lagging: {
    begin: () => void (world.providers = [provider(1, 'frozen'), provider(1)]),
    end: () => void (world.providers = [provider(1)]),
    takesMs: 3 * MINUTE,
  },
  queue_stuck: {
    begin: () => void (world.oldestJobMs = clock.ms),
    end: () => void (world.oldestJobMs = undefined),
    takesMs: 11 * MINUTE,
  },
  balance_low: {
    begin: () => facts(world.facts!.block, {}, PHA),
    end: () => facts(world.facts!.block, {}, 3n * PHA),
    takesMs: 10_000,
  },
};

describe('an incident', () => {
  it.each(Object.keys(incidents))(
    '%s is told once, and once when it is over, also across restarts',
    async (kind) => {
      const { begin, end, takesMs } = incidents[kind]!;
      expect(kinds()).toEqual([]);
      begin();
      await pass(takesMs);
      expect(kinds()).toEqual([kind]);
      await pass(5 * MINUTE);
      // As after a start: nothing is known of the world for a while.
      const { snapshots, facts: known, providers, oldestJobMs, hasSettledJobs } = world;
      Object.assign(world, {
        snapshots: new Map(),
        facts: undefined,
        providers: [],
        oldestJobMs: undefined,
        hasSettledJobs: false,
      });
      await restart();
      await pass(30_000, false);
      if (kind !== 'provider_missing') Object.assign(world, { providers });
      Object.assign(world, { snapshots, facts: known, oldestJobMs });
      await pass(5 * MINUTE);
      expect(kinds()).toEqual([kind]);
      await restart();
      end();
      Object.assign(world, { hasSettledJobs });
      await pass(6 * MINUTE);
      expect(kinds()).toEqual([]);
      await until('delivered', () => queue.state.waiting === 0 && receiver.received.length >= 2);
      expect(receiver.received.map(({ event, body }) => [event, body.data['kind']])).toEqual([
        ['alert.fired', kind],
        ['alert.cleared', kind],
      ]);
      const [fired, cleared] = receiver.received;
      expect(fired!.isSigned && cleared!.isSigned).toBe(true);
      expect(fired!.body.data['id']).toBe(cleared!.body.data['id']);
      expect(fired!.delivery).not.toBe(cleared!.delivery);
      expect(desk.list()).toMatchObject([{ kind, message: expect.stringMatching(/\w/) as string }]);
    },
  );

  it('of the chain that stands is told once, also when it still stands after a restart', async () => {
    await pass(4 * MINUTE, false);
    expect(kinds()).toEqual(['chain_standing']);
    await restart();
    await pass(5 * MINUTE, false);
    expect(kinds()).toEqual(['chain_standing']);
    await pass(30_000);
    expect(kinds()).toEqual([]);
    expect(desk.list()).toHaveLength(1);
  });

  it('of a fleet that shrinks is told when many workers are lost, also over a restart', async () => {
    for (const uuid of ['u1', 'u2', 'u3']) state(uuid, 'S_SYNCHING');
    await pass(6 * MINUTE);
    // The start was too short ago to know.
    expect(kinds()).toEqual([]);
    await pass(10 * MINUTE);
    expect(kinds()).toEqual(['fleet_shrinking']);
    expect(active()[0]!.message).toBe('7 workers are active, of 10 that were');
    state('u1', 'S_ACTIVE');
    await pass(MINUTE);
    expect(kinds()).toEqual(['fleet_shrinking']);
    state('u2', 'S_ACTIVE');
    await pass(MINUTE);
    expect(kinds()).toEqual([]);

    for (const uuid of world.workers.keys()) state(uuid, 'S_SYNCHING');
    await restart();
    await pass(20 * MINUTE);
    expect(kinds()).toEqual(['fleet_shrinking']);
    // Those that are not wanted are not missed.
    for (const uuid of world.workers.keys()) world.halted.add(uuid);
    await pass(MINUTE);
    expect(kinds()).toEqual([]);
  });

  it('does not come and go with every retry of a worker', async () => {
    for (let retry = 0; retry < 6; retry += 1) {
      state('u1', 'S_ERROR');
      await pass(MINUTE);
      state('u1', 'S_STARTING');
      await pass(20_000);
      state('u1', 'S_SYNCHING');
      await pass(20_000);
    }
    expect(desk.list()).toHaveLength(1);
    // And what heals at once is not told at all.
    state('u2', 'S_ERROR');
    await pass(MINUTE);
    state('u2', 'S_ACTIVE');
    await pass(MINUTE);
    expect(desk.list()).toHaveLength(1);
  });

  it('is over when its worker is disabled, kicked or deleted', async () => {
    for (const uuid of ['u1', 'u2', 'u3']) state(uuid, 'S_ERROR');
    await pass(3 * MINUTE);
    expect(active()).toHaveLength(3);
    world.workers.delete('u1');
    world.workers.set('u2', { ...world.workers.get('u2')!, enabled: false });
    state('u3', 'S_KICKED');
    await pass(10_000);
    expect(active()).toEqual([]);
  });
});

describe('the webhook', () => {
  const fire = async () => {
    state('u1', 'S_ERROR', 'WORKER_STALLED');
    await pass(10_000);
  };

  it.each([
    ['an error', (response: ServerResponse) => response.writeHead(500).end()],
    ['a redirect', (response: ServerResponse) => response.writeHead(302, { location: '/' }).end()],
    ['no answer', () => undefined],
    ['a broken connection', (response: ServerResponse) => response.destroy()],
  ])('is tried again after %s, under the same delivery id', async (_what, misbehave) => {
    receiver.misbehave = misbehave;
    await fire();
    await until('tried', () => receiver.tries >= 2);
    expect(queue.state).toMatchObject({ waiting: 1 });
    expect(queue.state.error).not.toBe('');
    receiver.misbehave = undefined;
    await until('delivered', () => queue.state.waiting === 0);
    expect(receiver.received).toHaveLength(1);
    expect(queue.state.error).toBe('');
  });

  it('gets after a restart what it did not take before, in order', async () => {
    receiver.misbehave = (response) => response.writeHead(503).end();
    await fire();
    state('u1', 'S_ACTIVE');
    await pass(10_000);
    await restart();
    receiver.misbehave = undefined;
    await until('delivered', () => queue.state.waiting === 0);
    expect(receiver.received.map(({ event }) => event)).toEqual(['alert.fired', 'alert.cleared']);
    await restart();
    await sleep(20);
    expect(receiver.received).toHaveLength(2);
  });

  it('gives a notice up at last', async () => {
    receiver.misbehave = (response) => response.writeHead(410).end();
    await fire();
    await until('tried', () => receiver.tries >= 1);
    clock.ms += 25 * 60 * MINUTE;
    await until('given up', () => queue.state.lost === 1 && queue.state.waiting === 0);
  });

  it('hears of the kinds that it asked for alone', async () => {
    await restart({ events: ['balance_low'] });
    await fire();
    facts(world.facts!.block, {}, 0n);
    await pass(10_000);
    await until('delivered', () => receiver.received.length > 0 && queue.state.waiting === 0);
    expect(receiver.received.map(({ body }) => body.data['kind'])).toEqual(['balance_low']);
    expect(active()).toHaveLength(2);
  });

  it('hears of changes of state, gathered', async () => {
    const event = (uuid: string, status: WorkerStatus): WorkerEvent => ({
      uuid,
      status,
      timeMs: 0,
      message: 'x',
    });
    queue.noteEvents([event('u1', 'S_ACTIVE'), event('u1', 'S_ACTIVE'), event('u1', 'S_ERROR')]);
    await until('delivered', () => receiver.received.length > 0);
    expect(receiver.received).toMatchObject([
      {
        event: 'worker.states',
        isSigned: true,
        body: {
          data: {
            changes: [
              { worker: 'u1', name: 'w1', from: '', to: 'S_ACTIVE' },
              { worker: 'u1', name: 'w1', from: 'S_ACTIVE', to: 'S_ERROR' },
            ],
          },
        },
      },
    ]);
  });

  it('keeps a bounded number of notices', async () => {
    receiver.misbehave = (response) => response.writeHead(503).end();
    const some = Array.from({ length: 10_100 }, (_, index) => ({
      key: `notice:x${index}`,
      notice: { id: `${index}`, event: 'alert.fired' as const, atMs: clock.ms, data: {} },
    }));
    queue.added(some);
    expect(queue.state).toMatchObject({ waiting: 10_000, lost: 100 });
  });

  it('can be tried, and says what is wrong', async () => {
    expect(await queue.test()).toMatchObject({ delivered: true, httpStatus: 204, error: '' });
    expect(receiver.received).toMatchObject([{ event: 'test', isSigned: true }]);
    receiver.misbehave = (response) => response.writeHead(401).end();
    expect(await queue.test()).toMatchObject({
      delivered: false,
      httpStatus: 401,
      error: 'HTTP 401',
    });
    await receiver.stop();
    expect(await queue.test()).toMatchObject({ delivered: false, httpStatus: 0 });
    receiver = await startReceiver(SECRET, () => clock.ms);
  });
});

it('verifies signatures: of the right secret, body and time', () => {
  const notice = { timestamp: '1000', body: '{}', signature: signNotice('s', 1000, '{}') };
  expect(isGenuineNotice('s', notice, 1100)).toBe(true);
  expect(isGenuineNotice('t', notice, 1100)).toBe(false);
  expect(isGenuineNotice('s', { ...notice, body: '{ }' }, 1100)).toBe(false);
  expect(isGenuineNotice('s', { ...notice, timestamp: '1001' }, 1100)).toBe(false);
  expect(isGenuineNotice('s', notice, 1400)).toBe(false);
  expect(isGenuineNotice('s', { ...notice, timestamp: 'x' }, 1100)).toBe(false);
});
