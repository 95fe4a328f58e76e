import { bytesEqual } from '@runtime-bridge/base';
import {
  decodeHeader,
  encodeAuthoritySetChange,
  encodeStorageProof,
  forcedChange,
  headerHash,
  scheduledChange,
  type AuthoritySet,
  type AuthoritySetChange,
  type Header,
} from '@runtime-bridge/blob-codec';
import {
  nextAuthoritySet,
  readParaHead,
  verifyAuthoritySetChange,
  verifyJustificationAsync,
} from '@runtime-bridge/light-client';
import { Check, refused, type Refused } from '../errors.js';
import type { RangeRows } from '../store/block-store.js';
import type { RelayStretch } from './relay-fetch.js';
import { checked, checkedAsync } from './verify-with.js';

/** What is known to be true when a stretch is looked at. */
export interface RelayPosition {
  paraId: number;
  /** Last header known to be final. */
  height: number;
  hash: Uint8Array;
  /** The set in force behind it. */
  set: AuthoritySet;
  /** The para head proved last; -1 when there was none. */
  paraNumber: number;
}

/** A stretch that stood every check: what to store, and where it leads. */
export interface VerifiedStretch {
  range: RangeRows;
  next: RelayPosition;
}

/**
 * Checks a stretch of relay headers: numbers, parent links, no change of authorities inside, justification by the set in
 * force, the para head's proof, and at a change of authorities the proof of the new list.
 * @throws BlockStoreError BLOCK_REFUSED
 */
export async function verifyStretch(
  stretch: RelayStretch,
  from: RelayPosition,
): Promise<VerifiedStretch> {
  const about = (block: number, check: Check): Refused => ({
    chain: 'relay',
    block,
    check,
    endpoint: stretch.endpoint,
  });
  const { headers } = stretch;
  if (headers.length === 0) throw refused(about(from.height + 1, Check.FORM), 'there is no header');
  let { height, hash } = from;
  let last!: Header;
  for (const [index, raw] of headers.entries()) {
    const header = checked(about(height + 1, Check.FORM), () => decodeHeader(raw));
    if (header.number !== height + 1) {
      throw refused(about(height + 1, Check.NUMBER), `its number is ${header.number}`);
    }
    if (!bytesEqual(header.parentHash, hash)) {
      throw refused(about(header.number, Check.PARENT_LINK), 'its parent is another block');
    }
    if (index < headers.length - 1) expectNoChange(header, about);
    height = header.number;
    hash = headerHash(raw);
    last = header;
  }
  await checkedAsync(about(height, Check.JUSTIFICATION), () =>
    verifyJustificationAsync({
      justification: stretch.justification,
      set: from.set,
      target: { hash, number: height },
    }),
  );
  const paraHead = verifyParaHead(stretch, last, from, about);
  const change = verifySetChange(stretch, last, from.set, about);
  return {
    range: {
      headers,
      proof: {
        justification: stretch.justification,
        setId: from.set.setId,
        paraHead,
        authoritySetChange: change && encodeAuthoritySetChange(change),
      },
    },
    next: {
      paraId: from.paraId,
      height,
      hash,
      set: change?.authoritySet ?? from.set,
      paraNumber: paraHead?.number ?? from.paraNumber,
    },
  };
}

type About = (block: number, check: Check) => Refused;

function expectNoChange(header: Header, about: About): void {
  if (!scheduledChange(header) && !forcedChange(header)) return;
  throw refused(
    about(header.number, Check.SET_CHANGE),
    'it changes the authorities, and the range goes on behind it',
  );
}

function verifyParaHead(
  stretch: RelayStretch,
  last: Header,
  from: RelayPosition,
  about: About,
): { number: number; proof: Uint8Array } | undefined {
  const head = checked(about(last.number, Check.PARA_HEAD_PROOF), () =>
    readParaHead({
      paraId: from.paraId,
      stateRoot: last.stateRoot,
      proof: stretch.paraHeadProof,
    }),
  );
  const number = head?.number ?? -1;
  if (number < from.paraNumber) {
    throw refused(
      about(last.number, Check.PARA_HEAD),
      `it is ${number}, and was ${from.paraNumber} before`,
    );
  }
  return head ? { number, proof: encodeStorageProof(stretch.paraHeadProof) } : undefined;
}

function verifySetChange(
  stretch: RelayStretch,
  last: Header,
  set: AuthoritySet,
  about: About,
): AuthoritySetChange | undefined {
  const next = checked(about(last.number, Check.SET_CHANGE), () => nextAuthoritySet(set, last));
  if (!next) return undefined;
  const where = about(last.number, Check.AUTHORITY_PROOF);
  const { authorityProof: proof } = stretch;
  if (!proof) throw refused(where, 'there is none');
  const change: AuthoritySetChange = { authoritySet: next, proof };
  checked(where, () => verifyAuthoritySetChange(set, change, last.stateRoot));
  return change;
}
