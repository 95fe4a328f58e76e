import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { silentLogger as logger, silentMetrics as metrics } from '@runtime-bridge/base';
import { ParaApi, TxGateway } from '@runtime-bridge/chain-client/tx';
import { operatorFromMnemonic } from '@runtime-bridge/keystore';
import { EmbeddedConsumer, EmbeddedQueue } from '@runtime-bridge/tx-queue';
import { LevelJournal, TxSender } from '@runtime-bridge/tx-sender';
import type { Bench } from '../harness/report.js';
import { quantile, summary } from '../harness/stats.js';
import { DevChain } from './dev-chain.js';
import { firstMessages } from './messages.js';

const POOLS = 20;
const JOBS = 1_000;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
/** The parachain makes a block every second one: twice as fast as Khala. */
const RELAY_BLOCK_MS = 3_000;
const PHA = 10n ** 12n;

const uriOf = (pool: number) => `//operator${pool}`;

/**
 * 1,000 jobs of 20 pools, each with an operator of its own, handed in at one moment, beside a bare loop that submits as
 * many calls in batches that were signed beforehand. Both see their transactions in the blocks of the same chain.
 */
export const txBench: Bench = async (add) => {
  await cryptoWaitReady();
  const chain = await DevChain.start(RELAY_BLOCK_MS);
  const provider = new WsProvider(chain.paraUrl) as unknown as NonNullable<
    NonNullable<ConstructorParameters<typeof ApiPromise>[0]>['provider']
  >;
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  const folder = await mkdtemp(join(tmpdir(), 'rb-bench-trader-'));
  const trader = await startTrader(chain.paraUrl, folder);
  try {
    const pairs = await fundOperators(api);
    const ours: Round[] = [];
    const raw: Round[] = [];
    // Signed before the first round: it holds up this process, which would then hear late of blocks.
    const messages = Array.from({ length: ROUNDS }, (_, round) => ({
      ofRaw: firstMessages(JOBS, `raw${round}`),
      ofOurs: firstMessages(JOBS, `ours${round}`),
    }));
    for (const { ofRaw, ofOurs } of messages) {
      raw.push(await rawRound(api, pairs, ofRaw));
      ours.push(await traderRound(trader, api, ofOurs));
    }
    const of = (rounds: Round[], pick: (round: Round) => number) => summary(rounds.map(pick));
    const rate = (round: Round) => (1_000 * JOBS) / Math.max(...round.latenciesMs);
    add({
      ...{ name: 'jobs in blocks per second', ...of(ours, rate), unit: 'jobs/s' },
      raw: of(raw, rate).value,
    });
    add({
      name: 'jobs per block that has any',
      ...of(ours, ({ blocks }) => JOBS / new Set(blocks).size),
      unit: 'jobs',
      raw: of(raw, ({ blocks }) => JOBS / new Set(blocks).size).value,
    });
    for (const [name, part] of [
      ['median', 0.5],
      ['95 %', 0.95],
      ['slowest', 1],
    ] as const) {
      const latency = ({ latenciesMs }: Round) => quantile(latenciesMs, part) / 1_000;
      add({
        ...{ name: `from job to block, ${name}`, ...of(ours, latency), unit: 's' },
        raw: of(raw, latency).value,
      });
    }
    const lag = ({ blocks, lastQueuedAt }: Round) => Math.max(...blocks) - lastQueuedAt;
    add({
      ...{ name: 'blocks after the last job was queued', ...of(ours, lag), unit: 'blocks' },
      reach: { atMost: 3 },
    });
    add({ name: 'the same of the bare loop', ...of(raw, lag), unit: 'blocks' });
  } finally {
    await trader.stop();
    await api.disconnect();
    await chain.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

/** What one round gave. */
interface Round {
  latenciesMs: number[];
  /** Block of each call. */
  blocks: number[];
  /** Best block of the node when the last one had been handed in. */
  lastQueuedAt: number;
}

interface Trader {
  queue: EmbeddedQueue;
  stop: () => Promise<void>;
}

async function startTrader(url: string, folder: string): Promise<Trader> {
  const keys = new Map(
    Array.from({ length: POOLS }, (_, pool) => [uriOf(pool), operatorFromMnemonic(uriOf(pool))]),
  );
  const para = new ParaApi({ endpoints: [url] }, { logger, metrics });
  await para.start();
  const queue = new EmbeddedQueue({}, { logger, metrics });
  const sender = new TxSender(
    {},
    {
      consumer: new EmbeddedConsumer({}, { queue, logger }),
      chain: new TxGateway({}, { para }),
      journal: new LevelJournal(
        { path: join(folder, 'journal'), maxRemembered: 20_000, maxHistory: 1_000 },
        { logger },
      ),
      openOperator: (sealed) => keys.get(Buffer.from(sealed).toString())!,
      logger,
      metrics,
    },
  );
  await sender.start();
  return {
    queue,
    stop: async () => {
      await sender.stop();
      await queue.stop();
      await para.stop();
    },
  };
}

async function traderRound(
  { queue }: Trader,
  api: ApiPromise,
  messages: readonly `0x${string}`[],
): Promise<Round> {
  const startedAtMs = performance.now();
  const asked = messages.map(async (message, index) => {
    const pool = index % POOLS;
    const outcome = await queue.submit({
      id: `BATCH_SYNC_MQ_MESSAGE:${message.slice(0, 80)}:0`,
      job: {
        action: 'BATCH_SYNC_MQ_MESSAGE',
        payload: { pid: String(pool), messages: [message] },
      },
      operator: { sealed: Buffer.from(uriOf(pool)).toString('base64') },
    });
    if (!outcome.ok) throw new Error(`a job failed: ${outcome.error.message}`);
    return { block: outcome.blockNumber, ms: performance.now() - startedAtMs };
  });
  const [lastQueuedAt, ...done] = await Promise.all([bestNumber(api), ...asked]);
  return {
    latenciesMs: done.map(({ ms }) => ms),
    blocks: done.map(({ block }) => block),
    lastQueuedAt,
  };
}

/** What can be had: batches of 50 are built and signed before the time is taken. */
async function rawRound(
  api: ApiPromise,
  pairs: readonly KeyringPair[],
  messages: readonly `0x${string}`[],
): Promise<Round> {
  const each = messages.length / pairs.length;
  const signed = await Promise.all(
    pairs.map(async (pair, pool) => {
      const calls = messages
        .slice(pool * each, (pool + 1) * each)
        .map((message) => api.tx['phalaMq']!['syncOffchainMessage']!(message));
      const batch = api.tx['utility']!['forceBatch']!(calls);
      return await batch.signAsync(pair, { nonce: -1 });
    }),
  );
  const startedAtMs = performance.now();
  const sent = signed.map(
    (tx) =>
      new Promise<{ block: number; ms: number }>((resolve, reject) => {
        const onStatus = async (result: { status: { isInBlock: boolean; asInBlock: unknown } }) => {
          if (!result.status.isInBlock) return;
          const ms = performance.now() - startedAtMs;
          const header = await api.rpc.chain.getHeader(result.status.asInBlock as string);
          resolve({ block: header.number.toNumber(), ms });
        };
        tx.send((result) => void onStatus(result).catch(reject)).catch(reject);
      }),
  );
  const [lastQueuedAt, ...done] = await Promise.all([bestNumber(api), ...sent]);
  return {
    latenciesMs: done.flatMap(({ ms }) => Array.from({ length: each }, () => ms)),
    blocks: done.flatMap(({ block }) => Array.from({ length: each }, () => block)),
    lastQueuedAt,
  };
}

/** Asked of the node itself: what this process has heard of may be old when it is busy. */
async function bestNumber(api: ApiPromise): Promise<number> {
  return (await api.rpc.chain.getHeader()).number.toNumber();
}

/** Gives each operator some money out of //Alice's. */
async function fundOperators(api: ApiPromise): Promise<KeyringPair[]> {
  const keyring = new Keyring({ type: 'sr25519' });
  const alice = keyring.addFromUri('//Alice');
  const pairs = Array.from({ length: POOLS }, (_, pool) => keyring.addFromUri(uriOf(pool)));
  const transfers = pairs.map((pair) =>
    api.tx['balances']!['transferKeepAlive']!(pair.address, 1_000n * PHA),
  );
  await new Promise<void>((resolve, reject) => {
    api.tx['utility']!['batchAll']!(transfers)
      .signAndSend(alice, ({ status, dispatchError }) => {
        if (dispatchError) reject(new Error(dispatchError.toString()));
        else if (status.isFinalized) resolve();
      })
      .catch(reject);
  });
  return pairs;
}
