import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  JobAction,
  jobLimits,
  parseJobOutcome,
  parseJobRequest,
  parseReceivedJob,
  toQueueData,
} from './job.js';
import { key, request } from './compliance.test.suite.js';

const message = '0x02aa';

describe('jobs', () => {
  it.each([
    ['no action', { payload: { pid: '1' } }],
    ['an unknown action', { action: 'DANCE', payload: { pid: '1' } }],
    ['no pool', { action: 'ADD_WORKER', payload: { publicKey: key } }],
    ['a pool that is no number', { action: 'ADD_WORKER', payload: { pid: 'x', publicKey: key } }],
    [
      'a pool above 64 bits',
      { action: 'ADD_WORKER', payload: { pid: (1n << 64n).toString(), publicKey: key } },
    ],
    ['a short key', { action: 'ADD_WORKER', payload: { pid: '1', publicKey: '0xab' } }],
    [
      'a stake above 128 bits',
      {
        action: 'START_COMPUTING',
        payload: { pid: '1', publicKey: key, stake: (1n << 128n).toString() },
      },
    ],
    ['no messages', { action: 'BATCH_SYNC_MQ_MESSAGE', payload: { pid: '1', messages: [] } }],
    ['odd hex', { action: 'BATCH_SYNC_MQ_MESSAGE', payload: { pid: '1', messages: ['0xabc'] } }],
    [
      'too many messages',
      {
        action: 'BATCH_SYNC_MQ_MESSAGE',
        payload: {
          pid: '1',
          messages: Array.from({ length: jobLimits.maxMessages + 1 }, () => message),
        },
      },
    ],
    [
      'too many bytes',
      {
        action: 'BATCH_SYNC_MQ_MESSAGE',
        payload: { pid: '1', messages: [`0x${'00'.repeat(jobLimits.maxBytes / 2)}`] },
      },
    ],
    [
      'an unknown version',
      {
        action: 'REGISTER_WORKER',
        payload: { pid: '1', runtimeInfo: '0x01', attestation: '0x00', version: 'v3' },
      },
    ],
  ])('with %s are refused', (_what, job) => {
    expect(() => parseReceivedJob('1', job)).toThrow(
      expect.objectContaining({ code: 'INVALID_JOB' }),
    );
  });

  it('names the field that is wrong', () => {
    expect(() =>
      parseReceivedJob('1', { action: 'ADD_WORKER', payload: { pid: '1', publicKey: '0xab' } }),
    ).toThrow(
      expect.objectContaining({
        facts: expect.objectContaining({ problems: expect.stringContaining('payload.publicKey') }),
      }),
    );
  });

  it.each([
    ['', 'id'],
    ['a b', 'id'],
    ['x'.repeat(jobLimits.maxIdLength + 1), 'id'],
  ])('refuse the id %j', (id) => {
    expect(() => parseJobRequest({ ...request('1'), id })).toThrow(
      expect.objectContaining({ code: 'INVALID_JOB' }),
    );
  });

  it('of our askers need an operator, those of 2022 have none', () => {
    const { id, job } = request('1');
    expect(() => parseJobRequest({ id, job })).toThrow(
      expect.objectContaining({ code: 'INVALID_JOB' }),
    );
    expect(parseReceivedJob('17', { action: job.action, payload: job.payload })).toEqual({
      id: '17',
      job,
      operator: undefined,
    });
  });

  it('take hex and numbers in the forms of 2022', () => {
    const job = parseReceivedJob('1', {
      action: 'RESTART_COMPUTING',
      payload: { pid: 3, publicKey: key.slice(2).toUpperCase(), stake: '007' },
    });
    expect(job.job.payload).toEqual({ pid: '3', publicKey: key, stake: '7' });
  });

  it('come out of the queue as they went in', () => {
    const hexText = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes): `0x${string}` => `0x${Buffer.from(bytes).toString('hex')}`);
    const pid = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(String);
    const stake = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(String);
    const job = fc.oneof(
      fc.record({
        action: fc.constant(JobAction.BATCH_SYNC_MQ_MESSAGE),
        payload: fc.record({ pid, messages: fc.array(hexText, { minLength: 1, maxLength: 5 }) }),
      }),
      fc.record({
        action: fc.constantFrom(JobAction.START_COMPUTING, JobAction.RESTART_COMPUTING),
        payload: fc.record({ pid, publicKey: fc.constant(key), stake }),
      }),
      fc.record({
        action: fc.constantFrom(
          JobAction.ADD_WORKER,
          JobAction.STOP_COMPUTING,
          JobAction.RECLAIM_WORKER,
        ),
        payload: fc.record({ pid, publicKey: fc.constant(key) }),
      }),
      fc.record({
        action: fc.constant(JobAction.REGISTER_WORKER),
        payload: fc.record({
          pid,
          runtimeInfo: hexText,
          attestation: hexText,
          version: fc.constantFrom('v1' as const, 'v2' as const),
        }),
      }),
    );
    fc.assert(
      fc.property(job, (value) => {
        const asked = { ...request('1'), job: value } as ReturnType<typeof parseJobRequest>;
        const data: unknown = JSON.parse(JSON.stringify(toQueueData(parseJobRequest(asked), 'a1')));
        expect(parseReceivedJob(asked.id, data)).toEqual({ ...asked, ask: 'a1' });
      }),
    );
  });
});

describe('outcomes', () => {
  it.each([
    [undefined],
    [null],
    [{}],
    [{ ok: true }],
    [{ ok: true, blockHash: '0x', blockNumber: 1, txHash: '0x' }],
    [{ ok: false }],
    [{ ok: false, error: { code: 1, message: 'x' } }],
  ])('%j is none', (value) => {
    expect(parseJobOutcome(value)).toBeUndefined();
  });
});
