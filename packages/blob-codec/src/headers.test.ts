import { toHex } from '@runtime-bridge/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  code,
  hex,
  repeat,
  compact,
  goldenHeader,
  goldenHeaderHex,
  hash,
  header,
  signed,
  refusesEveryCut,
} from './codec.test.support.js';
import {
  blake2b256,
  crc32c,
  decodeAuthoritySetChange,
  decodeFinalityProof,
  decodeGenesisInfo,
  decodeHeader,
  decodeJustification,
  decodeVersionedAuthorityList,
  type DigestItem,
  encodeAuthoritySetChange,
  encodeFinalityProof,
  encodeGenesisInfo,
  encodeHeader,
  encodeJustification,
  encodeVersionedAuthorityList,
  type Header,
  hasForcedChange,
  headerHash,
  headerNumber,
  headerParentHash,
  headerStateRoot,
  justificationTarget,
  precommitPayload,
  scheduledChange,
  scheduledChangeLog,
  twox128,
} from './index.js';

describe('hashing', () => {
  it('gives the published values', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    expect(toHex(twox128(new TextEncoder().encode('Paras')))).toBe(
      '0xcd710b30bd2eab0352ddcc26417aa194',
    );
    expect(toHex(blake2b256(Uint8Array.of(0)))).toBe(
      '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314',
    );
  });
});

describe('headers', () => {
  it('have the golden bytes and hash', () => {
    const raw = encodeHeader(goldenHeader);
    expect(toHex(raw)).toBe(`0x${goldenHeaderHex}`);
    expect(toHex(headerHash(raw))).toBe(
      '0x313b40ec2372adc04338417ed8b31063bec529181afb926f8c77c892e58e71bb',
    );
    expect(decodeHeader(raw)).toEqual(goldenHeader);
  });

  it('come back as they were; peeks see the same', () => {
    fc.assert(
      fc.property(header, (value) => {
        const raw = encodeHeader(value);
        expect(decodeHeader(raw)).toEqual(value);
        expect(headerNumber(raw)).toBe(value.number);
        expect(headerParentHash(raw)).toEqual(value.parentHash);
        expect(headerStateRoot(raw)).toEqual(value.stateRoot);
      }),
    );
  });

  it('are refused when cut, and with an unknown kind of log', () => {
    refusesEveryCut(encodeHeader(goldenHeader), decodeHeader);
    const unknown = hex(`${repeat('11', 32)} 04 ${repeat('22', 64)} 04 07 00`);
    expect(() => decodeHeader(unknown)).toThrow(code('BAD_VALUE'));
    expect(() => encodeHeader({ ...goldenHeader, parentHash: hex('11') })).toThrow(
      code('BAD_VALUE'),
    );
  });

  it('announce changes of authorities', () => {
    const authorities = [
      { id: hex(repeat('55', 32)), weight: 1n },
      { id: hex(repeat('66', 32)), weight: 2n },
    ];
    const announcing = (logs: DigestItem[]): Header => ({ ...goldenHeader, logs });
    const good = scheduledChangeLog({ authorities, delay: 0 });
    expect(toHex((good as { data: Uint8Array }).data)).toBe(
      compact(`0x01 08 ${repeat('55', 32)} 0100000000000000 ${repeat('66', 32)} 0200000000000000
        00000000`),
    );
    const disabled: DigestItem = {
      kind: 'consensus',
      engine: 'FRNK',
      data: hex('030100000000000000'),
    };
    const cut: DigestItem = { kind: 'consensus', engine: 'FRNK', data: hex('01ff') };
    const foreign: DigestItem = { ...good, engine: 'BEEF' } as DigestItem;
    const pre: DigestItem = { ...good, kind: 'preRuntime' } as DigestItem;
    expect(scheduledChange(announcing([disabled, cut, foreign, good]))).toEqual({
      authorities,
      delay: 0,
    });
    expect(scheduledChange(announcing([disabled, cut, foreign, pre]))).toBeUndefined();
    const forced: DigestItem = {
      kind: 'consensus',
      engine: 'FRNK',
      data: hex('020700000000 09000000'),
    };
    expect(hasForcedChange(announcing([good, forced]))).toBe(true);
    expect(hasForcedChange(announcing([good]))).toBe(false);
    expect(scheduledChange(announcing([forced]))).toBeUndefined();
  });
});

describe('authority sets', () => {
  const authorities = [
    { id: hex(repeat('55', 32)), weight: 1n },
    { id: hex(repeat('66', 32)), weight: 1n },
  ];
  const list = compact(
    `08 ${repeat('55', 32)} 0100000000000000 ${repeat('66', 32)} 0100000000000000`,
  );
  const proof = [hex('0102'), hex('03')];

  it('have the golden bytes', () => {
    const change = { authoritySet: { authorities, setId: 7n }, proof };
    const encoded = encodeAuthoritySetChange(change);
    expect(toHex(encoded)).toBe(compact(`0x${list} 0700000000000000 08 08 0102 04 03`));
    expect(decodeAuthoritySetChange(encoded)).toEqual(change);
    refusesEveryCut(encoded, decodeAuthoritySetChange);
    const versioned = encodeVersionedAuthorityList(authorities);
    expect(toHex(versioned)).toBe(`0x01${list}`);
    expect(decodeVersionedAuthorityList(versioned)).toEqual(authorities);
    expect(() => decodeVersionedAuthorityList(hex(`02${list}`))).toThrow(code('BAD_VALUE'));
  });

  it('stand in genesis info', () => {
    const raw = encodeHeader(goldenHeader);
    const info = { header: raw, authoritySet: { authorities, setId: 0n }, proof: [hex('0102')] };
    const encoded = encodeGenesisInfo(info);
    expect(toHex(encoded)).toBe(
      compact(`0x${goldenHeaderHex} ${list} 0000000000000000 04 08 0102`),
    );
    expect(decodeGenesisInfo(encoded)).toEqual(info);
    refusesEveryCut(encoded, decodeGenesisInfo);
  });
});

describe('justifications', () => {
  it('come back as they were, and are refused when cut', () => {
    const justification = fc.record({
      round: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      targetHash: hash,
      targetNumber: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      precommits: fc.array(signed, { maxLength: 4 }),
      votesAncestries: fc.array(header.map(encodeHeader), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(justification, (value) => {
        const encoded = encodeJustification(value);
        expect(decodeJustification(encoded)).toEqual(value);
        expect(justificationTarget(encoded)).toEqual({
          hash: value.targetHash,
          number: value.targetNumber,
        });
        const proof = {
          block: value.targetHash,
          justification: encoded,
          unknownHeaders: value.votesAncestries,
        };
        expect(decodeFinalityProof(encodeFinalityProof(proof))).toEqual(proof);
      }),
      { numRuns: 50 },
    );
    const small = encodeJustification({
      round: 1n,
      targetHash: hex(repeat('aa', 32)),
      targetNumber: 5,
      precommits: [
        {
          targetHash: hex(repeat('aa', 32)),
          targetNumber: 5,
          signature: hex(repeat('bb', 64)),
          authorityId: hex(repeat('cc', 32)),
        },
      ],
      votesAncestries: [encodeHeader(goldenHeader)],
    });
    expect(toHex(small)).toBe(
      compact(`0x 0100000000000000 ${repeat('aa', 32)} 05000000 04 ${repeat('aa', 32)} 05000000
        ${repeat('bb', 64)} ${repeat('cc', 32)} 04 ${goldenHeaderHex}`),
    );
    refusesEveryCut(small, decodeJustification);
  });

  it('sign the golden payload', () => {
    const payload = precommitPayload(hex(repeat('aa', 32)), 5, 2n, 3n);
    expect(toHex(payload)).toBe(
      compact(`0x 01 ${repeat('aa', 32)} 05000000 0200000000000000 0300000000000000`),
    );
  });
});
