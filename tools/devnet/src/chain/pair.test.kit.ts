import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthorityKeys } from '../grandpa/authorities.js';
import { GrandpaFinality } from '../grandpa/finality.js';
import { votesWithAncestries, type VotePlan } from '../grandpa/voting.js';
import { blocksAbove } from './blocks-above.js';
import { silentLog } from '../log.js';
import { utf8 } from '../primitives/bytes.js';
import { encodeHeader, headerHash } from '../primitives/header.js';
import { bytes, u32 } from '../primitives/scale.js';
import { orderedTrieRoot, type KeyChange, type StateVersion } from '../primitives/trie.js';
import { RelayAuthor } from '../relay/author.js';
import { relayGenesis, type RelayEra } from '../relay/state.js';
import { Chain } from './chain.js';
import { ChainPair } from './pair.js';
import { openChainDb, type ChainDb } from './store.js';
import type { Block, BuiltParaBlock, ParaBlockInput, TransactionPool } from './types.js';

/** A parachain whose blocks only count: enough to drive the relay side in tests. */
export function countingBuilder() {
  return {
    buildBlock(input: ParaBlockInput): BuiltParaBlock {
      const changes: KeyChange[] = [
        [utf8('gone'), undefined],
        [utf8('number'), u32(input.number)],
        [utf8(`relay/${input.number}`), u32(input.relayParentNumber)],
      ];
      const extrinsics = [bytes(u32(input.number)), ...input.extrinsics];
      const header = encodeHeader({
        parentHash: headerHash(input.parentHeader),
        number: input.number,
        stateRoot: input.parentState.with(changes).root(),
        extrinsicsRoot: orderedTrieRoot(extrinsics),
        logs: [],
      });
      return { header, extrinsics, changes };
    },
  };
}

/** A pool that holds nothing and notes what it is told. */
export function notingPool(): TransactionPool & { told: string[] } {
  const told: string[] = [];
  const note = (what: string) => (block: Block) => {
    told.push(`${what} ${block.number}`);
  };
  return {
    told,
    submit: () => new Uint8Array(32),
    ready: () => [],
    pending: () => [],
    readyProvides: () => false,
    watch: () => () => undefined,
    onBlock: note('block'),
    onRetracted: note('retracted'),
    onFinalized: note('finalized'),
  };
}

/** A relay chain with voters and the counting parachain, in a directory of its own. */
export async function testPair(
  options: {
    directory?: string;
    db?: ChainDb;
    era?: RelayEra;
    sessionBlocks?: number;
    authorities?: number;
    finalityLag?: number;
    justificationPeriod?: number;
    stateVersion?: StateVersion;
    votePlan?: VotePlan;
    /** Some votes are above the target. */
    voteAncestries?: boolean;
    paraBlocksPerHead?: number;
    seed?: string;
  } = {},
) {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'devnet-chain-')));
  const db = options.db ?? (await openChainDb(directory));
  const era = options.era ?? 'old';
  const seed = options.seed ?? 'test';
  const paraId = 2004;
  const stateVersion = options.stateVersion ?? 0;
  const keys = new AuthorityKeys({ seed, count: options.authorities ?? 4 });
  const onListenerError = (error: unknown) => {
    throw error;
  };
  const para = await Chain.open(
    { name: 'para', id: 2, stateVersion },
    { db, onListenerError, genesis: () => [[utf8('number'), u32(0)]] },
  );
  const relay = await Chain.open(
    { name: 'relay', id: 1, stateVersion },
    {
      db,
      onListenerError,
      genesis: () =>
        relayGenesis({
          era,
          authorities: keys.authorities(0n),
          specName: 'kusama',
          specVersion: 9430,
          paraId,
          paraGenesisHeader: para.genesis.header,
        }),
    },
  );
  const finality = await GrandpaFinality.create(
    { justificationPeriod: options.justificationPeriod ?? 8 },
    {
      chain: relay,
      keys,
      ...(options.votePlan && { votePlan: options.votePlan }),
      ...(options.voteAncestries && { votePlan: votesWithAncestries(blocksAbove(relay)) }),
    },
  );
  const sessionBlocks = options.sessionBlocks ?? 10;
  const author = new RelayAuthor(
    { era, paraId, sessionBlocks, slotMs: 600, seed },
    { chain: relay, keys },
  );
  const pool = notingPool();
  const pair = new ChainPair(
    {
      paraId,
      finalityLag: options.finalityLag ?? 2,
      relayBlocksPerParaBlock: 2,
      paraBlocksPerHead: options.paraBlocksPerHead ?? 1,
    },
    { relay, para, author, builder: countingBuilder(), pool, finality, log: silentLog },
  );
  await pair.recover();
  let timeMs = relay.best.number * 600 + 1_700_000_000_000;
  const steps = async (count: number) => {
    for (let i = 0; i < count; i++) await pair.step((timeMs += 600));
  };
  return {
    directory,
    db,
    keys,
    relay,
    para,
    finality,
    author,
    pair,
    pool,
    steps,
    close: () => db.close(),
    dispose: async () => {
      await db.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
