import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EgressLane, type LaneMessage } from './egress-lane.js';

const message = (sequence: number, size = 10): LaneMessage => ({
  sequence: BigInt(sequence),
  raw: new Uint8Array(size),
});
const list = (...sequences: number[]) => sequences.map((sequence) => message(sequence));
const limits = { maxMessages: 5, maxBytes: 1_000 };

describe('EgressLane', () => {
  it('begins with the sequence that the chain expects, in order, whatever the order of the list', () => {
    const batch = new EgressLane(limits).next(list(4, 3, 2, 1), 2n, 10);
    expect(batch?.messages.map(({ sequence }) => sequence)).toEqual([2n, 3n, 4n]);
  });

  it('stops before a gap, and sends nothing when the expected one is missing', () => {
    expect(new EgressLane(limits).next(list(1, 2, 4), 1n, 10)).toMatchObject({
      first: 1n,
      end: 3n,
    });
    expect(new EgressLane(limits).next(list(2, 3), 1n, 10)).toBeUndefined();
  });

  it('keeps to its limits, but sends a message that alone is too large', () => {
    expect(new EgressLane(limits).next(list(0, 1, 2, 3, 4, 5, 6), 0n, 1)?.messages).toHaveLength(5);
    const large = [message(0, 600), message(1, 600)];
    expect(new EgressLane(limits).next(large, 0n, 1)?.messages).toHaveLength(1);
    expect(new EgressLane(limits).next([message(0, 2_000)], 0n, 1)?.messages).toHaveLength(1);
  });

  it('has one batch under way at a time', () => {
    const lane = new EgressLane(limits);
    lane.next(list(0), 0n, 1);
    expect(lane.next(list(0, 1), 0n, 2)).toBeUndefined();
  });

  it('goes on behind its own success before the finalised chain shows it', () => {
    const lane = new EgressLane(limits);
    lane.next(list(0, 1), 0n, 10);
    lane.succeed(12);
    expect(lane.next(list(0, 1), 0n, 11)).toBeUndefined();
    expect(lane.next(list(0, 1, 2), 0n, 11)).toMatchObject({ first: 2n });
  });

  it('sends again what a block held that was given up, as another job', () => {
    const lane = new EgressLane(limits);
    lane.next(list(0), 0n, 10);
    lane.succeed(12);
    expect(lane.next(list(0), 0n, 12)).toMatchObject({ first: 0n, repeat: 1 });
    lane.succeed(14);
    expect(lane.next(list(0), 0n, 14)).toMatchObject({ first: 0n, repeat: 2 });
  });

  it('asks for what failed as another job, and for what was lost sight of as the same', () => {
    const lane = new EgressLane(limits);
    const first = lane.next(list(0, 1), 0n, 10);
    lane.lose(11);
    expect(lane.next(list(0, 1, 2), 0n, 12)).toEqual(first);
    lane.fail(13);
    expect(lane.next(list(0, 1, 2), 0n, 14)).toMatchObject({ first: 0n, end: 3n, repeat: 1 });
    lane.lose(15);
    expect(lane.next(list(2, 3), 2n, 16)).toMatchObject({ first: 2n, end: 4n, repeat: 0 });
  });

  it('looks at a newer block after a failure', () => {
    const lane = new EgressLane(limits);
    lane.next(list(0, 1), 0n, 10);
    lane.fail(11);
    expect(lane.next(list(0, 1), 0n, 11)).toBeUndefined();
    expect(lane.next(list(0, 1), 1n, 12)).toMatchObject({ first: 1n });
  });

  it('never asks for the same job once its fate is known', () => {
    const end = fc.constantFrom('succeed', 'fail', 'lose');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(end, fc.integer({ min: 0, max: 4 })), { maxLength: 30 }),
        (ends) => {
          const lane = new EgressLane(limits);
          const done = new Set<string>();
          let ingress = 0n;
          ends.forEach(([how, applied], block) => {
            const batch = lane.next(list(...Array(200).keys()), ingress, block * 2);
            if (!batch) return;
            const id = `${batch.first}-${batch.end}-${batch.repeat}`;
            expect(done).not.toContain(id);
            if (how !== 'lose') done.add(id);
            ingress += BigInt(Math.min(applied, batch.messages.length));
            // A success that was taken back with its block leaves the ingress where it was, or short.
            if (how === 'succeed') lane.succeed(block * 2 + 1);
            else if (how === 'fail') lane.fail(block * 2 + 1);
            else lane.lose(block * 2 + 1);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('brings every message to the chain once and in order, through failures and lagging finality', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('emit' as const), count: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ kind: fc.constant('report' as const), shuffle: fc.nat() }),
      fc.record({ kind: fc.constant('include' as const) }),
      fc.record({ kind: fc.constant('reject' as const), applied: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ kind: fc.constant('finalise' as const), lag: fc.integer({ min: 0, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const lane = new EgressLane(limits);
        /** Expected sequence after each block; the last is the best block's. */
        const chain = [0n];
        let finalised = 0;
        let emitted = 0n;
        let underWay: readonly LaneMessage[] | undefined;
        const best = () => chain.at(-1)!;
        const report = (shuffle: number) => {
          const ingress = chain[finalised]!;
          const open: LaneMessage[] = [];
          for (let sequence = 0n; sequence < emitted; sequence += 1n)
            open.push({ sequence, raw: new Uint8Array(10) });
          const rotated = [
            ...open.slice(shuffle % (open.length + 1)),
            ...open.slice(0, shuffle % (open.length + 1)),
          ];
          const batch = lane.next(rotated, ingress, finalised);
          if (!batch) return;
          expect(underWay).toBeUndefined();
          // What is handed in is exactly what the best chain expects next: no duplicate, no gap.
          expect(batch.first).toBe(best());
          batch.messages.forEach(({ sequence }, index) => {
            expect(sequence).toBe(batch.first + BigInt(index));
          });
          underWay = batch.messages;
        };
        const run = (each: (typeof steps)[number]) => {
          switch (each.kind) {
            case 'emit':
              emitted += BigInt(each.count);
              return;
            case 'report':
              report(each.shuffle);
              return;
            case 'include':
              chain.push(best() + BigInt(underWay?.length ?? 0));
              if (underWay) lane.succeed(chain.length - 1);
              underWay = undefined;
              return;
            case 'reject': {
              if (!underWay) return;
              // A failed batch may have taken effect up to some item; the manager knows the finalised block only.
              chain.push(best() + BigInt(Math.min(each.applied, underWay.length)));
              finalised = chain.length - 1;
              lane.fail(finalised);
              chain.push(best());
              finalised += 1;
              underWay = undefined;
              return;
            }
            case 'finalise':
              finalised = Math.max(finalised, chain.length - 1 - each.lag);
          }
        };
        steps.forEach(run);
        for (let round = 0; round < 200 && best() < emitted; round += 1) {
          run({ kind: 'report', shuffle: round });
          run({ kind: 'include' });
          run({ kind: 'finalise', lag: 0 });
        }
        expect(best()).toBe(emitted);
      }),
      { numRuns: 300 },
    );
  });
});
