import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScaleReader, concatBytes, scale, toHex } from '../primitives/index.js';
import {
  faultOf,
  fixtures,
  headersOf,
  lightClientAt,
  read,
  rococo,
  setOf,
  synchronizerAt,
  toSync,
} from './recorded-chains.test.kit.js';
import { rawHeader, type RawHeader } from './requests.js';

/** A justification taken apart. */
interface Parts {
  round: bigint;
  target: Uint8Array;
  number: number;
  votes: { target: Uint8Array; number: number; signature: Uint8Array; id: Uint8Array }[];
  ancestries: Uint8Array[];
}

function takeApart(encoded: Uint8Array): Parts {
  const reader = new ScaleReader(encoded);
  const parts = {
    round: reader.u64(),
    target: reader.take(32),
    number: reader.u32(),
    votes: reader.vec((r) => ({
      target: r.take(32),
      number: r.u32(),
      signature: r.take(64),
      id: r.take(32),
    })),
  };
  expect(reader.compact()).toBe(0);
  return { ...parts, ancestries: [] };
}

const putTogether = ({ round, target, number, votes, ancestries }: Parts): Uint8Array =>
  concatBytes(
    scale.u64(round),
    target,
    scale.u32(number),
    scale.vec(
      votes.map((vote) =>
        concatBytes(vote.target, scale.u32(vote.number), vote.signature, vote.id),
      ),
    ),
    scale.vec(ancestries),
  );

/** The second half of the recorded hand-over: what a worker gets after the set has changed. */
function handOver() {
  const headers = headersOf('1238699');
  const [first] = headers;
  if (first === undefined) throw new Error('no headers');
  return {
    headers,
    justification: read(...rococo('1238699', 'justification.scale')),
    /** Feeds a batch to a new worker: the fault, or undefined. */
    feed: (batch: RawHeader[], justification: Uint8Array): string | undefined => {
      const synchronizer = synchronizerAt(first.header.number, lightClientAt(first, setOf(2150)));
      const fault = faultOf(() =>
        synchronizer.syncHeaders(toSync(batch, justification), undefined),
      );
      const moved = synchronizer.counters.nextHeader !== first.header.number;
      expect(moved, 'the height moves exactly when there is no fault').toBe(fault === undefined);
      return fault;
    },
  };
}

describe.skipIf(!fixtures)('every kind of change to the recorded hand-over', () => {
  it('starts from what is accepted, also when put together again', () => {
    const { headers, justification, feed } = handOver();
    expect(toHex(putTogether(takeApart(justification)))).toBe(toHex(justification));
    expect(feed(headers, justification)).toBeUndefined();
  });

  it('of one bit, anywhere in the justification, is refused', () => {
    const { headers, justification, feed } = handOver();
    const batch = headers.slice();
    fc.assert(
      fc.property(fc.nat(justification.length * 8 - 1), (bit) => {
        const changed = justification.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(feed(batch, changed), `bit ${bit}`).toMatch(/justification for header/);
      }),
      { numRuns: 60 },
    );
  });

  it('of one bit, anywhere in the headers, is refused', () => {
    const { headers, justification, feed } = handOver();
    fc.assert(
      fc.property(fc.nat(headers.length - 1), fc.nat(), (index, at) => {
        const raw = (headers[index] as RawHeader).raw.slice();
        const bit = at % (raw.length * 8);
        raw[bit >> 3] = (raw[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        let changed: RawHeader;
        try {
          changed = rawHeader(raw);
        } catch {
          return; // It is no header any more: the request does not even decode.
        }
        const batch = headers.map((one, i) => (i === index ? changed : one));
        expect(feed(batch, justification), `header ${index} bit ${bit}`).toMatch(
          /^(HeaderHashMismatch|BlockNumberMismatch|HeaderValidateFailed\(.*\))$/,
        );
      }),
      { numRuns: 200 },
    );
  });

  it('of the order or number of headers is refused', () => {
    const { headers, justification, feed } = handOver();
    fc.assert(
      fc.property(fc.nat(headers.length - 1), fc.nat(headers.length - 1), (i, j) => {
        const [a, b] = [headers[i] as RawHeader, headers[j] as RawHeader];
        const without = headers.filter((_, n) => n !== i);
        const twice = [...headers.slice(0, i), a, ...headers.slice(i)];
        // The worker drops headers below the one that it wants: a second first one comes too late for that.
        const kinds: RawHeader[][] = [without, twice];
        if (i !== j) {
          kinds.push(headers.map((one, n) => (n === i ? b : n === j ? a : one)));
          kinds.push(headers.map((one, n) => (n === i ? b : one)));
        }
        for (const batch of kinds) expect(feed(batch, justification), `${i} ${j}`).toBeDefined();
      }),
      { numRuns: 60 },
    );
    const other = headersOf('1238286');
    expect(feed(headers.slice(0, -1), justification)).toBeDefined();
    expect(feed([...headers.slice(0, -1), other.at(-1) as RawHeader], justification)).toBeDefined();
    expect(feed([...other.slice(-1), ...headers], justification)).toBeUndefined();
  });

  it('of the votes is refused: below the threshold, twice, by others, for others', () => {
    const { headers, justification, feed } = handOver();
    const parts = takeApart(justification);
    const needed = 69 - Math.floor(68 / 3);
    expect(parts.votes.length).toBeGreaterThanOrEqual(needed);
    const fed = (change: Partial<Parts>) => feed(headers, putTogether({ ...parts, ...change }));
    // As many as are needed will do; that is no lie.
    expect(fed({ votes: parts.votes.slice(0, needed) })).toBeUndefined();
    const invalid = /invalid (commit|signature|precommit|commit target)/;
    expect(fed({ votes: [] })).toMatch(invalid);
    expect(fed({ votes: parts.votes.slice(0, needed - 1) })).toMatch(invalid);
    const few = parts.votes.slice(0, needed - 1);
    expect(fed({ votes: [...few, few[0] as (typeof few)[number]] })).toMatch(invalid);
    expect(fed({ round: parts.round + 1n })).toMatch(invalid);
    expect(fed({ number: parts.number + 1 })).toMatch(invalid);
    expect(fed({ target: (headers.at(-2) as RawHeader).hash })).toMatch(invalid);
    const before = headers.at(-2) as RawHeader;
    expect(fed({ ancestries: [before.raw] })).toMatch(/unused headers/);
    fc.assert(
      fc.property(fc.nat(needed - 1), fc.nat(needed - 1), (i, j) => {
        const votes = parts.votes.slice(0, needed);
        const [a, b] = [votes[i], votes[j]];
        if (a === undefined || b === undefined || i === j) return;
        const swapped = (field: 'signature' | 'id') =>
          votes.map((vote, n) =>
            n === i
              ? { ...vote, [field]: b[field] }
              : n === j
                ? { ...vote, [field]: a[field] }
                : vote,
          );
        expect(fed({ votes: swapped('signature') })).toMatch(invalid);
        expect(fed({ votes: swapped('id') })).toMatch(invalid);
        const lower = { ...a, target: before.hash, number: before.header.number };
        expect(fed({ votes: votes.map((vote, n) => (n === i ? lower : vote)) })).toMatch(invalid);
      }),
      { numRuns: 15 },
    );
  });

  it('of the length is refused, except for what nobody reads', () => {
    const { headers, justification, feed } = handOver();
    fc.assert(
      fc.property(fc.nat(justification.length - 1), (length) => {
        expect(feed(headers, justification.slice(0, length))).toMatch(/justification for header/);
      }),
      { numRuns: 60 },
    );
    const last = toSync(headers, justification).at(-1);
    expect(last?.justification).toBe(justification);
    const synchronizer = synchronizerAt(
      (headers[0] as RawHeader).header.number,
      lightClientAt(headers[0] as RawHeader, setOf(2150)),
    );
    const bare = headers.map((header) => ({ header, justification: undefined }));
    expect(faultOf(() => synchronizer.syncHeaders(bare, undefined))).toBe('MissingJustification');
  });
});
