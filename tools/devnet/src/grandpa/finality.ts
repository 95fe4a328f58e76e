import type { Chain } from '../chain/chain.js';
import { concatBytes } from '../primitives/bytes.js';
import { decodeHeader, scheduledChange } from '../primitives/header.js';
import { ScaleReader, bytes, u32, vec } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import type { AuthorityKeys } from './authorities.js';
import { justificationTarget, makeJustification } from './justification.js';
import { directVotes, type VotePlan } from './voting.js';

/** Why finality of a block cannot be proved. */
export class FinalityProofError extends Error {
  override readonly name = 'FinalityProofError';

  constructor(readonly reason: 'notYetFinalized' | 'notInSetChanges') {
    super(
      reason === 'notYetFinalized'
        ? 'Block not yet finalized'
        : 'Block not covered by authority set changes',
    );
  }
}

/** As sc-consensus-grandpa `finality_proof.rs`: more headers are never collected. */
const MAX_UNKNOWN_HEADERS = 100_000;
const BEST_JUSTIFICATION = 'grandpa/best';
const SET_CHANGE_PREFIX = 'grandpa/set/';

interface SetChange {
  setId: bigint;
  /** Last block of the set: the one that announces the next set. */
  lastBlock: number;
}

/** The state of finality for `grandpa_roundState`. */
export interface RoundState {
  setId: bigint;
  round: bigint;
  totalWeight: number;
}

/**
 * The voters of the relay chain: they finalise, justify, and the node keeps justifications as Substrate's
 * does (paritytech/polkadot-sdk substrate/client/consensus/grandpa/src/{environment,finality_proof}.rs):
 * with the block where a set ends or the period is crossed, otherwise only the newest one.
 */
export class GrandpaFinality {
  private setChanges: SetChange[] = [];
  private round = 0n;
  private roundSetId = -1n;
  private readonly listeners = new Set<(justification: Uint8Array) => void>();

  private constructor(
    private readonly options: { justificationPeriod: number },
    private readonly deps: { chain: Chain; keys: AuthorityKeys; votePlan: VotePlan },
  ) {}

  /** @param options.justificationPeriod in blocks; 0 keeps none but those at set changes */
  static async create(
    options: { justificationPeriod: number },
    deps: { chain: Chain; keys: AuthorityKeys; votePlan?: VotePlan },
  ): Promise<GrandpaFinality> {
    const finality = new GrandpaFinality(options, {
      ...deps,
      votePlan: deps.votePlan ?? directVotes,
    });
    for (const [name, value] of await deps.chain.metaFrom(SET_CHANGE_PREFIX)) {
      const setId = BigInt(name.slice(SET_CHANGE_PREFIX.length));
      finality.setChanges.push({ setId, lastBlock: new ScaleReader(value).u32() });
    }
    finality.resumeRound();
    return finality;
  }

  /** Hears every justification that the voters make; returns how to stop. */
  onJustification(listener: (justification: Uint8Array) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Finalises up to a block of the best chain. Voters never vote past the end of their set, so blocks that
   * end one are finalised on their own first.
   */
  async finalizeTo(number: number): Promise<void> {
    const { chain } = this.deps;
    const upTo = Math.min(number, chain.best.number);
    for (let n = chain.finalized.number + 1; n <= upTo; n++) {
      const hash = chain.hashAt(n);
      const header = hash && chain.header(hash);
      if (hash === undefined || header === undefined) return;
      const endsSet = scheduledChange(decodeHeader(header)) !== undefined;
      if (endsSet || n === upTo) await this.finalizeBlock(n, hash, header, endsSet);
    }
  }

  /**
   * SCALE of `FinalityProof` for a block: the last justification of the set that the block belongs to, or,
   * in the current set, the newest one; with the headers after the asked block up to its target.
   *
   * @returns undefined when the node has no such justification
   * @throws FinalityProofError as a node's; blocks of the very first set are not covered until it ends
   */
  proveFinality(number: number): Uint8Array | undefined {
    const { chain } = this.deps;
    if (chain.finalized.number < number) throw new FinalityProofError('notYetFinalized');
    const found = this.justificationFor(number);
    if (found === undefined) return undefined;
    const target = chain.hashAt(found.number);
    if (target === undefined) return undefined;
    const headers: Uint8Array[] = [];
    for (let n = number + 1; n <= found.number && headers.length < MAX_UNKNOWN_HEADERS; n++) {
      const hash = chain.hashAt(n);
      const header = hash && chain.header(hash);
      if (header !== undefined) headers.push(header);
    }
    return concatBytes(target, bytes(found.justification), vec(headers));
  }

  /** Where the voters are. */
  roundState(): RoundState {
    const setId = this.setIdAfter(this.deps.chain.finalized.hash);
    return {
      setId,
      round: this.roundSetId === setId ? this.round + 1n : 1n,
      totalWeight: this.deps.keys.voters(setId).length,
    };
  }

  private justificationFor(
    number: number,
  ): { justification: Uint8Array; number: number } | undefined {
    const { chain } = this.deps;
    const last = this.setChanges.at(-1);
    if (last !== undefined && last.lastBlock < number) {
      const justification = chain.meta(BEST_JUSTIFICATION);
      return justification && { justification, number: justificationTarget(justification).number };
    }
    const change = this.changeCovering(number);
    if (change === undefined) throw new FinalityProofError('notInSetChanges');
    const hash = chain.hashAt(change.lastBlock);
    const justification = hash && chain.justification(hash);
    return justification && { justification, number: change.lastBlock };
  }

  /** First set change at or after a block; the list is sorted. */
  private changeCovering(number: number): SetChange | undefined {
    let low = 0;
    let high = this.setChanges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.setChanges[middle]?.lastBlock ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    const change = this.setChanges[low];
    return low === 0 && change?.setId !== 0n ? undefined : change;
  }

  private async finalizeBlock(
    number: number,
    hash: Uint8Array,
    header: Uint8Array,
    endsSet: boolean,
  ): Promise<void> {
    const { chain, keys, votePlan } = this.deps;
    const setId = this.setIdAfter(decodeHeader(header).parentHash);
    const round = this.nextRound(setId, hash);
    const target = { hash, number };
    const { votes, ancestries } = votePlan({ voters: keys.voters(setId), setId, round, target });
    const justification = makeJustification({
      round,
      setId,
      target,
      votes,
      ...(ancestries && { ancestries }),
    });
    const meta: [string, Uint8Array][] = [[BEST_JUSTIFICATION, justification]];
    if (endsSet) meta.push([`${SET_CHANGE_PREFIX}${String(setId).padStart(20, '0')}`, u32(number)]);
    const keep = endsSet || this.crossesPeriod(number);
    await chain.finalize(hash, { meta, ...(keep && { justification }) });
    if (endsSet) this.setChanges.push({ setId, lastBlock: number });
    for (const listener of [...this.listeners]) listener(justification);
  }

  private crossesPeriod(number: number): boolean {
    const period = this.options.justificationPeriod;
    if (period <= 0) return false;
    const last = this.deps.chain.finalized.number;
    if (last === 0 && number !== period) return false;
    return Math.floor(last / period) !== Math.floor(number / period);
  }

  /** A voter never votes twice in a round, so rounds go on where they were before a restart. */
  private resumeRound(): void {
    const { chain } = this.deps;
    const best = chain.meta(BEST_JUSTIFICATION);
    const header = best && chain.header(justificationTarget(best).hash);
    if (best === undefined || header === undefined) return;
    this.roundSetId = this.setIdAfter(decodeHeader(header).parentHash);
    this.round = new ScaleReader(best).u64();
  }

  /** Rounds are counted per set; now and then one passes without finalising anything new. */
  private nextRound(setId: bigint, hash: Uint8Array): bigint {
    if (setId !== this.roundSetId) {
      this.roundSetId = setId;
      this.round = 0n;
    }
    this.round += 1n + BigInt((hash[0] ?? 0) % 4 === 0 ? 1 : 0);
    return this.round;
  }

  private setIdAfter(hash: Uint8Array): bigint {
    const value = this.deps.chain.state(hash).get(RelayKey.grandpaCurrentSetId);
    return value === undefined ? 0n : new ScaleReader(value).u64();
  }
}
