import { concatBytes, fromHex } from '@runtime-bridge/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  crc32c,
  decodeBlobResponse,
  encodeBlobRequest,
  encodeBlobResponseHead,
  encodeLength,
  FrameReader,
} from './blob-frames.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const id = fromHex('0102030405060708');
const hello = Buffer.from('hello');

describe('bytes of 2022', () => {
  it('request', () => {
    expect(hex(encodeBlobRequest(id, 'genesis:2004:pb'))).toBe(
      '17' + '0102030405060708' + '67656e657369733a323030343a7062',
    );
  });

  it('response with a value, and without', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    const head = encodeBlobResponseHead(id, { length: 5, crc32c: crc32c(hello) });
    const frame = '15' + '0102030405060708' + '000000009a71bb4c' + '68656c6c6f';
    expect(hex(concatBytes([head, hello]))).toBe(frame);
    expect(hex(encodeBlobResponseHead(id, undefined))).toBe('08' + '0102030405060708');
    const [payload] = new FrameReader(100).push(fromHex(frame));
    expect(decodeBlobResponse(payload!)).toMatchObject({ id, checksum: 0x9a71bb4cn });
    expect(hex(decodeBlobResponse(payload!)!.value!)).toBe(hex(hello));
    expect(decodeBlobResponse(id)).toMatchObject({ value: undefined });
    expect(decodeBlobResponse(id.subarray(1))).toBeUndefined();
  });
});

describe('FrameReader', () => {
  it('finds the frames however the stream is cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(400)), (frames, cuts) => {
        const stream = concatBytes(frames.flatMap((f) => [encodeLength(f.length), f]));
        const reader = new FrameReader(300);
        const found: string[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          found.push(...reader.push(stream.subarray(at, at + cut)).map(hex));
          at = Math.min(stream.length, at + cut);
        }
        expect(found).toEqual(frames.filter((f) => f.length > 0).map(hex));
        expect(reader.bufferedBytes).toBe(0);
      }),
    );
  });

  it.each([
    ['above the limit', 'ac02' /* 300 */, 'TOO_LARGE'],
    ['of gigabytes', 'ffffffff0f', 'TOO_LARGE'],
    ['that never ends', '8080808080', 'BAD_MESSAGE'],
  ])('refuses a length %s, holding nothing for it', (_what, prefix, code) => {
    const reader = new FrameReader(299);
    expect(() => reader.push(fromHex(prefix))).toThrow(expect.objectContaining({ code }) as Error);
  });
});
