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
  data,
  header,
  storageChanges,
  refusesEveryCut,
} from './codec.test.support.js';
import {
  type BlockWithChanges,
  composeBlocks,
  composeCombinedHeaders,
  composeParaHeaders,
  composeRelayHeaders,
  decodeEgressMessages,
  decodeFinalityProof,
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
  encodeAuthoritySetChange,
  encodeEgressMessages,
  encodeGenesisState,
  encodeHeader,
  encodeHeaderToSync,
  encodeParaHead,
  encodeStorageChanges,
  encodeWorkerOrigin,
  peekBlocks,
  splitBlocks,
  splitCombinedHeaders,
  storageChangesFromJson,
  storageKeys,
  type StorageChanges,
} from './index.js';

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
