import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BridgeError, silentLogger } from '@runtime-bridge/base';
import { EmbeddedConsumer, type LeaseConnection, type StoreWrite } from '@runtime-bridge/tx-queue';
import { afterEach, describe, expect, it } from 'vitest';
import { LevelJournal } from './level-journal.js';
import { remoteFees } from './remote-history.js';
import { ReplicatedJournal, type ReplicaStore } from './replicated-journal.js';
import { aliceAccount, openForTest, Rig, startJob } from './rig.test.kit.js';
import { TxSender } from './tx-sender.js';
import { silentMetrics } from '@runtime-bridge/base';

const logger = silentLogger;

/** What lies beside a queue, as a Redis of several clients that keep to the lease. */
class SharedMemory {
  readonly hashes = new Map<string, Map<string, string>>();
  readonly lists = new Map<string, string[]>();
  /** Whose writes are taken. */
  holder = '';

  flush(): void {
    this.hashes.clear();
    this.lists.clear();
  }

  of(holder: string): ReplicaStore {
    return {
      write: async (writes, needs) => {
        await Promise.resolve();
        if (this.holder !== holder) throw new BridgeError('LEASE_LOST', 'not yours');
        if (needs !== undefined && !this.hashes.has(needs)) return false;
        for (const write of writes) this.#apply(write);
        return true;
      },
      hash: (name) => Promise.resolve(Object.fromEntries(this.hashes.get(name) ?? [])),
      list: (name, count) => Promise.resolve((this.lists.get(name) ?? []).slice(0, count)),
    };
  }

  #apply({ command, key, args = [] }: StoreWrite): void {
    const [first = '', second = ''] = args.map(String);
    const hash = this.hashes.get(key) ?? new Map<string, string>();
    const list = this.lists.get(key) ?? [];
    switch (command) {
      case 'DEL':
        this.hashes.delete(key);
        this.lists.delete(key);
        return;
      case 'HSET':
        this.hashes.set(key, hash.set(first, second));
        return;
      case 'HDEL':
        hash.delete(first);
        return;
      case 'LPUSH':
        this.lists.set(key, [first, ...list]);
        return;
      case 'LTRIM':
        this.lists.set(key, list.slice(Number(first), Number(second) + 1));
    }
  }
}

describe('a trader that another one follows', () => {
  const closes: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0).reverse()) await close();
  });

  /** A chain and a queue without a sender, and senders with journals of their own. */
  async function several() {
    const rig = await Rig.create({ eraBlocks: 64 });
    closes.push(() => rig.close());
    await rig.sender.stop();
    const memory = new SharedMemory();
    const start = async (name: string) => {
      const path = join(await mkdtemp(join(tmpdir(), 'replica-')), 'journal');
      closes.push(() => rm(path, { recursive: true, force: true }));
      return await startAt(name, path);
    };
    const startAt = async (name: string, path: string) => {
      const local = new LevelJournal({ path, maxRemembered: 100, maxHistory: 100 }, { logger });
      memory.holder = name;
      const sender = new TxSender(rig.options, {
        consumer: new EmbeddedConsumer({}, { queue: rig.queue, logger }),
        chain: rig.chain,
        journal: new ReplicatedJournal({}, { local, store: memory.of(name), logger }),
        openOperator: openForTest,
        logger,
        metrics: silentMetrics,
      });
      await sender.start();
      closes.push(() => sender.stop());
      return { sender, path };
    };
    return { rig, memory, start, startAt };
  }

  it('leaves it what is under way, which is not done again', async () => {
    const { rig, start } = await several();
    const first = await start('a');
    const asked = rig.submit(startJob(1));
    await rig.untilSo(() => rig.chain.submissions.length > 0, { blocks: false });
    await first.sender.stop();
    // What it had sent is in no pool: only the copy knows of it.
    rig.chain.clearPool();
    const second = await start('b');
    expect(await rig.settle(asked)).toMatchObject({ ok: true });
    await rig.untilSo(() => second.sender.status.jobs === 0);
    expect(new Set(rig.chain.submissions.map(({ hash }) => hash)).size).toBe(1);
    expect(rig.chain.effects).toHaveLength(1);
  });

  it('leaves it what was done, for those who ask again', async () => {
    const { rig, start } = await several();
    const first = await start('a');
    const outcome = await rig.settle(rig.submit(startJob(1)));
    await rig.untilSo(() => first.sender.status.jobs === 0);
    await first.sender.stop();
    const second = await start('b');
    expect(await rig.submit(startJob(1))).toEqual(outcome);
    expect(rig.chain.effects).toHaveLength(1);
    expect((await second.sender.history()).open).toEqual([]);
  });

  it('leaves it what was paid for fees, which is told beside the queue and goes on from there', async () => {
    const { rig, memory, start, startAt } = await several();
    const told = () => Object.fromEntries(memory.hashes.get('trader:fees') ?? []);
    const first = await start('a');
    await rig.settle(rig.submit(startJob(1)));
    await rig.untilSo(() => first.sender.status.jobs === 0);
    await first.sender.stop();
    expect(told()).toEqual({ [aliceAccount]: '1' });
    const second = await start('b');
    expect(second.sender.fees).toEqual(new Map([[aliceAccount, 1n]]));
    await rig.settle(rig.submit(startJob(2)));
    await rig.untilSo(() => second.sender.status.jobs === 0);
    memory.flush();
    await rig.settle(rig.submit(startJob(3)));
    await rig.untilSo(() => second.sender.status.jobs === 0);
    await second.sender.stop();
    expect(told()).toEqual({ [aliceAccount]: '3' });
    const again = await startAt('a', first.path);
    expect(again.sender.fees).toEqual(new Map([[aliceAccount, 3n]]));
    const client = {
      hgetall: (key: string) => Promise.resolve(key === 'q:trader:fees' ? told() : {}),
    };
    const connection = { client, key: (name: string) => `q:${name}` } as unknown as LeaseConnection;
    expect(await remoteFees(connection)).toEqual(new Map([[aliceAccount, 3n]]));
    await again.sender.stop();
    // A Redis that has forgotten is told what this one knows itself.
    memory.flush();
    await startAt('b', second.path);
    expect(told()).toEqual({ [aliceAccount]: '2' });
  });

  it('sends nothing more and answers nothing once another one works', async () => {
    const { rig, memory, start } = await several();
    await start('a');
    memory.holder = 'b';
    const asked = rig.submit(startJob(1));
    let answered = false;
    void asked.then(
      () => (answered = true),
      () => (answered = true),
    );
    for (let block = 0; block < 20; block += 1) {
      rig.chain.author();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(rig.chain.submissions).toEqual([]);
    expect(answered).toBe(false);
  });

  it('that comes back forgets what the other has ended meanwhile', async () => {
    const { rig, start, startAt } = await several();
    const first = await start('a');
    const asked = rig.submit(startJob(1));
    await rig.untilSo(() => rig.chain.submissions.length > 0, { blocks: false });
    await first.sender.stop();
    const second = await start('b');
    expect(await rig.settle(asked)).toMatchObject({ ok: true });
    await rig.untilSo(() => second.sender.status.jobs === 0);
    await second.sender.stop();
    const again = await startAt('a', first.path);
    expect(again.sender.status).toMatchObject({ jobs: 0, open: 0 });
    expect(await rig.submit(startJob(1))).toMatchObject({ ok: true });
    expect(rig.chain.effects).toHaveLength(1);
  });

  it('gives a copy that was forgotten anew, and then leaves it as before', async () => {
    const { rig, memory, start } = await several();
    const first = await start('a');
    const asked = [rig.submit(startJob(1))];
    await rig.untilSo(() => rig.chain.submissions.length > 0, { blocks: false });
    memory.flush();
    asked.push(rig.submit(startJob(2)));
    await rig.untilSo(() => rig.chain.submissions.length > 1, { blocks: false });
    await first.sender.stop();
    rig.chain.clearPool();
    await start('b');
    const outcomes = await rig.settle(Promise.all(asked));
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true]);
    expect(rig.chain.effects).toHaveLength(2);
    expect(rig.chain.noncesUsed(aliceAccount)).toEqual([0, 1]);
  });
});
