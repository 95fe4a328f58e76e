import { BridgeError } from '@runtime-bridge/base';
import { PRuntimeError, WorkerErrorClass, type PRuntimeInfo } from '@runtime-bridge/prpc-client';
import { describe, expect, it } from 'vitest';
import { explainRefusal } from './relay-support.js';

const info = (version: string) => ({ version }) as PRuntimeInfo;
const refused = (text: string) =>
  new PRuntimeError(WorkerErrorClass.DATA_REFUSED, `pRuntime refused it: ${text}`, text);

describe('explainRefusal', () => {
  it('adds a hint where a 0.2.6 worker finds no authority list in a proof, and keeps its words', () => {
    const text = 'HeaderValidateFailed(storage value unavailable)';
    const told = explainRefusal(refused(text), info('0.2.6'));
    expect(told.code).toBe(WorkerErrorClass.DATA_REFUSED);
    expect(told.message).toContain(text);
    expect(told.remedy).toContain('0.2.7');
  });

  it.each([
    ['a para head’s proof', refused('StorageProofFailed(storage value unavailable)'), '0.2.6'],
    ['a later pRuntime', refused('HeaderValidateFailed(storage value unavailable)'), '0.2.7'],
    ['another refusal', refused('HeaderValidateFailed(validator set mismatch)'), '0.2.6'],
    ['another error', new BridgeError('X', 'storage value unavailable'), '0.2.6'],
  ])('says nothing more of %s', (_what, error, version) => {
    expect(explainRefusal(error, info(version))).toBe(error);
  });
});
