import { bytesEqual, toHex } from '@runtime-bridge/base';
import {
  decodeAuthoritySetChange,
  decodeGenesisInfo,
  decodeGenesisState,
  decodeStorageChanges,
  decodeStorageProof,
  headerHash,
  headerNumber,
  headerParentHash,
  headerStateRoot,
} from '@runtime-bridge/blob-codec';
import { readParaHead, StateTrie, verifyGenesisInfo } from '@runtime-bridge/light-client';
import { stateKey, RowKind } from '../rows/keys.js';
import { corruptRow, type Meta } from '../rows/meta.js';
import { splitParaRow } from '../rows/para-row.js';
import { decodeRelayRow, type RelayRow } from '../rows/relay-row.js';
import type { BlockStore } from '../store/block-store.js';
import { verifyStretch, type RelayPosition } from '../sync/relay-verify.js';
import type { RelayStretch } from '../sync/relay-fetch.js';

/** Tells how far some work over a store is. */
export type OnProgress = (what: string, done: number, total: number) => void;

/** How a store is verified. */
export interface VerifyStoreOptions {
  /** Whether storage changes are replayed against state roots; takes memory for the whole state. @default true */
  state?: boolean;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** What was verified. */
export interface VerifiedStore {
  ranges: number;
  relayHeaders: number;
  paraBlocks: number;
  /** Nodes of the stored state that were compared; undefined when states were not looked at. */
  stateNodes: number | undefined;
}

/** Rows read at once. */
const READ_ROWS = 256;
/** Work between two looks at the signal and two words about progress. */
const TELL_EVERY = 64;

/**
 * Proves a whole store anew from its genesis, out of its rows alone: each justification, link, proof and state root, the
 * index of range ends, the para heads, and the state that is kept for going on.
 * @throws BlockStoreError STORE_CORRUPT naming the first row that is wrong
 */
export async function verifyStore(
  store: BlockStore,
  options: VerifyStoreOptions = {},
): Promise<VerifiedStore> {
  const { meta } = store;
  if (!meta) throw corruptRow('meta', 'there is no genesis yet');
  const start = await verifyGenesis(store, meta);
  const relay = await verifyRelay(store, meta, start.position, options);
  const para = await verifyPara(store, meta, relay.heads, options);
  return { ...relay.counts, ...para };
}

async function verifyGenesis(
  store: BlockStore,
  meta: Readonly<Meta>,
): Promise<{ position: RelayPosition }> {
  const genesis = await store.genesis();
  if (!genesis) throw corruptRow('genesis', 'missing');
  const position = inRow('genesis', () => {
    verifyGenesisInfo(genesis.info);
    const { header, authoritySet } = decodeGenesisInfo(genesis.info);
    const hash = headerHash(header);
    if (toHex(hash) !== meta.relayGenesis) throw corruptRow('genesis', 'is of another relay block');
    return {
      paraId: meta.paraId,
      height: headerNumber(header),
      hash,
      set: authoritySet,
      paraNumber: -1,
    };
  });
  return { position };
}

async function verifyRelay(
  store: BlockStore,
  meta: Readonly<Meta>,
  start: RelayPosition,
  { onProgress, signal }: VerifyStoreOptions,
): Promise<{
  counts: { ranges: number; relayHeaders: number };
  heads: Map<number, Uint8Array>;
}> {
  let position = start;
  let headers: Uint8Array[] = [];
  let ranges = 0;
  let setHeight = meta.relayGenesisHeight;
  const heads = new Map<number, Uint8Array>();
  const total = meta.relayHeight - start.height;
  for await (const { height, bytes } of rowsOf(
    store,
    start.height + 1,
    meta.relayHeight,
    'relay',
    signal,
  )) {
    const row = inRow(`relay ${height}`, () => decodeRelayRow(bytes));
    headers.push(row.header);
    if (!row.range) continue;
    const { range, next } = await verifyStretch(stretchOf(headers, row), position).catch(
      (error: unknown) => {
        throw corruptRow(`relay ${height}`, 'does not stand the checks', error);
      },
    );
    const end = await store.rangeEndAt(height);
    const changesSet = range.proof.authoritySetChange !== undefined;
    const paraNumber = range.proof.paraHead?.number ?? -1;
    if (
      row.range.setId !== range.proof.setId ||
      end?.setId !== range.proof.setId ||
      end.changesSet !== changesSet ||
      end.paraNumber !== paraNumber
    ) {
      throw corruptRow(`range end ${height}`, 'is not that of its relay row');
    }
    if (changesSet) setHeight = height;
    noteHead(heads, row, meta.paraId);
    position = next;
    headers = [];
    ranges += 1;
    onProgress?.('relay headers', height - start.height, total);
  }
  if (headers.length > 0) throw corruptRow(`relay ${meta.relayHeight}`, 'ends no range');
  if (toHex(position.hash) !== meta.relayHash || setHeight !== meta.setHeight) {
    throw corruptRow('meta', 'does not tell of the last relay row');
  }
  return { counts: { ranges, relayHeaders: total }, heads };
}

async function verifyPara(
  store: BlockStore,
  meta: Readonly<Meta>,
  heads: ReadonlyMap<number, Uint8Array>,
  { state = true, onProgress, signal }: VerifyStoreOptions,
): Promise<{ paraBlocks: number; stateNodes: number | undefined }> {
  const zero = await store.paraRow(0);
  if (!zero) throw corruptRow('para 0', 'missing');
  const first = inRow('para 0', () => splitParaRow(zero).header);
  let hash = headerHash(first);
  if (toHex(hash) !== meta.paraGenesis) throw corruptRow('para 0', 'is not the genesis');
  const trie = state ? await genesisTrie(store, headerStateRoot(first)) : undefined;
  let stateNodes = meta.stateHeight === 0 ? await compareState(store, trie) : undefined;
  for await (const { height, bytes } of rowsOf(store, 1, meta.paraHeight, 'para', signal)) {
    const { header, storageChanges } = inRow(`para ${height}`, () => splitParaRow(bytes));
    if (headerNumber(header) !== height || !bytesEqual(headerParentHash(header), hash)) {
      throw corruptRow(`para ${height}`, 'does not continue the one before');
    }
    hash = headerHash(header);
    const head = heads.get(height);
    if (head && !bytesEqual(head, hash)) {
      throw corruptRow(`para ${height}`, 'is not the head that the relay chain holds');
    }
    if (height === 1 && toHex(hash) !== meta.paraBlock1) {
      throw corruptRow('para 1', 'is not the one that tells the chain');
    }
    if (trie) {
      try {
        await trie.advance(decodeStorageChanges(storageChanges), headerStateRoot(header), height);
      } catch (error) {
        throw corruptRow(`para ${height}`, 'its changes do not give its state root', error);
      }
      if (height === meta.stateHeight) stateNodes = await compareState(store, trie);
    }
    if (height % TELL_EVERY === 0 || height === meta.paraHeight) {
      onProgress?.('para blocks', height, meta.paraHeight);
    }
  }
  if (toHex(hash) !== meta.paraHash) throw corruptRow('meta', 'does not tell of the last para row');
  if (meta.paraHeight > 0 && ![...heads.keys()].some((number) => number >= meta.paraHeight)) {
    throw corruptRow(`para ${meta.paraHeight}`, 'no stored relay header proves it');
  }
  return { paraBlocks: meta.paraHeight, stateNodes };
}

async function genesisTrie(store: BlockStore, root: Uint8Array): Promise<StateTrie> {
  const genesis = await store.genesis();
  const trie = inRow('genesis', () => StateTrie.fromPairs(decodeGenesisState(genesis!.state)));
  if (!bytesEqual(trie.root(), root)) {
    throw corruptRow('genesis', 'its state does not give the state root of para header 0');
  }
  return trie;
}

/** Compares the kept state with one that was made from nothing, node by node. */
async function compareState(
  store: BlockStore,
  trie: StateTrie | undefined,
): Promise<number | undefined> {
  if (!trie) return undefined;
  const { puts } = trie.takeWrites();
  for (let from = 0; from < puts.length; from += READ_ROWS) {
    const part = puts.slice(from, from + READ_ROWS);
    const stored = await store.database.getMany(part.map(([key]) => stateKey(key)));
    part.forEach(([key, value], index) => {
      const row = stored[index];
      if (!row || !bytesEqual(row, value)) {
        throw corruptRow(`state ${toHex(key)}`, 'is not the node that the blocks give');
      }
    });
  }
  let count = 0;
  const keys = store.database.keys({
    gte: Uint8Array.of(RowKind.STATE),
    lt: Uint8Array.of(RowKind.STATE + 1),
  });
  for await (const _key of keys) count += 1;
  if (count !== puts.length) {
    throw corruptRow('state', `has ${count} nodes, and the blocks give ${puts.length}`);
  }
  return count;
}

/** The stretch that a range's rows tell of, as if a node had served it. */
export function stretchOf(headers: Uint8Array[], end: RelayRow): RelayStretch {
  const range = end.range!;
  return inRow(`relay ${headerNumber(end.header)}`, () => ({
    endpoint: 'the store',
    headers,
    justification: range.justification,
    paraHeadProof: range.paraHead ? decodeStorageProof(range.paraHead.proof) : [],
    authorityProof:
      range.authoritySetChange && decodeAuthoritySetChange(range.authoritySetChange).proof,
  }));
}

/** Notes the hash of the para head that the end of a range proves. */
export function noteHead(heads: Map<number, Uint8Array>, row: RelayRow, paraId: number): void {
  const proof = row.range?.paraHead?.proof;
  if (!proof) return;
  const head = readParaHead({
    paraId,
    stateRoot: headerStateRoot(row.header),
    proof: decodeStorageProof(proof),
  });
  if (head) heads.set(head.number, headerHash(head.raw));
}

/** Rows of some heights in order, a part at a time. */
async function* rowsOf(
  store: BlockStore,
  first: number,
  last: number,
  kind: 'relay' | 'para',
  signal: AbortSignal | undefined,
): AsyncGenerator<{ height: number; bytes: Uint8Array }, void> {
  // Para rows may be MiB large, relay rows are small.
  const step = kind === 'relay' ? READ_ROWS : 8;
  for (let from = first; from <= last; from += step) {
    signal?.throwIfAborted();
    const to = Math.min(last, from + step - 1);
    const rows =
      kind === 'relay' ? await store.relayRows(from, to) : await store.paraRows(from, to);
    if (rows.length !== to - from + 1)
      throw corruptRow(`${kind} ${from} to ${to}`, 'one is missing');
    for (const [index, bytes] of rows.entries()) yield { height: from + index, bytes };
  }
}

function inRow<T>(row: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw corruptRow(row, 'does not stand the checks', error);
  }
}
