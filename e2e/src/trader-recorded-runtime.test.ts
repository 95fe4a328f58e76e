import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics, toHex, type Hex } from '@runtime-bridge/base';
import { eraPeriodOf, ParaApi, PreflightReader, TxGateway } from '@runtime-bridge/chain-client/tx';
import { operatorFromMnemonic } from '@runtime-bridge/keystore';
import {
  EmbeddedConsumer,
  EmbeddedQueue,
  type JobOutcome,
  type JobRequest,
} from '@runtime-bridge/tx-queue';
import { LevelJournal, TxSender } from '@runtime-bridge/tx-sender';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstMessages } from './trader/messages.js';
import { RecordedChain } from './trader/recorded-chain.js';

const fixtures = process.env['RB_CHAIN_FIXTURES'];
if (fixtures === undefined) {
  if (process.env['CI'] === 'true') throw new Error('RB_CHAIN_FIXTURES is not set');
  console.warn('SKIPPED: the trader on the recorded Rhala runtime (RB_CHAIN_FIXTURES is not set)');
}

const logger = silentLogger;
const metrics = silentMetrics;
const alice = operatorFromMnemonic('//Alice');
const bob = operatorFromMnemonic('//Bob');
const poor = operatorFromMnemonic('//Poor');
const operators = { alice, bob, poor };
const sealedOf = (name: keyof typeof operators) => Buffer.from(name).toString('base64');
const account = (key: { publicKey: Uint8Array }): Hex => toHex(key.publicKey);
const PHA = 10n ** 12n;

describe.skipIf(fixtures === undefined)('on the recorded runtime of Rhala', () => {
  let chain: RecordedChain;
  let para: ParaApi;
  let gateway: TxGateway;
  let queue: EmbeddedQueue;
  let sender: TxSender;
  let folder: string;
  let messages: { origin: string; signed: string }[];
  let isMaking = true;
  let making: Promise<void>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recorded-'));
    messages = await firstMessages(20, 'rhala');
    chain = await RecordedChain.open(join(fixtures!, 'chainspec', 'rhala.json'));
    para = new ParaApi(
      { endpoints: ['ws://recorded'] },
      { logger, metrics, openEndpoint: () => chain },
    );
    const started = para.start();
    const startTimer = setInterval(() => void chain.block(), 1_000);
    await started;
    clearInterval(startTimer);
    gateway = new TxGateway({}, { para });
    await fund([alice, bob]);
    await chain.block();
    queue = new EmbeddedQueue({}, { logger, metrics });
    sender = new TxSender(
      { batchWaitMs: 100, eraBlocks: 64, resendMinMs: 200, resendMaxMs: 500 },
      {
        consumer: new EmbeddedConsumer({}, { queue, logger }),
        chain: gateway,
        journal: new LevelJournal(
          { path: join(folder, 'journal'), maxRemembered: 100, maxHistory: 100 },
          { logger },
        ),
        openOperator: (sealed) => operators[Buffer.from(sealed).toString() as 'alice'],
        logger,
        metrics,
      },
    );
    await sender.start();
    making = (async () => {
      while (isMaking) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        await chain.block();
      }
    })();
  }, 120_000);

  afterAll(async () => {
    isMaking = false;
    await making;
    await sender?.stop();
    await para?.stop();
    await chain?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Gives accounts a thousand PHA each. */
  async function fund(keys: { publicKey: Uint8Array }[]): Promise<void> {
    const entry = para.api.query['system']!['account']!;
    const type = para.api.registry.createLookupType(entry.creator.meta.type.asMap.value);
    const value = para.api.registry
      .createType(type, { providers: 1, data: { free: 1_000n * PHA } })
      .toHex();
    await chain.set(keys.map((key) => [entry.key(account(key)), value]));
  }

  const free = async (key: { publicKey: Uint8Array }) => (await gateway.balance(account(key))).free;
  const ingress = async (index: number) => {
    const entry = para.api.query['phalaMq']!['offchainIngress']!;
    const raw = await chain.call('state_getStorage', [entry.key(messages[index]!.origin)]);
    return typeof raw === 'string' ? Buffer.from(raw.slice(2), 'hex').readBigUInt64LE() : 0n;
  };
  let asks = 0;
  const ask = (
    signed: readonly string[],
    operator: JobRequest['operator'] = { sealed: sealedOf('alice') },
  ): Promise<JobOutcome> => {
    asks += 1;
    return queue.submit({
      id: `BATCH_SYNC_MQ_MESSAGE:test:${asks}`,
      job: { action: 'BATCH_SYNC_MQ_MESSAGE', payload: { pid: '1', messages: signed as Hex[] } },
      operator,
    });
  };
  /** Sends a call of somebody else, past the trader. */
  async function sendBeside(key: typeof alice, call: Hex, nonce: number): Promise<void> {
    const head = gateway.finalizedHead.value!;
    const { bytes } = gateway.sign({
      ...{ call, signer: key.pair, nonce, tip: 0n, eraHash: head.hash },
      era: { birth: head.number, period: eraPeriodOf(64) },
    });
    await chain.call('author_submitExtrinsic', [bytes]);
  }
  const untilSo = async (isSo: () => Promise<boolean>) => {
    const end = Date.now() + 30_000;
    while (!(await isSo())) {
      if (Date.now() > end) throw new Error('it never came to that');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  it('carries out the jobs of one moment as one batch, and knows what it cost', async () => {
    const outcomes = await Promise.all([ask([messages[0]!.signed]), ask([messages[1]!.signed])]);
    expect(outcomes).toEqual([
      expect.objectContaining({ ok: true }),
      expect.objectContaining({ ok: true }),
    ]);
    const [one, other] = outcomes as (JobOutcome & { ok: true })[];
    expect(one!.txHash).toBe(other!.txHash);
    expect([await ingress(0), await ingress(1)]).toEqual([1n, 1n]);
    await untilSo(async () => (await sender.history()).ended.length > 0);
    const [record] = (await sender.history()).ended;
    expect(record).toMatchObject({ state: 'finalized', nonce: 0, calls: 2 });
    expect(record!.fee).toBe(1_000n * PHA - (await free(alice)));
  });

  it('tells a failed item to the job that owns it, with what the runtime says of it', async () => {
    const [bad, good] = await Promise.all([ask([messages[0]!.signed]), ask([messages[2]!.signed])]);
    expect(good).toMatchObject({ ok: true });
    expect(bad).toMatchObject({
      ok: false,
      error: { code: 'CALL_FAILED', facts: { pallet: 'phalaMq', error: 'BadSequence' } },
    });
    expect(await ingress(2)).toBe(1n);
  });

  it('acts through a proxy, and says when there is none', async () => {
    const proxiedAccount = bob.ss58(30);
    const refused = await ask([messages[3]!.signed], { sealed: sealedOf('alice'), proxiedAccount });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'CALL_FAILED', facts: { pallet: 'proxy', error: 'NotProxy' } },
    });
    expect(await ingress(3)).toBe(0n);
    const add = para.api.tx['proxy']!['addProxy']!({ Id: account(alice) }, 'StakePoolManager', 0);
    await sendBeside(bob, add.method.toHex(), 0);
    const reader = new PreflightReader({}, { api: para, logger });
    await untilSo(async () => {
      const { proxies } = await reader.read({
        ...{ accounts: [account(alice), account(poor)], reals: [account(bob)] },
        ...{ workers: [], pools: [] },
      });
      return (proxies.get(account(bob)) ?? []).length > 0;
    });
    const outcomes = await Promise.all([
      ask([messages[3]!.signed], { sealed: sealedOf('alice'), proxiedAccount }),
      ask([messages[0]!.signed], { sealed: sealedOf('alice'), proxiedAccount }),
    ]);
    expect(outcomes).toMatchObject([
      { ok: true },
      { ok: false, error: { facts: { error: 'BadSequence' } } },
    ]);
    expect(await ingress(3)).toBe(1n);
  });

  it('reads beforehand what the runtime holds: balance, proxies, rules', async () => {
    const reader = new PreflightReader({}, { api: para, logger });
    const facts = await reader.read({
      ...{ accounts: [account(alice), account(poor)], reals: [account(bob)] },
      ...{ workers: [`0x${'aa'.repeat(32)}`], pools: [0n, 77n] },
    });
    expect(facts.spendable.get(account(alice))).toBe(await free(alice));
    expect(facts.spendable.get(account(poor))).toBe(0n);
    expect(facts.proxies.get(account(bob))).toEqual([
      { delegate: account(alice), type: 'StakePoolManager', delayBlocks: 0 },
    ]);
    expect(facts.workers.get(`0x${'aa'.repeat(32)}`)).toMatchObject({ registered: false });
    expect(facts.pools.has(77n)).toBe(false);
    expect(facts.rules).toMatchObject({ minScore: 50, maxPoolWorkers: 200 });
    expect(facts.rules.tokenomics?.k).toBeGreaterThan(0);
  });

  it('goes on with the right nonce when the account is used elsewhere', async () => {
    const remark = para.api.tx['system']!['remark']!('0x00').method.toHex();
    const { nonce } = await gateway.balance(account(alice));
    const [outcome] = await Promise.all([
      ask([messages[4]!.signed]),
      sendBeside(alice, remark, nonce),
    ]);
    expect(outcome).toMatchObject({ ok: true });
    expect(await ingress(4)).toBe(1n);
    const after = (await gateway.balance(account(alice))).nonce;
    expect(after).toBe(nonce + 2);
    expect(await ask([messages[5]!.signed])).toMatchObject({ ok: true });
    expect((await gateway.balance(account(alice))).nonce).toBe(after + 1);
  });

  it('fails at once what can never be: an unknown pool, an account without money', async () => {
    const publicKey: Hex = `0x${'aa'.repeat(32)}`;
    const outcome = await queue.submit({
      id: 'ADD_WORKER:test:1',
      job: { action: 'ADD_WORKER', payload: { pid: '77', publicKey } },
      operator: { sealed: sealedOf('alice') },
    });
    expect(outcome).toMatchObject({ ok: false, error: { code: 'UNKNOWN_POOL' } });
    const unpaid = await ask([messages[6]!.signed], { sealed: sealedOf('poor') });
    expect(unpaid).toMatchObject({ ok: false, error: { code: 'BALANCE_TOO_LOW' } });
    expect(await ingress(6)).toBe(0n);
  });
});
