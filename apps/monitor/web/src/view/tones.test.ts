import { describe, expect, it } from 'vitest';
import { sessionStates, transactionStates, workerStates } from '../../../src/api/contract.js';
import { disagreementOf, lookOfSession, lookOfState, lookOfTransaction } from './tones.js';
import { session, workerRow } from './worker-rows.test.support.js';

describe('states', () => {
  it('have a word, an icon and a meaning each, and no two look the same', () => {
    for (const looks of [
      workerStates.map(lookOfState),
      sessionStates.map(lookOfSession),
      transactionStates.map(lookOfTransaction),
    ]) {
      for (const look of looks) {
        expect(look.word).not.toBe('');
        expect(look.meaning).not.toBe('');
      }
      expect(new Set(looks.map(({ icon }) => icon)).size).toBe(looks.length);
      expect(new Set(looks.map(({ word }) => word)).size).toBe(looks.length);
    }
  });

  it('show one that is not known as it is', () => {
    expect(lookOfSession('WorkerDancing')).toMatchObject({ word: 'WorkerDancing', shade: 'off' });
    expect(lookOfSession(null).word).toBe('no session');
  });
});

describe('manager and chain', () => {
  it.each([
    [{ state: 'S_ACTIVE', session: session('WorkerIdle') }, false],
    [{ state: 'S_ACTIVE', session: session('WorkerUnresponsive') }, true],
    [{ state: 'S_ACTIVE', session: session('WorkerCoolingDown') }, true],
    [{ state: 'S_ACTIVE', session: session('Ready') }, true],
    [{ state: 'S_ACTIVE', session: null }, false],
    [{ state: 'S_PRE_ACTIVE', session: session('Ready') }, false],
    [{ state: 'S_SYNCHING', session: session('WorkerIdle') }, false],
    [{ state: 'S_ERROR', session: session('WorkerIdle') }, true],
    [{ state: 'S_KICKED', session: session('WorkerUnresponsive') }, true],
    [{ state: 'S_KICKED', session: session('WorkerCoolingDown') }, false],
    [{ state: 'S_IDLE', enabled: false, session: session('WorkerIdle') }, true],
    [{ state: 'S_IDLE', enabled: false, session: null }, false],
  ] as const)('%j disagree: %s', (fields, disagree) => {
    expect(disagreementOf(workerRow(1, fields)) !== undefined).toBe(disagree);
  });
});
