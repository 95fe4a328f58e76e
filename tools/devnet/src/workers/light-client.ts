import {
  ScaleError,
  bytesEqual,
  encodeAuthorityList,
  scheduledChange,
} from '../primitives/index.js';
import type { WorkerBehaviour } from './behaviour.js';
import type { SignatureVerifier } from './ed25519.js';
import { EnclavePanic } from './faults.js';
import { verifyJustification } from './justification.js';
import type { AuthoritySet, AuthoritySetChange, GenesisInfo, RawHeader } from './requests.js';
import { LightValidationFault, checkAuthoritySet } from './storage-proof.js';

/** What a checkpoint keeps of the light client. */
export interface LightClientState {
  readonly lastFinalizedHash: Uint8Array;
  readonly currentSet: AuthoritySet;
}

/**
 * Follows the finality of the relay chain header by header (`LightValidation` in phala-blockchain
 * crates/phactory/src/light_validation/mod.rs), with the differences of the behaviour table.
 */
export class LightClient {
  constructor(
    private state: LightClientState,
    private readonly behaviour: WorkerBehaviour,
    private readonly signatures: SignatureVerifier,
  ) {}

  /**
   * Starts at a trusted header whose authorities are proven under its own state root.
   *
   * @throws LightValidationFault when the proof does not show the list.
   */
  static initialize(
    genesis: GenesisInfo,
    behaviour: WorkerBehaviour,
    signatures: SignatureVerifier,
  ): LightClient {
    const { header, authoritySet, proof } = genesis;
    checkAuthoritySet(header.header.stateRoot, proof, authoritySet, behaviour);
    const state = { lastFinalizedHash: header.hash, currentSet: owned(authoritySet) };
    return new LightClient(state, behaviour, signatures);
  }

  /** For a checkpoint. */
  snapshot(): LightClientState {
    return this.state;
  }

  /**
   * Accepts `last` as finalized.
   *
   * @param ancestors headers below `last`, highest first
   * @throws LightValidationFault with pRuntime's text.
   * @throws EnclavePanic when the current set has no voters.
   */
  submitFinalizedHeaders(
    last: RawHeader,
    ancestors: readonly RawHeader[],
    justification: Uint8Array,
    change: AuthoritySetChange | undefined,
  ): void {
    verifyAncestry(ancestors, this.state.lastFinalizedHash, last);
    const { currentSet } = this.state;
    if (!currentSet.list.some((authority) => authority.weight > 0n)) {
      throw new EnclavePanic('called `Option::unwrap()` on a `None` value');
    }
    const target = { hash: last.hash, number: last.header.number };
    if (this.behaviour.checks === 'all') {
      verifyJustification(justification, target, currentSet, this.signatures);
    }

    if (this.behaviour.finalizedMovesBeforeChange) {
      // The fault of 0.2.6: a change that is refused below leaves the header finalized, and the same
      // headers then fail with `invalid ancestry proof`.
      this.state = { lastFinalizedHash: last.hash, currentSet };
    }
    const nextSet =
      this.behaviour.authorityChangeFrom === 'request'
        ? this.setFromRequest(last, change)
        : setFromDigest(last, currentSet);
    this.state = { lastFinalizedHash: last.hash, currentSet: nextSet ?? currentSet };
  }

  private setFromRequest(
    last: RawHeader,
    change: AuthoritySetChange | undefined,
  ): AuthoritySet | undefined {
    if (change === undefined) return undefined;
    if (change.authoritySet.id !== this.state.currentSet.id + 1n) {
      throw new LightValidationFault('unexpected validator set id');
    }
    if (this.behaviour.checks === 'all') {
      checkAuthoritySet(last.header.stateRoot, change.proof, change.authoritySet, this.behaviour);
    }
    return owned(change.authoritySet);
  }
}

function setFromDigest(last: RawHeader, currentSet: AuthoritySet): AuthoritySet | undefined {
  const change = findScheduledChange(last);
  if (change === undefined) return undefined;
  if (change.delay !== 0) throw new LightValidationFault('scheduled change should not have delay');
  const encodedList = encodeAuthorityList(change.authorities);
  return owned({ list: change.authorities, encodedList, id: currentSet.id + 1n });
}

/** A set that does not keep the request body alive that it was read from. */
function owned(set: AuthoritySet): AuthoritySet {
  return {
    list: set.list.map(({ id, weight }) => ({ id: new Uint8Array(id), weight })),
    encodedList: new Uint8Array(set.encodedList),
    id: set.id,
  };
}

/** The digest's scheduled change; one that cannot be decoded is none. */
function findScheduledChange(last: RawHeader): ReturnType<typeof scheduledChange> {
  try {
    return scheduledChange(last.header);
  } catch (error) {
    if (error instanceof ScaleError) return undefined;
    throw error;
  }
}

function verifyAncestry(
  ancestors: readonly RawHeader[],
  ancestorHash: Uint8Array,
  child: RawHeader,
): void {
  let { parentHash } = child.header;
  if (bytesEqual(parentHash, ancestorHash)) return;
  for (const header of ancestors) {
    if (!bytesEqual(header.hash, parentHash)) break;
    parentHash = header.header.parentHash;
    if (bytesEqual(parentHash, ancestorHash)) return;
  }
  throw new LightValidationFault('invalid ancestry proof');
}
