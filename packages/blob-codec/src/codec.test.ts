import { fromHex, toHex } from '@runtime-bridge/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blake2b256,
  type BlockWithChanges,
  composeBlocks,
  composeCombinedHeaders,
  composeParaHeaders,
  composeRelayHeaders,
  crc32c,
  decodeAuthoritySetChange,
  decodeEgressMessages,
  decodeFinalityProof,
  decodeGenesisInfo,
  decodeGenesisState,
  decodeHeader,
  decodeHeadersToSync,
  decodeHeaderToSync,
  decodeJustification,
  decodeMessageOrigin,
  decodeParaHead,
  decodeStorageChanges,
  decodeValidationData,
  decodeVersionedAuthorityList,
  type DigestItem,
  encodeAuthoritySetChange,
  encodeEgressMessages,
  encodeFinalityProof,
  encodeGenesisInfo,
  encodeGenesisState,
  encodeHeader,
  encodeHeaderToSync,
  encodeJustification,
  encodeParaHead,
  encodeStorageChanges,
  encodeVersionedAuthorityList,
  encodeWorkerOrigin,
  type Header,
  hasForcedChange,
  headerHash,
  headerNumber,
  headerParentHash,
  headerStateRoot,
  justificationTarget,
  peekBlocks,
  precommitPayload,
  scheduledChange,
  scheduledChangeLog,
  splitBlocks,
  splitCombinedHeaders,
  storageChangesFromJson,
  storageKeys,
  type StorageChanges,
  twox128,
} from './index.js';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const hex = (text: string): Uint8Array => new Uint8Array(fromHex(text.replaceAll(/\s/g, '')));
const repeat = (byte: string, count: number): string => byte.repeat(count);
const compact = (text: string): string => text.replaceAll(/\s/g, '');

/** The header of the golden bytes. */
const goldenHeader: Header = {
  parentHash: hex(repeat('11', 32)),
  number: 1,
  stateRoot: hex(repeat('22', 32)),
  extrinsicsRoot: hex(repeat('33', 32)),
  logs: [
    { kind: 'preRuntime', engine: 'aura', data: hex('0102') },
    { kind: 'seal', engine: 'aura', data: hex('aabb') },
  ],
};
const goldenHeaderHex = compact(
  `${repeat('11', 32)} 04 ${repeat('22', 32)} ${repeat('33', 32)}
   08 06 61757261 08 0102 05 61757261 08 aabb`,
);

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const data = fc.uint8Array({ maxLength: 80 });
const engine = fc.constantFrom('aura', 'BABE', 'FRNK', 'BEEF', '\u00ff\u0000ab');
const log: fc.Arbitrary<DigestItem> = fc.oneof(
  fc.record({ kind: fc.constant('other' as const), data }),
  fc.record({ kind: fc.constantFrom('consensus', 'seal', 'preRuntime'), engine, data }),
  fc.constant({ kind: 'runtimeEnvironmentUpdated' as const }),
);
const header: fc.Arbitrary<Header> = fc.record({
  parentHash: hash,
  number: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  stateRoot: hash,
  extrinsicsRoot: hash,
  logs: fc.array(log, { maxLength: 4 }),
});
const collection = fc.array(fc.tuple(data, fc.option(data)), { maxLength: 6 });
const storageChanges: fc.Arbitrary<StorageChanges> = fc.record({
  main: collection,
  children: fc.array(fc.tuple(data, collection), { maxLength: 3 }),
});
const signed = fc.record({
  targetHash: hash,
  targetNumber: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  authorityId: hash,
});

/** Every cut of some bytes is refused at once with a code. */
function refusesEveryCut(bytes: Uint8Array, decode: (cut: Uint8Array) => unknown): void {
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decode(bytes.subarray(0, length)), `cut at ${length}`).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/TRUNCATED|BAD_VALUE/) }),
    );
  }
  expect(() => decode(new Uint8Array([...bytes, 0]))).toThrow(code('TRAILING_BYTES'));
}

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

describe('headers blobs', () => {
  const raw = encodeHeader(goldenHeader);
  const change = encodeAuthoritySetChange({
    authoritySet: { authorities: [{ id: hex(repeat('55', 32)), weight: 1n }], setId: 7n },
    proof: [],
  });

  it('have the golden bytes', () => {
    expect(toHex(encodeHeaderToSync(raw))).toBe(`0x${goldenHeaderHex}00`);
    expect(toHex(encodeHeaderToSync(raw, hex('deadbeef')))).toBe(
      `0x${goldenHeaderHex}0110deadbeef`,
    );
    // an empty justification counts as none
    expect(toHex(encodeHeaderToSync(raw, new Uint8Array()))).toBe(`0x${goldenHeaderHex}00`);
    expect(decodeHeaderToSync(encodeHeaderToSync(raw, hex('deadbeef')))).toEqual({
      header: raw,
      justification: hex('deadbeef'),
    });
    const relayHeaders = [encodeHeaderToSync(raw)];
    const blob = composeCombinedHeaders({ relayHeaders, paraHeaders: [], proof: [] });
    expect(toHex(blob)).toBe(`0x04${goldenHeaderHex}00000000`);
    const full = composeCombinedHeaders({
      relayHeaders,
      authoritySetChange: change,
      paraHeaders: [raw],
      proof: [hex('0102')],
    });
    expect(toHex(full)).toBe(
      `0x04${goldenHeaderHex}0001${toHex(change).slice(2)}04${goldenHeaderHex}04080102`,
    );
    refusesEveryCut(full, splitCombinedHeaders);
  });

  it('are split into what they were composed of', () => {
    const relay = fc.tuple(
      header,
      fc.option(fc.uint8Array({ minLength: 1, maxLength: 20 }), { nil: undefined }),
    );
    const hasChange = fc.boolean();
    fc.assert(
      fc.property(
        fc.array(relay),
        hasChange,
        fc.array(header),
        fc.array(data),
        (r, has, p, proof) => {
          const relayHeaders = r.map(([h, j]) => encodeHeaderToSync(encodeHeader(h), j));
          const paraHeaders = p.map(encodeHeader);
          const authoritySetChange = has ? change : undefined;
          const parts = { relayHeaders, authoritySetChange, paraHeaders, proof };
          const split = splitCombinedHeaders(composeCombinedHeaders(parts));
          expect(split.authoritySetChange).toEqual(authoritySetChange);
          expect(split.proof).toEqual(proof);
          expect(split.relay).toEqual(
            r.length === 0
              ? undefined
              : { first: r[0]![0].number, last: r.at(-1)![0].number, count: r.length },
          );
          expect(split.para?.count).toBe(p.length === 0 ? undefined : p.length);
          const items = decodeHeadersToSync(split.encodedRelayHeaders);
          expect(items).toEqual(r.map(([h, j]) => ({ header: encodeHeader(h), justification: j })));
          const option = has ? `01${toHex(change).slice(2)}` : '00';
          expect(toHex(composeRelayHeaders(parts))).toBe(toHex(split.encodedRelayHeaders) + option);
          expect(toHex(composeParaHeaders(parts)).startsWith(toHex(split.encodedParaHeaders))).toBe(
            true,
          );
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('storage changes and blocks', () => {
  const golden: StorageChanges = {
    main: [
      [hex('01'), new Uint8Array()],
      [hex('02'), null],
      [hex('03'), hex('0a')],
    ],
    children: [],
  };

  it('keep an empty value apart from a deletion', () => {
    const encoded = encodeStorageChanges(golden);
    expect(toHex(encoded)).toBe('0x0c0401010004020004030104' + '0a' + '00');
    expect(decodeStorageChanges(encoded)).toEqual(golden);
    expect(toHex(encodeStorageChanges({ main: [], children: [] }))).toBe('0x0000');
    refusesEveryCut(encoded, decodeStorageChanges);
  });

  it('come from JSON with the same bytes', () => {
    fc.assert(
      fc.property(storageChanges, (changes) => {
        const json = (list: StorageChanges['main']): unknown =>
          list.map(([k, v]) => [toHex(k), v && toHex(v)]);
        const object = {
          mainStorageChanges: json(changes.main),
          childStorageChanges: changes.children.map(([k, c]) => [toHex(k), json(c)]),
        };
        expect(toHex(storageChangesFromJson(object))).toBe(toHex(encodeStorageChanges(changes)));
      }),
    );
  });

  it.each([
    null,
    [],
    {},
    { mainStorageChanges: [], childStorageChanges: {} },
    { mainStorageChanges: [['0x01']], childStorageChanges: [] },
    { mainStorageChanges: [['01', '0x']], childStorageChanges: [] },
    { mainStorageChanges: [['0x1', '0x']], childStorageChanges: [] },
    { mainStorageChanges: [['0x01', 1]], childStorageChanges: [] },
  ])('refuses JSON of another shape: %j', (object) => {
    expect(() => storageChangesFromJson(object)).toThrow(code('BAD_JSON'));
  });

  it('make blocks blobs that can be taken apart', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(header, storageChanges), { maxLength: 4 }), (list) => {
        const blocks = list.map(([h, c]): BlockWithChanges => ({
          header: encodeHeader(h),
          storageChanges: encodeStorageChanges(c),
        }));
        const blob = composeBlocks(blocks);
        expect(splitBlocks(blob)).toEqual(
          blocks.map((block, i) => ({ ...block, number: list[i]![0].number })),
        );
        expect(peekBlocks(blob)).toEqual(
          list.length === 0
            ? undefined
            : { first: list[0]![0].number, last: list.at(-1)![0].number, count: list.length },
        );
      }),
      { numRuns: 50 },
    );
    const one = composeBlocks([
      { header: encodeHeader(goldenHeader), storageChanges: encodeStorageChanges(golden) },
    ]);
    refusesEveryCut(one, peekBlocks);
  });

  it('make genesis states', () => {
    const pairs: [Uint8Array, Uint8Array][] = [
      [hex('0102'), hex('aabbcc')],
      [hex('03'), new Uint8Array()],
    ];
    const encoded = encodeGenesisState(pairs);
    expect(toHex(encoded)).toBe('0x080801020caabbcc040300');
    expect(decodeGenesisState(encoded)).toEqual(pairs);
    refusesEveryCut(encoded, decodeGenesisState);
  });
});

describe('egress messages', () => {
  const message =
    compact(`02 ${repeat('aa', 32)} 54 5e7068616c612f72656769737472792f6576656e74 04 00
    0500000000000000 0101 ${repeat('bb', 64)}`);

  it('have the golden bytes', () => {
    const encoded = hex(`04 02 ${repeat('aa', 32)} 04 ${message}`);
    expect(encoded).toHaveLength(166);
    const [queue] = decodeEgressMessages(encoded);
    expect(toHex(queue!.origin)).toBe(toHex(encodeWorkerOrigin(hex(repeat('aa', 32)))));
    expect(queue!.messages).toHaveLength(1);
    expect(queue!.messages[0]).toMatchObject({ sequence: 5n });
    expect(toHex(queue!.messages[0]!.raw)).toBe(`0x${message}`);
    expect(queue!.messages[0]!.raw).toHaveLength(131);
    expect(new TextDecoder().decode(queue!.messages[0]!.destination)).toBe('^phala/registry/event');
    expect(toHex(encodeEgressMessages(decodeEgressMessages(encoded)))).toBe(toHex(encoded));
    refusesEveryCut(encoded, decodeEgressMessages);
  });

  it.each([
    ['00046d', 'pallet'],
    [`01${repeat('11', 32)}`, 'contract'],
    [`02${repeat('11', 32)}`, 'worker'],
    [`03${repeat('11', 32)}`, 'account'],
    ['0400', 'multiLocation'],
    ['05', 'gatekeeper'],
    [`06${repeat('11', 32)}`, 'cluster'],
    ['ff', 'reserved'],
  ])('origin %s is of a %s', (origin, kind) => {
    expect(decodeMessageOrigin(hex(origin))).toMatchObject({ kind });
    // the gatekeeper's origin is one byte long, so that a queue shows whether lengths are told apart
    const queues = decodeEgressMessages(hex(`08 ${origin} 00 ${origin} 04 ${message}`));
    expect(queues.map((queue) => [toHex(queue.origin), queue.messages.length])).toEqual([
      [`0x${origin}`, 0],
      [`0x${origin}`, 1],
    ]);
  });

  it('refuses an unknown origin', () => {
    expect(() => decodeMessageOrigin(hex('07'))).toThrow(code('BAD_VALUE'));
  });
});

describe('storage', () => {
  it('has the published keys', () => {
    expect({
      heads2004: toHex(storageKeys.parasHeads(2004)),
      heads2035: toHex(storageKeys.parasHeads(2035)),
      setId: toHex(storageKeys.grandpaCurrentSetId),
      old: toHex(storageKeys.grandpaAuthoritiesOld),
      authorities: toHex(storageKeys.grandpaAuthorities),
      paraId: toHex(storageKeys.parachainId),
      validationData: toHex(storageKeys.validationData),
      now: toHex(storageKeys.timestampNow),
      number: toHex(storageKeys.systemNumber),
      outbound: toHex(storageKeys.outboundMessages),
      ingressWorker: toHex(storageKeys.offchainIngress(hex(`02${repeat('aa', 32)}`))),
      ingressGatekeeper: toHex(storageKeys.offchainIngress(hex('05'))),
    }).toEqual({
      heads2004:
        '0xcd710b30bd2eab0352ddcc26417aa1941b3c252fcb29d88eff4f3de5de4476c39f434b9dae0bfb8ed4070000',
      heads2035:
        '0xcd710b30bd2eab0352ddcc26417aa1941b3c252fcb29d88eff4f3de5de4476c3160394315fe95b98f3070000',
      setId: '0x5f9cc45b7a00c5899361e1c6099678dc8a2d09463effcc78a22d75b9cb87dffc',
      old: '0x3a6772616e6470615f617574686f726974696573',
      authorities: '0x5f9cc45b7a00c5899361e1c6099678dc5e0621c4869aa60c02be9adcc98a0d1d',
      paraId: '0x0d715f2646c8f85767b5d2764bb2782604a74d81251e398fd8a0a4d55023bb3f',
      validationData: '0x45323df7cc47150b3930e2666b0aa313d422e17d2affdce4a912d187a734dd67',
      now: '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb',
      number: '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac',
      outbound: '0x2f039a6a7f13e94b9545257e54062a048a395e6242c6813b196ca31ed0547ea7',
      ingressWorker: `0x2f039a6a7f13e94b9545257e54062a042bd035cc68bbf7411ccb4d17987934cf08e2ac5d9be229b502${repeat('aa', 32)}`,
      ingressGatekeeper:
        '0x2f039a6a7f13e94b9545257e54062a042bd035cc68bbf7411ccb4d17987934cf0f974013a815ff5005',
    });
  });

  it('has para heads encoded twice', () => {
    const raw = encodeHeader(goldenHeader);
    const value = encodeParaHead(raw);
    expect(value).toHaveLength(raw.length + 2);
    expect(decodeParaHead(value)).toEqual({ raw, header: goldenHeader });
    expect(() => decodeParaHead(raw)).toThrow();
  });

  it('has validation data', () => {
    const value = hex(`08 0102 07000000 ${repeat('44', 32)} 00005000`);
    expect(decodeValidationData(value)).toEqual({
      parentHead: hex('0102'),
      relayParentNumber: 7,
      relayParentStorageRoot: hex(repeat('44', 32)),
      maxPovBytes: 5 * 1024 * 1024,
    });
    refusesEveryCut(value, decodeValidationData);
  });
});

describe('hostile lengths', () => {
  const huge = '03ffffffff';
  const decoders: [string, (bytes: Uint8Array) => unknown, string][] = [
    ['header', decodeHeader, `${repeat('11', 32)} 04 ${repeat('22', 64)} ${huge}`],
    ['header log', decodeHeader, `${repeat('11', 32)} 04 ${repeat('22', 64)} 04 00 ${huge}`],
    ['justification', decodeJustification, `${repeat('00', 44)} ${huge}`],
    ['ancestry', decodeJustification, `${repeat('00', 44)} 00 ${huge}`],
    ['headers blob', splitCombinedHeaders, huge],
    ['para headers', splitCombinedHeaders, `00 00 ${huge}`],
    ['proof', splitCombinedHeaders, `00 00 00 ${huge}`],
    ['proof node', splitCombinedHeaders, `00 00 00 04 ${huge}`],
    ['authority list', decodeVersionedAuthorityList, `01 ${huge}`],
    ['storage changes', decodeStorageChanges, huge],
    ['key', decodeStorageChanges, `04 ${huge}`],
    ['child changes', decodeStorageChanges, `00 ${huge}`],
    ['blocks', peekBlocks, huge],
    ['genesis state', decodeGenesisState, huge],
    ['egress', decodeEgressMessages, huge],
    ['egress messages', decodeEgressMessages, `04 05 ${huge}`],
    ['finality proof', decodeFinalityProof, `${repeat('00', 32)} ${huge}`],
  ];

  it.each(decoders)('in a %s give TRUNCATED at once', (_name, decode, text) => {
    const before = process.memoryUsage();
    const started = performance.now();
    expect(() => decode(hex(text + repeat('00', 64)))).toThrow(code('TRUNCATED'));
    expect(performance.now() - started).toBeLessThan(50);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(64 * 1024 * 1024);
  });

  it('never crash on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const [, decode] of decoders) {
          try {
            decode(bytes);
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(
              /TRUNCATED|TOO_LARGE|BAD_VALUE|TRAILING_BYTES/,
            );
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
