import { fromHex, toHex } from '@runtime-bridge/base';
import { expect, it } from 'vitest';
import {
  decodeAuthorityList,
  decodeHeader,
  decodeJustification,
  encodeAuthorityList,
  encodeHeader,
  encodeJustification,
  headerHash,
  headerNumber,
  ScaleReader,
  scheduledChange,
  skipHeader,
} from './index.js';
import { readAuthorityList } from './authorities.js';
import { describeRecorded, recordedBytes, recordedJson } from './recorded-chains.test.support.js';

interface RecordedHeader {
  chain?: string;
  number: number;
  hash: string;
  scale: string;
  stateRoot?: string;
  extrinsicsRoot?: string;
  parentHash?: string;
}

describeRecorded('recorded headers', () => {
  it.each(['headers/headers.json', 'headers/westend-1-256.json'])(
    '%s keep bytes and hash',
    (path) => {
      const json = recordedJson<RecordedHeader[] | { headers: RecordedHeader[] }>(path);
      const headers = Array.isArray(json) ? json : json.headers;
      expect(headers.length).toBeGreaterThanOrEqual(48);
      for (const recorded of headers) {
        const raw = fromHex(recorded.scale);
        const header = decodeHeader(raw);
        expect(toHex(headerHash(raw))).toBe(recorded.hash);
        expect(header.number).toBe(recorded.number);
        if (recorded.stateRoot !== undefined) {
          expect(toHex(header.stateRoot)).toBe(recorded.stateRoot);
          expect(toHex(header.extrinsicsRoot)).toBe(recorded.extrinsicsRoot);
          expect(toHex(header.parentHash)).toBe(recorded.parentHash);
        }
        expect(toHex(encodeHeader(header))).toBe(recorded.scale);
      }
    },
  );

  it('announce as many authorities as they do', () => {
    const headers = recordedJson<RecordedHeader[]>('headers/headers.json');
    const count = (chain: string, number: number): number | undefined => {
      const found = headers.find((header) => header.chain === chain && header.number === number);
      return scheduledChange(decodeHeader(fromHex(found!.scale)))?.authorities.length;
    };
    const kusama = headers.find(({ number }) => number === 7472481)!.chain!;
    const polkadot = headers.find(({ number }) => number === 512271)!.chain!;
    expect(count(kusama, 7472481)).toBe(900);
    expect(count(polkadot, 512271)).toBe(197);
  });
});

describeRecorded('recorded justifications and authority lists', () => {
  it('keep their bytes', () => {
    const cases = recordedJson<{ number: number; precommits: number }[]>(
      'grandpa/rococo/index.json',
    );
    for (const { number, precommits } of cases) {
      const bytes = recordedBytes(`grandpa/rococo/${number}/justification.scale`);
      const justification = decodeJustification(bytes);
      expect(justification.targetNumber).toBe(number);
      expect(justification.precommits).toHaveLength(precommits);
      expect(toHex(encodeJustification(justification))).toBe(toHex(bytes));
      const headers = new ScaleReader(
        recordedBytes(`grandpa/rococo/${number}/headers.scale`),
        'headers',
      );
      const list = headers.vec(98, 'headers', () => skipHeader(headers).raw);
      headers.end();
      expect(headerNumber(list.at(-1)!)).toBe(number);
    }
  });

  it.each([
    'ksmcc3-34457420',
    'polkadot-32191275',
    'westend2-32057689',
    'rococo_v2_2-12624990',
    'paseo-12226160',
  ])('of checkpoint %s', (name) => {
    const recorded = recordedJson<{
      authorities: [string, number][];
      grandpaAuthoritySet: string;
      finalizedBlockHeader: string;
      hash: string;
      setId: number;
    }>(`grandpa/checkpoints/${name}.json`);
    const reader = new ScaleReader(
      new Uint8Array(fromHex(recorded.grandpaAuthoritySet)),
      'authority set',
    );
    const list = readAuthorityList(reader);
    expect(list.map(({ id, weight }) => [toHex(id), Number(weight)])).toEqual(recorded.authorities);
    expect(reader.u64()).toBe(BigInt(recorded.setId));
    expect(decodeAuthorityList(encodeAuthorityList(list))).toEqual(list);
    expect(toHex(headerHash(fromHex(recorded.finalizedBlockHeader)))).toBe(recorded.hash);
  });
});
