import type { GrandpaFinality } from '../grandpa/finality.js';
import type { Log } from '../log.js';
import { bytesEqual, toHex } from '../primitives/bytes.js';
import { decodeHeader, headerHash } from '../primitives/header.js';
import { ScaleReader } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import type { RelayAuthor } from '../relay/author.js';
import type { Chain } from './chain.js';
import type { Block, BlockRef, ParaBlockBuilder, TransactionPool } from './types.js';

/** How the two chains go together. */
export interface ChainPairOptions {
  paraId: number;
  /** Relay blocks between the best and the finalised one. */
  finalityLag: number;
  /** A parachain block is built at every so many relay blocks. */
  relayBlocksPerParaBlock: number;
  /** So many parachain blocks are built on one another each time; only the last head is included. */
  paraBlocksPerHead?: number;
}

/** What can be changed while the chains run. */
export interface ChainPairState {
  finalityLag: number;
  /** No block becomes final while this is set; afterwards finality jumps. */
  isFinalityHeld: boolean;
  relayBlocksPerParaBlock: number;
  paraBlocksPerHead: number;
}

/** First relay block that a parachain block is built on; its parent must hold the genesis head. */
const FIRST_RELAY_PARENT = 2;

/**
 * Relay chain and parachain in step: a relay block is made, it includes the parachain block that was built
 * on its parent, finality follows at a distance, and the parachain's finality follows the relay's.
 */
export class ChainPair {
  /** May be changed between steps. */
  readonly state: ChainPairState;
  private pending: Block | undefined;

  constructor(
    private readonly options: ChainPairOptions,
    private readonly deps: {
      relay: Chain;
      para: Chain;
      author: RelayAuthor;
      builder: ParaBlockBuilder;
      pool: TransactionPool;
      /** Of the relay chain; absent: it takes no transactions. */
      relayPool?: TransactionPool;
      finality: GrandpaFinality;
      /** Called before each parachain block with the relay block that it is built on. */
      beforeParaBlock?: (relayParent: Block) => void;
      log: Log;
    },
  ) {
    const { finalityLag, relayBlocksPerParaBlock, paraBlocksPerHead = 1 } = options;
    this.state = { finalityLag, relayBlocksPerParaBlock, paraBlocksPerHead, isFinalityHeld: false };
    follow(deps.para, deps.pool);
    if (deps.relayPool) follow(deps.relay, deps.relayPool);
  }

  /** After a restart: the parachain's best and finalised blocks are what the relay chain says. */
  async recover(): Promise<void> {
    const { relay, para } = this.deps;
    const included = this.headIn(relay.best.hash);
    if (included !== undefined) await para.setBest(included);
    await this.finalizePara();
  }

  /** One slot: a relay block, finality, and maybe a parachain block for the next one to include. */
  async step(timestampMs: number): Promise<void> {
    const { relay, para, author, relayPool } = this.deps;
    const { pending } = this;
    const block = author.build({
      parent: relay.best,
      timestampMs,
      ...(pending && { paraHead: pending.header }),
      ...(relayPool && { extrinsics: relayPool.ready() }),
    });
    await relay.append(block, { best: true });
    if (pending !== undefined) {
      await para.setBest(pending.hash);
      this.pending = undefined;
    }
    await this.finalize();
    if (this.isRelayParent(block.number)) await this.buildParaBlocks(block);
  }

  /**
   * Replaces the newest `depth` relay blocks by a longer branch without any parachain head of theirs; the
   * parachain goes back with it. Blocks that are final stay, so that fewer may be replaced.
   *
   * @returns how many blocks were replaced
   */
  async reorganise(depth: number, timestampMs: number): Promise<number> {
    const { relay, para, author } = this.deps;
    const depthNow = Math.min(depth, relay.best.number - relay.finalized.number);
    if (depthNow < 1) return 0;
    const forkAt = relay.hashAt(relay.best.number - depthNow);
    const forkHeader = forkAt && relay.header(forkAt);
    if (forkAt === undefined || forkHeader === undefined) return 0;
    const salt = toHex(relay.best.hash);
    let parent: BlockRef = {
      number: relay.best.number - depthNow,
      hash: forkAt,
      header: forkHeader,
    };
    for (let n = 0; n <= depthNow; n++) {
      const block = author.build({ parent, timestampMs: timestampMs + n, salt });
      await relay.append(block, { best: n === depthNow });
      parent = block;
    }
    this.pending = undefined;
    const included = this.headIn(relay.best.hash) ?? para.genesis.hash;
    await para.setBest(included);
    return depthNow;
  }

  private async finalize(): Promise<void> {
    if (this.state.isFinalityHeld) return;
    await this.deps.finality.finalizeTo(this.deps.relay.best.number - this.state.finalityLag);
    await this.finalizePara();
  }

  private isRelayParent(number: number): boolean {
    const since = number - FIRST_RELAY_PARENT;
    return since >= 0 && since % this.state.relayBlocksPerParaBlock === 0;
  }

  private async buildParaBlocks(relayParent: Block): Promise<void> {
    this.deps.beforeParaBlock?.(relayParent);
    let parent: BlockRef = this.deps.para.best;
    for (let n = 0; n < this.state.paraBlocksPerHead; n++) {
      const extrinsics = n === 0 ? this.deps.pool.ready() : [];
      parent = await this.buildParaBlock(relayParent, parent, n, extrinsics);
    }
  }

  /** One parachain block; the first of a relay parent takes the pool's extrinsics. */
  private async buildParaBlock(
    relayParent: Block,
    parent: BlockRef,
    offset: number,
    extrinsics: readonly Uint8Array[],
  ): Promise<Block> {
    const { para, builder } = this.deps;
    const built = builder.buildBlock({
      parentHeader: parent.header,
      parentState: para.state(parent.hash),
      number: parent.number + 1,
      timestampMs: relayParent.timestampMs + offset,
      relayParentNumber: relayParent.number,
      relayParentStorageRoot: relayParent.stateRoot,
      extrinsics,
    });
    const block: Block = {
      number: parent.number + 1,
      hash: headerHash(built.header),
      header: built.header,
      extrinsics: built.extrinsics,
      changes: built.changes,
      stateRoot: decodeHeader(built.header).stateRoot,
      timestampMs: relayParent.timestampMs + offset,
    };
    await para.append(block, { best: false });
    this.pending = block;
    return block;
  }

  private async finalizePara(): Promise<void> {
    const { relay, para } = this.deps;
    const head = this.headIn(relay.finalized.hash);
    if (head !== undefined) await para.finalize(head);
  }

  /** Hash of the parachain head in a relay block's state. */
  private headIn(relayHash: Uint8Array): Uint8Array | undefined {
    const { relay, para, log } = this.deps;
    const value = relay.state(relayHash).get(RelayKey.parasHeads(this.options.paraId));
    if (value === undefined) return undefined;
    const hash = headerHash(new ScaleReader(value).bytes());
    if (para.header(hash) !== undefined) return hash;
    // Parachain blocks are stored before their head is included, so this is a damaged data directory.
    if (!bytesEqual(hash, para.genesis.hash))
      log('included para head is unknown', { hash: toHex(hash) });
    return undefined;
  }
}

/** Tells a pool what becomes of its chain's blocks. */
function follow(chain: Chain, pool: TransactionPool): void {
  chain.events.on('best', ({ retracted, enacted }) => {
    retracted.forEach((block) => pool.onRetracted(block));
    enacted.forEach((block) => pool.onBlock(block));
  });
  chain.events.on('finalized', ({ blocks }) => blocks.forEach((block) => pool.onFinalized(block)));
}
