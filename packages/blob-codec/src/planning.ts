import { type HeadersBlobRange } from './blob-keys.js';

/** What is known of the stored relay rows, seen from the height where a worker stands. */
export interface RangeFacts {
  /** the worker's next relay header; any height, not only the start of an earlier range */
  relayStart: number;
  /** lowest relay height that can be served: the one behind genesis info's header */
  firstRelay: number;
  /** highest relay height that is stored without a gap */
  lastRelay: number;
  /** justified heights ≥ relayStart, ascending: the lowest one at least, more of them for longer ranges */
  justified: readonly number[];
  /** lowest height ≥ relayStart whose header changes the authority set, where one is stored */
  setChange: number | undefined;
}

/** Why there is no range yet, or never. */
export type RangeWait =
  /** the worker stands before the first header: it must be initialised anew, waiting does not help */
  | 'BEFORE_START'
  /** the header is not stored yet */
  | 'NOT_FETCHED'
  /** no justification from there on is stored yet */
  | 'NOT_JUSTIFIED'
  /** the header that changes the set is stored without its justification, and no range may pass it */
  | 'SET_CHANGE_NOT_JUSTIFIED'
  /** the header that ends the window is not stored yet */
  | 'WINDOW_OPEN';

/** The relay part of a headers blob, ends inclusive; `relayEnd` is justified by the set in force at `relayStart`. */
export interface RangePlan {
  relayStart: number;
  relayEnd: number;
  /** the last header changes the authority set, so the change has to come along */
  changesSet: boolean;
}

export type RangeAnswer =
  ({ kind: 'range' } & RangePlan) | { kind: 'wait'; reason: RangeWait; at: number };

/** The para headers of a headers blob, ends inclusive; both -1 when there are none. */
export type ParaSpan = Pick<HeadersBlobRange, 'paraStart' | 'paraEnd'>;

/** No para headers, as 2022's keys say it. */
export const NO_PARA_HEADERS: ParaSpan = Object.freeze({ paraStart: -1, paraEnd: -1 });

/**
 * The range that a worker at `relayStart` needs next. It begins exactly there, ends in a justified header and never goes
 * past a set change: behind one, the justification would be of a set that the worker does not have yet, and newer
 * workers look for a change only in the last header of a call.
 *
 * @param options.maxHeaders with it, the longest range of at most so many headers (but at least up to the first
 *   justified one); without, the shortest
 */
export function planRange(facts: RangeFacts, options: { maxHeaders?: number } = {}): RangeAnswer {
  const { relayStart, setChange, lastRelay } = facts;
  const early = standsOutside(facts);
  if (early !== undefined) return wait(early, relayStart);

  const ends = facts.justified.filter((height) => height >= relayStart && height <= lastRelay);
  const nearest = ends[0];
  if (setChange !== undefined && setChange <= lastRelay && setChange < (nearest ?? Infinity)) {
    return wait('SET_CHANGE_NOT_JUSTIFIED', setChange);
  }
  if (nearest === undefined) return wait('NOT_JUSTIFIED', relayStart);

  const limit = Math.min(setChange ?? Infinity, relayStart + (options.maxHeaders ?? 1) - 1);
  const relayEnd = ends.findLast((height) => height <= limit) ?? nearest;
  return { kind: 'range', relayStart, relayEnd, changesSet: relayEnd === setChange };
}

/**
 * The rest of the window from `relayStart` on, in one range: up to the header that changes the set, as soon as that is
 * stored and justified. `facts.justified` need only tell whether `facts.setChange` is.
 */
export function planWindow(facts: RangeFacts): RangeAnswer {
  const { relayStart, setChange, lastRelay } = facts;
  const early = standsOutside(facts);
  if (early !== undefined) return wait(early, relayStart);
  if (setChange === undefined || setChange > lastRelay) return wait('WINDOW_OPEN', relayStart);
  if (!facts.justified.includes(setChange)) return wait('SET_CHANGE_NOT_JUSTIFIED', setChange);
  return { kind: 'range', relayStart, relayEnd: setChange, changesSet: true };
}

/**
 * The para headers that go with a range: from the worker's next one up to the para head in the state of the range's last
 * relay header, however far that jumped (a worker accepts them only if the last one is exactly that head). None when the
 * worker has that head already (a slow parachain), or when the head is not known there.
 *
 * @param paraNext the worker's next para header, 0 for a 2.x worker that has none yet
 * @param headAtEnd number of the para head in the state of the range's last relay header; undefined when none is proved
 */
export function planParaHeaders(paraNext: number, headAtEnd: number | undefined): ParaSpan {
  if (headAtEnd === undefined || headAtEnd < paraNext) return NO_PARA_HEADERS;
  return { paraStart: paraNext, paraEnd: headAtEnd };
}

/**
 * Where the para headers of a range start for a client that only tells its relay height (2022's
 * `rangeByParentBlock:h:pb`): behind the para head of the state before h. Where the head is known only at some heights,
 * the last one known before h does too: a worker passes over headers that it has.
 *
 * @param headBefore para head at the highest relay height below h where it is known
 * @param firstPara first para header that a worker takes: 1, for 2022's workers
 */
export function paraNextAfter(headBefore: number | undefined, firstPara = 1): number {
  return Math.max(firstPara, (headBefore ?? -1) + 1);
}

/** What is known about the rows that a key of a headers blob names. */
export interface KeyFacts {
  firstRelay: number;
  lastRelay: number;
  /** whether the header at the key's relayEnd is stored with its justification */
  endIsJustified: boolean;
  /** lowest height ≥ the key's relayStart whose header changes the set, where one is stored */
  setChange: number | undefined;
  /** para head in the state of the key's relayEnd, where it is known */
  headAtEnd: number | undefined;
  /** highest para height that is stored without a gap from 0 */
  lastPara: number;
}

/** Why a headers blob cannot be made for a key. */
export type KeyRefusal =
  | 'BEFORE_START'
  | 'NOT_FETCHED'
  | 'NOT_JUSTIFIED'
  /** the range would go past a set change */
  | 'PASSES_SET_CHANGE'
  /** paraEnd is not the para head that the last relay header proves */
  | 'NOT_THE_PARA_HEAD'
  /** para headers of the range are not stored yet */
  | 'PARA_NOT_FETCHED';

/**
 * Whether a headers blob can be made for a key that a client formed by itself (`drySyncHeader:h:B:q:D`). Any start and
 * any para start up to D are answered; the end must be one at which a range may end.
 * @returns undefined when it can, else why not
 */
export function refuseRangeKey(key: HeadersBlobRange, facts: KeyFacts): KeyRefusal | undefined {
  if (key.relayStart < facts.firstRelay) return 'BEFORE_START';
  if (key.relayEnd > facts.lastRelay) return 'NOT_FETCHED';
  if (facts.setChange !== undefined && facts.setChange < key.relayEnd) return 'PASSES_SET_CHANGE';
  if (!facts.endIsJustified) return 'NOT_JUSTIFIED';
  if (key.paraEnd === -1) return undefined;
  if (key.paraEnd !== facts.headAtEnd) return 'NOT_THE_PARA_HEAD';
  return key.paraEnd > facts.lastPara ? 'PARA_NOT_FETCHED' : undefined;
}

/**
 * The para blocks to dispatch next, or undefined when the next one is not stored yet or its header is not synced.
 * @param blockNext the worker's next block
 * @param lastSynced last para header that the worker has; a block behind it would be refused with NoStateRoot
 * @param lastPara highest para height stored without a gap
 */
export function planBlocks(
  blockNext: number,
  lastSynced: number,
  lastPara: number,
  maxBlocks: number,
): { first: number; last: number } | undefined {
  const last = Math.min(lastSynced, lastPara, blockNext + Math.max(1, maxBlocks) - 1);
  return last < blockNext ? undefined : { first: blockNext, last };
}

function standsOutside({ relayStart, firstRelay, lastRelay }: RangeFacts): RangeWait | undefined {
  if (relayStart < firstRelay) return 'BEFORE_START';
  return relayStart > lastRelay ? 'NOT_FETCHED' : undefined;
}

function wait(reason: RangeWait, at: number): RangeAnswer {
  return { kind: 'wait', reason, at };
}
