import {
  headerHash,
  headerNumber,
  headerParentHash,
  type Precommit,
} from '@runtime-bridge/blob-codec';
import { toHex } from '@runtime-bridge/base';
import { LightClientError, LightClientErrorCode } from './errors.js';
import { voterName } from './voters.js';

/** A block on the way from the lowest voted block up to a voted one. */
interface VotedBlock {
  name: string;
  parent: VotedBlock | undefined;
  /** blocks above the base */
  height: number;
  /** weight of the votes for this block or one above it */
  weight: bigint;
}

/** The headers of a justification's votes_ancestries, by hash. */
export class Ancestry {
  readonly #parents = new Map<string, { parent: string; number: number }>();

  constructor(headers: readonly Uint8Array[]) {
    for (const raw of headers) {
      this.#parents.set(voterName(headerHash(raw)), {
        parent: voterName(headerParentHash(raw)),
        number: headerNumber(raw),
      });
    }
  }

  /** How many different headers there are. */
  get size(): number {
    return this.#parents.size;
  }

  parentOf(name: string): string | undefined {
    return this.#parents.get(name)?.parent;
  }

  numberOf(name: string): number | undefined {
    return this.#parents.get(name)?.number;
  }
}

/** The blocks between a base and the voted blocks above it, and the votes' weights on them. Linear in its input. */
export class VoteGraph {
  readonly #ancestry: Ancestry;
  readonly #blocks = new Map<string, VotedBlock>();

  /** @param base the lowest voted block */
  constructor(ancestry: Ancestry, base: Precommit) {
    this.#ancestry = ancestry;
    const name = voterName(base.targetHash);
    this.#blocks.set(name, { name, parent: undefined, height: 0, weight: 0n });
  }

  /** How many headers of the ancestry the votes so far go through. */
  get visitedHeaders(): number {
    return this.#blocks.size - 1;
  }

  /**
   * Adds the way from the base up to a voted block.
   * @throws LightClientError BAD_ANCESTRY when the block does not descend from the base by the headers given
   */
  reach(precommit: Precommit): VotedBlock {
    const way: string[] = [];
    let name: string | undefined = voterName(precommit.targetHash);
    while (name !== undefined && !this.#blocks.has(name)) {
      way.push(name);
      name = this.#ancestry.parentOf(name);
    }
    let block = name === undefined ? undefined : this.#blocks.get(name);
    if (block === undefined) {
      throw new LightClientError(
        LightClientErrorCode.BAD_ANCESTRY,
        'A vote is not linked to the lowest voted block by the headers that came along',
        {
          facts: {
            block: precommit.targetNumber,
            hash: toHex(precommit.targetHash),
            authority: toHex(precommit.authorityId),
          },
        },
      );
    }
    for (const next of way.reverse()) {
      const child: VotedBlock = { name: next, parent: block, height: block.height + 1, weight: 0n };
      this.#blocks.set(next, child);
      block = child;
    }
    return block;
  }

  /** Adds up the weights given to single blocks from top to bottom. */
  accumulate(): void {
    const blocks = [...this.#blocks.values()].sort((a, b) => b.height - a.height);
    for (const { parent, weight } of blocks) if (parent !== undefined) parent.weight += weight;
  }

  get(hash: Uint8Array): VotedBlock | undefined {
    return this.#blocks.get(voterName(hash));
  }

  /** The heaviest block directly above one. */
  heaviestAbove(block: VotedBlock): bigint {
    let heaviest = 0n;
    for (const candidate of this.#blocks.values()) {
      if (candidate.parent === block && candidate.weight > heaviest) heaviest = candidate.weight;
    }
    return heaviest;
  }
}
