import { BaseErrorCode, BridgeError, silentLogger, type Clock } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import { keepTrying } from './keep-trying.js';

const clock: Clock = { now: () => 0, sleep: () => Promise.resolve() };

describe('keepTrying', () => {
  it('goes on after an abort that is not its own, and ends with its own', async () => {
    const controller = new AbortController();
    const failures: unknown[] = [];
    let runs = 0;
    await keepTrying(
      () => {
        runs += 1;
        if (runs === 3) controller.abort();
        return Promise.reject(new BridgeError(BaseErrorCode.ABORTED, 'A call was given up'));
      },
      { what: 'Test', onFailure: (error) => failures.push(error), signal: controller.signal },
      { logger: silentLogger, clock },
    );
    expect(runs).toBe(3);
    expect(failures).toHaveLength(2);
  });
});
