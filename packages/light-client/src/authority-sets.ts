import { bytesEqual, toHex } from '@runtime-bridge/base';
import {
  type Authority,
  type AuthoritySet,
  type AuthoritySetChange,
  decodeAuthorityList,
  decodeGenesisInfo,
  decodeHeader,
  decodeVersionedAuthorityList,
  encodeAuthorityList,
  forcedChange,
  type GenesisInfo,
  type Header,
  headerHash,
  headerStateRoot,
  scheduledChange,
  storageKeys,
  u64Bytes,
} from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from './errors.js';
import { StorageProofReader } from './storage-proof.js';
import {
  type JustificationDeps,
  verifyJustification,
  verifyJustificationAsync,
  type VerifiedJustification,
} from './justification.js';

/** Under which key a relay state keeps its authorities: `:grandpa_authorities` until early 2024, then the pallet's own. */
export type AuthorityKeyForm = 'old' | 'new';

/**
 * The set that comes into force behind a header, by the scheduled change in its digest; undefined when it announces none.
 * Source: phala-blockchain 654b1b699 crates/phactory/src/light_validation/mod.rs.
 * @throws LightClientError DELAYED_CHANGE, FORCED_CHANGE
 */
export function nextAuthoritySet(current: AuthoritySet, header: Header): AuthoritySet | undefined {
  const facts = { block: header.number, setId: current.setId };
  if (forcedChange(header) !== undefined) {
    throw new LightClientError(
      LightClientErrorCode.FORCED_CHANGE,
      'The relay chain forces a change of authorities, which no worker can follow',
      { facts, remedy: 'Initialise the workers anew behind this block' },
    );
  }
  const change = scheduledChange(header);
  if (change === undefined) return undefined;
  if (change.delay !== 0) {
    throw new LightClientError(
      LightClientErrorCode.DELAYED_CHANGE,
      'The relay chain announces a change of authorities that takes effect later, which no worker can follow',
      { facts: { ...facts, delay: change.delay } },
    );
  }
  return { authorities: change.authorities, setId: current.setId + 1n };
}

/**
 * The list of authorities that a storage proof shows, under the key that the proof can be read for; the new key first, as
 * today's relay chains have only that one.
 * @throws LightClientError AUTHORITY_LIST_ABSENT when the proof shows neither key, PROOF_NODE_MISSING
 */
export function readAuthorityProof(
  proof: readonly Uint8Array[],
  stateRoot: Uint8Array,
): { authorities: Authority[]; form: AuthorityKeyForm } {
  const reader = new StorageProofReader(proof, stateRoot);
  const current = readable(() => reader.get(storageKeys.grandpaAuthorities));
  if (current.value instanceof Uint8Array) {
    return { authorities: decodeAuthorityList(current.value), form: 'new' };
  }
  const old = readable(() => reader.get(storageKeys.grandpaAuthoritiesOld));
  if (old.value instanceof Uint8Array) {
    return { authorities: decodeVersionedAuthorityList(old.value), form: 'old' };
  }
  const missing = old.error ?? current.error;
  if (missing !== undefined) throw missing;
  throw new LightClientError(
    LightClientErrorCode.AUTHORITY_LIST_ABSENT,
    'The relay state holds no list of GRANDPA authorities under a key that we know',
    { facts: { stateRoot: toHex(stateRoot) } },
  );
}

/**
 * Checks a change of authorities as a 0.2.6 worker does: the next set id, and the list proved under the state root of the
 * header that changes the set. The set id itself is not proved by anything.
 * @returns which key the proof is of; 0.2.6 workers take `old` only
 * @throws LightClientError UNEXPECTED_SET_ID, AUTHORITY_LIST_MISMATCH, AUTHORITY_LIST_ABSENT, PROOF_NODE_MISSING
 */
export function verifyAuthoritySetChange(
  current: AuthoritySet,
  change: AuthoritySetChange,
  stateRoot: Uint8Array,
): AuthorityKeyForm {
  const { authoritySet, proof } = change;
  if (authoritySet.setId !== current.setId + 1n) {
    throw new LightClientError(
      LightClientErrorCode.UNEXPECTED_SET_ID,
      'The change of authorities does not follow on the current set',
      { facts: { setId: authoritySet.setId, expected: current.setId + 1n } },
    );
  }
  const proved = readAuthorityProof(proof, stateRoot);
  expectSameList(authoritySet.authorities, proved.authorities, { setId: authoritySet.setId });
  return proved.form;
}

/**
 * Checks genesis info as a worker does: the list of authorities proved under the header's state root. The proof may show
 * `Grandpa.CurrentSetId` as well; then the set id must agree.
 * @throws LightClientError AUTHORITY_LIST_MISMATCH, AUTHORITY_LIST_ABSENT, PROOF_NODE_MISSING, UNEXPECTED_SET_ID
 * @throws CodecError
 */
export function verifyGenesisInfo(
  encoded: Uint8Array,
): GenesisInfo & { header: Uint8Array; form: AuthorityKeyForm } {
  const info = decodeGenesisInfo(encoded);
  const stateRoot = headerStateRoot(info.header);
  const { authorities, form } = readAuthorityProof(info.proof, stateRoot);
  const { setId } = info.authoritySet;
  expectSameList(info.authoritySet.authorities, authorities, { setId });

  const reader = new StorageProofReader(info.proof, stateRoot);
  const { value } = readable(() => reader.get(storageKeys.grandpaCurrentSetId));
  if (value instanceof Uint8Array && !bytesEqual(value, u64Bytes(setId))) {
    throw new LightClientError(
      LightClientErrorCode.UNEXPECTED_SET_ID,
      'The set id of the genesis info is not the one in the relay state',
      { facts: { setId, stateValue: toHex(value) } },
    );
  }
  return { ...info, form };
}

/** A relay header that was proved final. */
export interface FinalizedHeader extends VerifiedJustification {
  /** the set that comes into force behind the header, when it announces one */
  nextSet: AuthoritySet | undefined;
}

/**
 * Follows the authority set from one justified header to the next. Every header that changes the set has to go through
 * {@link finalize}; headers without justification in between need not.
 */
export class AuthoritySetTracker {
  #current: AuthoritySet;

  constructor(
    start: { set: AuthoritySet },
    private readonly deps: JustificationDeps = {},
  ) {
    this.#current = start.set;
  }

  /** The set in force for the next justified header. */
  get current(): AuthoritySet {
    return this.#current;
  }

  /**
   * Checks that the current set finalised an encoded header, then takes on the set that the header announces, if any.
   * Nothing changes when a check fails.
   * @throws LightClientError see verifyJustification, {@link nextAuthoritySet}
   */
  finalize(header: Uint8Array, justification: Uint8Array): FinalizedHeader {
    const { claim, nextSet } = this.#claim(header, justification);
    const verified = verifyJustification(claim, this.deps);
    this.#current = nextSet ?? this.#current;
    return { ...verified, nextSet };
  }

  /** {@link finalize} with the signatures checked in parallel. Wait for one before the next. */
  async finalizeAsync(header: Uint8Array, justification: Uint8Array): Promise<FinalizedHeader> {
    const { claim, nextSet } = this.#claim(header, justification);
    const verified = await verifyJustificationAsync(claim, this.deps);
    this.#current = nextSet ?? this.#current;
    return { ...verified, nextSet };
  }

  /**
   * Takes on the next set by storage proof instead of by digest, as a 0.2.6 worker does, for a header that was finalised
   * already. A tracker that took the change on from the digest only compares.
   * @throws LightClientError see {@link verifyAuthoritySetChange}
   */
  applyProof(change: AuthoritySetChange, header: Uint8Array): AuthorityKeyForm {
    const { authoritySet } = change;
    const isTaken = authoritySet.setId === this.#current.setId;
    const before = isTaken ? { authorities: [], setId: this.#current.setId - 1n } : this.#current;
    const form = verifyAuthoritySetChange(before, change, headerStateRoot(header));
    if (isTaken) {
      expectSameList(authoritySet.authorities, this.#current.authorities, {
        setId: authoritySet.setId,
      });
    }
    this.#current = authoritySet;
    return form;
  }

  #claim(
    raw: Uint8Array,
    justification: Uint8Array,
  ): {
    claim: Parameters<typeof verifyJustification>[0];
    nextSet: AuthoritySet | undefined;
  } {
    const header = decodeHeader(raw);
    const target = { hash: headerHash(raw), number: header.number };
    return {
      claim: { justification, set: this.#current, target },
      nextSet: nextAuthoritySet(this.#current, header),
    };
  }
}

function expectSameList(
  actual: readonly Authority[],
  expected: readonly Authority[],
  facts: { setId: bigint },
): void {
  if (!bytesEqual(encodeAuthorityList(actual), encodeAuthorityList(expected))) {
    throw new LightClientError(
      LightClientErrorCode.AUTHORITY_LIST_MISMATCH,
      'The list of authorities is not the one in the relay state',
      { facts: { ...facts, authorities: actual.length, expected: expected.length } },
    );
  }
}

/** The value of a key that the proof need not cover. */
function readable(read: () => Uint8Array | null): {
  value?: Uint8Array | null;
  error?: LightClientError;
} {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof LightClientError && error.code === LightClientErrorCode.PROOF_NODE_MISSING)
      return { error };
    throw error;
  }
}
