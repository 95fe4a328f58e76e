import { BridgeError, silentLogger, silentMetrics, sleep, type Hex } from '@runtime-bridge/base';
import type { JobOutcome, JobRequest } from '@runtime-bridge/tx-queue';
import { expect, it } from 'vitest';

import { EgressDesk } from '../egress/egress-desk.js';
import type { PoolRow } from '../inventory/rows.js';
import { JobDesk } from './job-desk.js';

const pool: PoolRow = {
  uuid: 'pool',
  poolId: 7n,
  name: 'pool',
  enabled: true,
  syncOnly: false,
  operatorPublicKey: '0x01',
  sealedOperator: Uint8Array.of(1),
  proxiedAccount: '',
  createdAtMs: 0,
  updatedAtMs: 0,
};
const key: Hex = `0x${'11'.repeat(32)}`;
const signal = new AbortController().signal;

/** A trader: it carries out every id that it has not carried out with success, and takes a fee for it. */
class Trader {
  readonly carriedOut: string[] = [];
  answer: (request: JobRequest) => JobOutcome = (request) => this.succeed(request);

  submit(request: JobRequest): Promise<JobOutcome> {
    this.carriedOut.push(request.id);
    return Promise.resolve(this.answer(request));
  }

  succeed(_request: JobRequest): JobOutcome {
    return { ok: true, blockHash: '0x00', blockNumber: 5, txHash: '0x00' };
  }
}

const failed = (): JobOutcome => ({ ok: false, error: { code: 'CALL_FAILED', message: 'no' } });

function deskFor(trader: Trader) {
  let nowMs = 1_000;
  const desk = new JobDesk({
    producer: trader,
    block: () => 0,
    logger: silentLogger,
    clock: { now: () => nowMs, sleep },
  });
  return { desk, pass: (ms: number) => (nowMs += ms) };
}

it('tells whoever asks for a failed job again, and has it carried out once', async () => {
  const trader = new Trader();
  trader.answer = failed;
  const { desk, pass } = deskFor(trader);
  const job = { action: 'ADD_WORKER', epoch: 'pool-7' } as const;
  const first = await desk.worker(pool, key, job, signal);
  expect(first).toMatchObject({ ok: false, error: { code: 'CALL_FAILED' } });
  pass(60_000);
  expect(await desk.worker(pool, key, job, signal)).toEqual(first);
  expect(trader.carriedOut).toHaveLength(1);
  await desk.worker(pool, key, { ...job, epoch: 'pool-7-again1' }, signal);
  expect(new Set(trader.carriedOut).size).toBe(2);
  pass(600_000);
  trader.answer = (request) => trader.succeed(request);
  expect(await desk.worker(pool, key, job, signal)).toMatchObject({ ok: true });
});

it('asks again under the same id when nobody knows what became of it', async () => {
  const trader = new Trader();
  trader.answer = () => {
    throw new BridgeError('CLOSED', 'connection lost');
  };
  const { desk } = deskFor(trader);
  const job = { action: 'ADD_WORKER', epoch: 'pool-7' } as const;
  const lost = await desk.worker(pool, key, job, signal);
  expect(lost).toMatchObject({ ok: false, error: { code: 'QUEUE_UNAVAILABLE' } });
  trader.answer = (request) => trader.succeed(request);
  expect(await desk.worker(pool, key, job, signal)).toMatchObject({ ok: true });
  expect(new Set(trader.carriedOut).size).toBe(1);
});

it('hands in a long queue of messages in jobs of at most 100, each id once, whatever fails', async () => {
  const trader = new Trader();
  const { desk } = deskFor(trader);
  let ingress = 0n;
  let block = 1;
  const sizes: number[] = [];
  trader.answer = (request) => {
    if (request.job.action !== 'BATCH_SYNC_MQ_MESSAGE') throw new Error('not asked for');
    const { length } = request.job.payload.messages;
    sizes.push(length);
    if (sizes.length % 2 === 1) return failed();
    ingress += BigInt(length);
    return { ok: true, blockHash: '0x00', blockNumber: block, txHash: '0x00' };
  };
  const egress = new EgressDesk(
    {},
    {
      ingressOf: () => ({ sequence: ingress, block }),
      newestBlock: () => block,
      submit: (_uuid, job, inner) =>
        desk.submit(
          pool,
          job.subject,
          job.epoch,
          {
            action: 'BATCH_SYNC_MQ_MESSAGE',
            payload: { pid: '7', messages: [...job.messages] },
          },
          inner,
        ),
      notice: () => undefined,
      logger: silentLogger,
      metrics: silentMetrics,
    },
  );
  const messages = Array.from({ length: 250 }, (_, index) => ({
    sequence: BigInt(index),
    raw: Uint8Array.of(index % 256),
  }));
  for (let round = 0; round < 20 && ingress < 250n; round += 1) {
    block += 1;
    egress.report('w', [{ origin: '0x02', messages }]);
    await sleep(2);
  }
  expect(ingress).toBe(250n);
  expect(Math.max(...sizes)).toBe(100);
  expect(new Set(trader.carriedOut).size).toBe(trader.carriedOut.length);
  await egress.stop();
});
