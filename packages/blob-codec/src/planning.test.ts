import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_PARA_HEADERS,
  paraNextAfter,
  planBlocks,
  planParaHeaders,
  planRange,
  planWindow,
  type RangeFacts,
  refuseRangeKey,
} from './planning.js';

/** A relay chain as rows know it: one entry per height from `first` on. */
interface Row {
  justified: boolean;
  changesSet: boolean;
  /** para head in the state of this height */
  head: number;
}

const FIRST = 50;

/** Chains with sessions as short as one block, heads that stand still or jump, sparse or dense justifications. */
const chain: fc.Arbitrary<Row[]> = fc
  .array(
    fc.record({
      justified: fc.boolean(),
      changesSet: fc.boolean(),
      step: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(40)),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps) => {
    let head = 0;
    return steps.map(({ justified, changesSet, step }) => {
      head += step;
      // a header that changes the set is always justified, sooner or later
      return { justified: justified || changesSet, changesSet, head };
    });
  });

const heightsOf = (rows: Row[], from: number, is: (row: Row) => boolean): number[] =>
  rows.flatMap((row, i) => (is(row) && FIRST + i >= from ? [FIRST + i] : []));

function factsAt(rows: Row[], relayStart: number): RangeFacts {
  return {
    relayStart,
    firstRelay: FIRST,
    lastRelay: FIRST + rows.length - 1,
    justified: heightsOf(rows, relayStart, (row) => row.justified),
    setChange: heightsOf(rows, relayStart, (row) => row.changesSet)[0],
  };
}

const rowAt = (rows: Row[], height: number): Row => rows[height - FIRST]!;

describe('planRange', () => {
  it('leads a worker from any height over every header, never past a set change', () => {
    const limit = fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined });
    fc.assert(
      fc.property(chain, fc.nat(), limit, fc.nat(3), (rows, at, maxHeaders, paraBehind) => {
        let relayNext = FIRST + (at % rows.length);
        const before = relayNext === FIRST ? 0 : rowAt(rows, relayNext - 1).head;
        let paraNext = Math.max(0, paraNextAfter(before) - paraBehind);
        const lastJustified = heightsOf(rows, relayNext, (row) => row.justified).at(-1);
        for (;;) {
          const facts = factsAt(rows, relayNext);
          const answer = planRange(facts, maxHeaders === undefined ? {} : { maxHeaders });
          if (answer.kind === 'wait') {
            expect(lastJustified === undefined || relayNext > lastJustified).toBe(true);
            expect(answer.reason).toBe(
              relayNext > facts.lastRelay ? 'NOT_FETCHED' : 'NOT_JUSTIFIED',
            );
            return;
          }
          expect(answer.relayStart).toBe(relayNext); // nothing left out, nothing twice
          expect(answer.relayEnd).toBeGreaterThanOrEqual(relayNext);
          expect(rowAt(rows, answer.relayEnd).justified).toBe(true);
          for (let height = relayNext; height < answer.relayEnd; height++) {
            expect(rowAt(rows, height).changesSet).toBe(false);
          }
          expect(answer.changesSet).toBe(rowAt(rows, answer.relayEnd).changesSet);
          const length = answer.relayEnd - relayNext + 1;
          if (maxHeaders === undefined || length > maxHeaders) {
            expect(answer.relayEnd).toBe(facts.justified[0]); // as short as can be
          }

          const head = rowAt(rows, answer.relayEnd).head;
          const para = planParaHeaders(paraNext, head);
          if (para === NO_PARA_HEADERS) {
            expect(head).toBeLessThan(paraNext);
          } else {
            expect(para.paraStart).toBe(paraNext); // contiguous
            expect(para.paraEnd).toBe(head); // what the end proves
            paraNext = para.paraEnd + 1;
          }
          const key = { relayStart: relayNext, relayEnd: answer.relayEnd, ...para };
          expect(
            refuseRangeKey(key, {
              ...facts,
              endIsJustified: true,
              headAtEnd: head,
              lastPara: head,
            }),
          ).toBeUndefined();
          relayNext = answer.relayEnd + 1;
        }
      }),
      { numRuns: 500 },
    );
  });

  const facts: RangeFacts = {
    relayStart: 10,
    firstRelay: 5,
    lastRelay: 30,
    justified: [12, 16, 20, 28],
    setChange: 20,
  };

  it('takes the shortest range, or the longest one within a limit', () => {
    const range = { kind: 'range', relayStart: 10, changesSet: false };
    expect(planRange(facts)).toEqual({ ...range, relayEnd: 12 });
    expect(planRange(facts, { maxHeaders: 2 })).toEqual({ ...range, relayEnd: 12 });
    expect(planRange(facts, { maxHeaders: 7 })).toEqual({ ...range, relayEnd: 16 });
    expect(planRange(facts, { maxHeaders: 600 })).toEqual({
      ...range,
      relayEnd: 20,
      changesSet: true,
    });
  });

  it('waits for what is not there', () => {
    expect(planRange({ ...facts, relayStart: 4 })).toMatchObject({ reason: 'BEFORE_START' });
    expect(planRange({ ...facts, relayStart: 31 })).toMatchObject({ reason: 'NOT_FETCHED' });
    expect(planRange({ ...facts, justified: [], setChange: undefined })).toMatchObject({
      reason: 'NOT_JUSTIFIED',
    });
    expect(planRange({ ...facts, justified: [31] })).toMatchObject({
      reason: 'SET_CHANGE_NOT_JUSTIFIED',
      at: 20,
    });
    // a set change whose justification the node lacks must not be passed
    expect(planRange({ ...facts, justified: [28] })).toMatchObject({
      reason: 'SET_CHANGE_NOT_JUSTIFIED',
      at: 20,
    });
    expect(planRange({ ...facts, justified: [12, 28] })).toMatchObject({ relayEnd: 12 });
  });
});

describe('planWindow', () => {
  it('gives the rest of a window once its end is justified', () => {
    fc.assert(
      fc.property(chain, fc.nat(), (rows, at) => {
        const relayStart = FIRST + (at % rows.length);
        const facts = factsAt(rows, relayStart);
        const answer = planWindow(facts);
        if (facts.setChange === undefined) {
          expect(answer).toMatchObject({ kind: 'wait', reason: 'WINDOW_OPEN' });
        } else {
          expect(answer).toEqual({
            kind: 'range',
            relayStart,
            relayEnd: facts.setChange,
            changesSet: true,
          });
        }
      }),
    );
    const facts = { relayStart: 1, firstRelay: 1, lastRelay: 9, justified: [3], setChange: 5 };
    expect(planWindow(facts)).toMatchObject({ reason: 'SET_CHANGE_NOT_JUSTIFIED' });
  });
});

describe('planParaHeaders', () => {
  it.each([
    [1, 1, 1, 1],
    [1, 5, 1, 5], // heads that jump by several
    [0, 0, 0, 0], // a 2.x worker wants header 0
    [0, 9, 0, 9],
    [6, 5, -1, -1], // slow parachain: the worker has the head
    [3, undefined, -1, -1],
  ])('next %j with head %j is %j to %j', (next, head, paraStart, paraEnd) => {
    expect(planParaHeaders(next, head)).toEqual({ paraStart, paraEnd });
  });

  it('begins behind the last head known before, for a client that does not tell', () => {
    expect(paraNextAfter(undefined)).toBe(1);
    expect(paraNextAfter(0)).toBe(1);
    expect(paraNextAfter(7)).toBe(8);
    expect(paraNextAfter(undefined, 0)).toBe(0);
  });
});

describe('refuseRangeKey', () => {
  const key = { relayStart: 10, relayEnd: 12, paraStart: 3, paraEnd: 5 };
  const facts = {
    firstRelay: 5,
    lastRelay: 30,
    endIsJustified: true,
    setChange: 12,
    headAtEnd: 5,
    lastPara: 5,
  };

  it('takes any start, and any para start up to the head', () => {
    for (let relayStart = 5; relayStart <= 12; relayStart++) {
      for (let paraStart = 0; paraStart <= 5; paraStart++) {
        expect(refuseRangeKey({ ...key, relayStart, paraStart }, facts)).toBeUndefined();
      }
    }
    expect(refuseRangeKey({ ...key, paraStart: -1, paraEnd: -1 }, facts)).toBeUndefined();
  });

  it.each([
    [{ relayStart: 4 }, {}, 'BEFORE_START'],
    [{ relayEnd: 31 }, { setChange: undefined }, 'NOT_FETCHED'],
    [{}, { endIsJustified: false }, 'NOT_JUSTIFIED'],
    [{}, { setChange: 11 }, 'PASSES_SET_CHANGE'],
    [{ paraEnd: 4 }, {}, 'NOT_THE_PARA_HEAD'],
    [{ paraEnd: 6 }, {}, 'NOT_THE_PARA_HEAD'],
    [{}, { headAtEnd: undefined }, 'NOT_THE_PARA_HEAD'],
    [{}, { lastPara: 4 }, 'PARA_NOT_FETCHED'],
  ])('refuses %j with %j: %s', (changedKey, changedFacts, refusal) => {
    expect(refuseRangeKey({ ...key, ...changedKey }, { ...facts, ...changedFacts })).toBe(refusal);
  });
});

describe('planBlocks', () => {
  it('goes as far as headers are synced and blocks stored', () => {
    expect(planBlocks(5, 9, 20, 100)).toEqual({ first: 5, last: 9 });
    expect(planBlocks(5, 20, 7, 100)).toEqual({ first: 5, last: 7 });
    expect(planBlocks(5, 20, 20, 4)).toEqual({ first: 5, last: 8 });
    expect(planBlocks(5, 20, 20, 0)).toEqual({ first: 5, last: 5 });
    expect(planBlocks(5, 4, 20, 4)).toBeUndefined();
    expect(planBlocks(5, 20, 4, 4)).toBeUndefined();
  });
});
