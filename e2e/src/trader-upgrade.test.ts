import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger as logger, silentMetrics as metrics, toHex } from '@runtime-bridge/base';
import { eraPeriodOf, ParaApi, TxGateway } from '@runtime-bridge/chain-client/tx';
import { operatorFromMnemonic } from '@runtime-bridge/keystore';
import { EmbeddedConsumer, EmbeddedQueue, type JobOutcome } from '@runtime-bridge/tx-queue';
import { LevelJournal, TxSender } from '@runtime-bridge/tx-sender';
import { afterEach, expect, it } from 'vitest';
import { readRecord } from './trader/chain-record.js';
import { startChains } from './trader/dev-chains.js';
import { CHARLIE } from './trader/kill-rig.js';
import { firstMessages } from './trader/messages.js';

const JOBS = 60;
/** A job every so often: the upgrades come among them. */
const EVERY_MS = 250;

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** What works on one chain, put together as in production but for the queue's being in this process. */
async function traderOn(url: string, folder: string) {
  const para = new ParaApi({ endpoints: [url] }, { logger, metrics });
  await para.start();
  stops.push(() => para.stop());
  const gateway = new TxGateway({}, { para });
  const queue = new EmbeddedQueue({}, { logger, metrics });
  stops.push(() => queue.stop());
  const charlie = operatorFromMnemonic('//Charlie');
  const sender = new TxSender(
    { batchWaitMs: 200, eraBlocks: 8, resendMinMs: 200, resendMaxMs: 1_000 },
    {
      consumer: new EmbeddedConsumer({}, { queue, logger }),
      chain: gateway,
      journal: new LevelJournal(
        { path: join(folder, 'journal'), maxRemembered: 1_000, maxHistory: 1_000 },
        { logger },
      ),
      openOperator: () => charlie,
      logger,
      metrics,
    },
  );
  await sender.start();
  stops.push(() => sender.stop());
  return { para, gateway, queue, sender };
}

it('goes on through upgrades of the runtime, each call in effect once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trader-upgrade-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const chains = await startChains(folder, 400);
  stops.push(chains.stop);
  const { para, gateway, queue, sender } = await traderOn(chains.paraUrl, folder);
  const alice = operatorFromMnemonic('//Alice');

  async function upgradeTo(spec: number): Promise<void> {
    const { api } = para;
    const code = `0x${Buffer.from(`runtime-bridge devnet khala-${spec}`).toString('hex')}`;
    const call = api.tx['sudo']!['sudo']!(api.tx['system']!['setCode']!(code)).method.toHex();
    const head = gateway.finalizedHead.value!;
    const { bytes } = gateway.sign({
      ...{ call, signer: alice.pair, tip: 0n, eraHash: head.hash },
      nonce: await gateway.nextNonce(toHex(alice.publicKey)),
      era: { birth: head.number, period: eraPeriodOf(64) },
    });
    await para.call('author_submitExtrinsic', [bytes]);
  }

  const before = para.runtimeVersion.value!.specVersion;
  const messages = await firstMessages(JOBS, 'upgrade');
  const asked: Promise<JobOutcome>[] = [];
  for (const [index, { origin, signed }] of messages.entries()) {
    asked.push(
      queue.submit({
        id: `BATCH_SYNC_MQ_MESSAGE:${origin}:0-0`,
        job: {
          action: 'BATCH_SYNC_MQ_MESSAGE',
          payload: { pid: '1', messages: [signed as `0x${string}`] },
        },
        operator: { sealed: 'c2VhbGVk' },
      }),
    );
    if (index === 15) await upgradeTo(before + 1);
    // From this one on extrinsics carry one more extension.
    if (index === 35) await upgradeTo(1290);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  const outcomes = await Promise.all(asked);
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
  expect(para.runtimeVersion.value!.specVersion).toBe(1290);
  const end = Date.now() + 60_000;
  while (sender.status.jobs > 0 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const record = await readRecord(
    chains.paraUrl,
    CHARLIE,
    messages.map(({ origin }) => origin),
  );
  expect(messages.filter(({ signed }) => record.times.get(signed) !== 1)).toEqual([]);
  expect([...record.ingress.values()].every((next) => next === 1n)).toBe(true);
  expect(record.nonces).toEqual(record.nonces.map((_, index) => index));
}, 180_000);
