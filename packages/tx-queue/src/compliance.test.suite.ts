import { afterEach, describe, expect, it } from 'vitest';
import { formatJobId, type JobOutcome, type JobRequest, type ReceivedJob } from './job.js';
import type { JobConsumer, JobHandler, JobProducer } from './queue.js';

/** What a queue has to offer to be tested. */
export interface QueueUnderTest {
  producer: JobProducer;
  /** A working end, not started. May be called again for another one. */
  consumer(options: { concurrency: number }): JobConsumer;
  /** Takes a working end away as if its process had died. */
  kill(consumer: JobConsumer): Promise<void>;
  close(): Promise<void>;
}

export const key = `0x${'ab'.repeat(32)}` as const;

export function request(epoch: string, stake = '5'): JobRequest {
  return {
    id: formatJobId('START_COMPUTING', key, epoch),
    job: { action: 'START_COMPUTING', payload: { pid: '7', publicKey: key, stake } },
    operator: { sealed: 'c2VhbGVk', proxiedAccount: '3zcnk' },
  };
}

export const done = (blockNumber: number): JobOutcome => ({
  ok: true,
  blockHash: `0x${'0b'.repeat(32)}`,
  blockNumber,
  txHash: `0x${'0c'.repeat(32)}`,
});

/** What every queue must do, whatever it is made of. */
export function queueSuite(
  name: string,
  make: (options: { maxJobs: number }) => Promise<QueueUnderTest>,
  options: { redeliveryMs: number },
): void {
  describe(`${name}: what every queue does`, () => {
    const open: QueueUnderTest[] = [];
    const consumers: JobConsumer[] = [];

    async function queue(maxJobs = 100): Promise<QueueUnderTest> {
      const made = await make({ maxJobs });
      open.push(made);
      return made;
    }

    async function work(made: QueueUnderTest, handler: JobHandler, concurrency = 10) {
      const consumer = made.consumer({ concurrency });
      consumers.push(consumer);
      consumer.handle(handler);
      await consumer.start();
      return consumer;
    }

    afterEach(async () => {
      for (const consumer of consumers.splice(0)) await consumer.stop();
      for (const made of open.splice(0)) await made.close();
    });

    it('hands a job over unchanged and its outcome back', async () => {
      const made = await queue();
      const got: ReceivedJob[] = [];
      await work(made, (job) => {
        got.push(job);
        return Promise.resolve(done(9));
      });
      expect(await made.producer.submit(request('1'))).toEqual(done(9));
      expect(got).toEqual([{ ...request('1'), ask: expect.any(String) as string }]);
    });

    it('takes jobs before anybody works, and hands them out in order', async () => {
      const made = await queue();
      const asked = ['1', '2', '3'].map((epoch) => made.producer.submit(request(epoch)));
      await until(async () => (await made.producer.counts()).waiting === 3);
      const order: string[] = [];
      await work(
        made,
        (job) => {
          order.push(job.id);
          return Promise.resolve(done(1));
        },
        1,
      );
      await Promise.all(asked);
      expect(order).toEqual(['1', '2', '3'].map((epoch) => request(epoch).id));
      expect(await made.producer.counts()).toEqual({ waiting: 0, active: 0 });
    });

    it('carries an error whole', async () => {
      const made = await queue();
      const error = { code: 'CALL_FAILED', message: 'no', remedy: 'do', facts: { pallet: 'x' } };
      await work(made, () => Promise.resolve({ ok: false, error }));
      expect(await made.producer.submit(request('1'))).toEqual({ ok: false, error });
    });

    it('makes an outcome of what a handler throws', async () => {
      const made = await queue();
      await work(made, () => Promise.reject(new Error('oops')));
      expect(await made.producer.submit(request('1'))).toMatchObject({
        ok: false,
        error: { code: 'UNEXPECTED', message: 'oops' },
      });
    });

    it('asks once for what is asked twice under one id', async () => {
      const made = await queue();
      let handled = 0;
      const asked = [request('1'), request('1'), request('1')].map((one) =>
        made.producer.submit(one),
      );
      await work(made, () => {
        handled += 1;
        return Promise.resolve(done(handled));
      });
      expect(await Promise.all(asked)).toEqual([done(1), done(1), done(1)]);
      expect(handled).toBe(1);
    });

    it('attaches to a job that is being worked on', async () => {
      const made = await queue();
      let finish: ((outcome: JobOutcome) => void) | undefined;
      await work(made, () => new Promise((resolve) => (finish = resolve)));
      const first = made.producer.submit(request('1'));
      await until(() => finish !== undefined);
      const second = made.producer.submit(request('1'));
      await new Promise((resolve) => setTimeout(resolve, 30));
      finish!(done(4));
      expect(await Promise.all([first, second])).toEqual([done(4), done(4)]);
    });

    it('forgets a job that is over: its id can be asked again', async () => {
      const made = await queue();
      let handled = 0;
      await work(made, () => Promise.resolve(done(++handled)));
      expect(await made.producer.submit(request('1'))).toEqual(done(1));
      expect(await made.producer.submit(request('1'))).toEqual(done(2));
    });

    it('works on no more at once than allowed', async () => {
      const made = await queue();
      let running = 0;
      let most = 0;
      await work(
        made,
        async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 10));
          running -= 1;
          return done(1);
        },
        2,
      );
      await Promise.all(
        Array.from({ length: 8 }, (_, index) => made.producer.submit(request(String(index)))),
      );
      expect(most).toBe(2);
    });

    it('refuses what is no job, naming the field', async () => {
      const made = await queue();
      const bad = request('1', '-1');
      await expect(made.producer.submit(bad)).rejects.toMatchObject({ code: 'INVALID_JOB' });
      expect(await made.producer.counts()).toEqual({ waiting: 0, active: 0 });
    });

    it('refuses more jobs than it may hold, and goes on with those it has', async () => {
      const made = await queue(2);
      const held = ['1', '2'].map((epoch) => made.producer.submit(request(epoch)));
      await until(async () => (await made.producer.counts()).waiting === 2);
      await expect(made.producer.submit(request('3'))).rejects.toMatchObject({
        code: 'QUEUE_FULL',
      });
      await work(made, () => Promise.resolve(done(1)));
      expect(await Promise.all(held)).toEqual([done(1), done(1)]);
    });

    it('lets an asker give up, and leaves the job', async () => {
      const made = await queue();
      const controller = new AbortController();
      const gaveUp = made.producer.submit(request('1'), controller.signal);
      await until(async () => (await made.producer.counts()).waiting === 1);
      controller.abort();
      await expect(gaveUp).rejects.toMatchObject({ code: 'ABORTED' });
      const again = made.producer.submit(request('1'));
      let handled = 0;
      await work(made, () => Promise.resolve(done(++handled)));
      expect(await again).toEqual(done(1));
      expect(handled).toBe(1);
    });

    it('does not begin for an asker that has given up already', async () => {
      const made = await queue();
      await expect(made.producer.submit(request('1'), AbortSignal.abort())).rejects.toMatchObject({
        code: 'ABORTED',
      });
    });

    it(
      'gives a job whose worker died to the next',
      async () => {
        const made = await queue();
        let begun = 0;
        const first = await work(made, () => {
          begun += 1;
          return new Promise(() => {});
        });
        const asked = made.producer.submit(request('1'));
        await until(() => begun === 1);
        await made.kill(first);
        await work(made, () => Promise.resolve(done(8)));
        expect(await asked).toEqual(done(8));
      },
      options.redeliveryMs,
    );

    it(
      'gives a job whose worker was stopped to the next, however its handler ends',
      async () => {
        const made = await queue();
        let begun = 0;
        const first = await work(made, (_job, signal) => {
          begun += 1;
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('stopped')));
          });
        });
        const asked = made.producer.submit(request('1'));
        await until(() => begun === 1);
        await first.stop();
        await work(made, () => Promise.resolve(done(8)));
        expect(await asked).toEqual(done(8));
      },
      options.redeliveryMs,
    );

    it('ends all waits when it stops', async () => {
      const made = await queue();
      const asked = made.producer.submit(request('1'));
      asked.catch(() => {});
      await until(async () => (await made.producer.counts()).waiting === 1);
      await made.producer.stop();
      await expect(asked).rejects.toMatchObject({ code: 'CLOSED' });
      await expect(made.producer.submit(request('2'))).rejects.toMatchObject({ code: 'CLOSED' });
    });
  });
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>, limitMs = 5_000) {
  const end = Date.now() + limitMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it never came to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
