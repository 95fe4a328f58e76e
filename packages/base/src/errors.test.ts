import { describe, expect, it } from 'vitest';
import { BaseErrorCode, BridgeError, fromHex, isAbortError, toHex } from './index.js';

describe('BridgeError', () => {
  it('survives a hop to another process with code, facts, remedy and cause', () => {
    const error = new BridgeError('BAD_BLOCK', 'Block is bad', {
      facts: { block: 7, setId: 12n, peer: undefined },
      remedy: 'Ask another node',
      cause: new Error('flipped'),
    });
    const there: unknown = JSON.parse(JSON.stringify(error.toObject()));
    const back = BridgeError.fromObject(there);
    expect(back).toMatchObject({
      code: 'BAD_BLOCK',
      message: 'Block is bad',
      facts: { block: 7, setId: '12' },
      remedy: 'Ask another node',
    });
    expect(back.facts).not.toHaveProperty('peer');
    expect(back.cause).toMatchObject({ code: BaseErrorCode.UNEXPECTED, message: 'flipped' });
  });

  it.each([undefined, null, 7, 'text', [], { code: 1 }])('is made of anything: %j', (value) => {
    expect(BridgeError.fromObject(value).code).toBe(BaseErrorCode.UNEXPECTED);
  });

  it('ends a chain of causes that loops', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    expect(JSON.stringify(BridgeError.from(a).toObject()).length).toBeLessThan(2000);
  });

  it('keeps what is a BridgeError and knows an abort', () => {
    const own = new BridgeError('X', 'x');
    expect(BridgeError.from(own)).toBe(own);
    const abort = BridgeError.from(new DOMException('gone', 'AbortError'));
    expect(abort.code).toBe(BaseErrorCode.ABORTED);
    expect(isAbortError(abort)).toBe(true);
    expect(isAbortError(own)).toBe(false);
  });
});

describe('hex', () => {
  it('goes there and back', () => {
    expect(toHex(fromHex('0x00ff10'))).toBe('0x00ff10');
    expect(fromHex('AB')).toEqual(Buffer.from([0xab]));
    expect(toHex(new Uint8Array(Buffer.from([1, 2, 3]).buffer, 0, 0))).toBe('0x');
  });

  it.each(['0x1', '0xzz', '0x12g4', 'hello'])('refuses %s', (text) => {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: BaseErrorCode.BAD_HEX }));
  });
});
