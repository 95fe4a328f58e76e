import { stat } from 'node:fs/promises';
import { bytesEqual } from '@runtime-bridge/base';
import {
  decodeGenesisInfo,
  decodeGenesisState,
  headerHash,
  headerNumber,
  headerStateRoot,
} from '@runtime-bridge/blob-codec';
import { verifyGenesisInfo } from '@runtime-bridge/light-client';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';
import { genesisKeys, heightKey, heightOfKey, metaKey, RowKind } from '../rows/keys.js';
import { corruptRow, decodeMeta } from '../rows/meta.js';
import { splitParaRow, type ParaRow } from '../rows/para-row.js';
import { decodeRelayRow } from '../rows/relay-row.js';
import { defaultStateKeeperOptions, genesisState, StateKeeper } from '../state/state-keeper.js';
import type { BlockStore } from '../store/block-store.js';
import { positionOf } from '../sync/relay-sync.js';
import { verifyStretch } from '../sync/relay-verify.js';
import { expectStoreFile, readStoreFile, writeStoreFile, type FileRow } from './store-file.js';
import { noteHead, stretchOf, type OnProgress } from './verify-store.js';

/** What copying a store to or from a file takes. */
export interface TransferOptions {
  path: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** Para blocks written in one batch. */
const BATCH_BLOCKS = 128;
const BATCH_BYTES = 4 * 1024 * 1024;
const TELL_EVERY = 256;

/**
 * Writes what a store holds into a file: genesis, relay rows, para rows. Rows that follow from these are left out; they are
 * made anew, and proved, when it is imported.
 * @returns bytes written
 * @throws BlockStoreError FILE_EXISTS, FILE_UNUSABLE, STORE_CORRUPT
 */
export async function exportStore(store: BlockStore, options: TransferOptions): Promise<number> {
  const { meta } = store;
  if (!meta) throw corruptRow('meta', 'there is no genesis yet');
  const { signal, onProgress } = options;
  async function* rows(): AsyncGenerator<FileRow, void> {
    for (const key of [metaKey, genesisKeys.info, genesisKeys.state, heightKey(RowKind.PARA, 0)]) {
      const value = await store.database.get(key);
      if (!value) throw corruptRow('genesis', 'missing');
      yield { key, value };
    }
    const spans = [
      ['relay headers', RowKind.RELAY, meta!.relayGenesisHeight + 1, meta!.relayHeight],
      ['para blocks', RowKind.PARA, 1, meta!.paraHeight],
    ] as const;
    for (const [what, kind, first, last] of spans) {
      const entries = store.database.iterator({
        gte: heightKey(kind, first),
        lte: heightKey(kind, last),
        fillCache: false,
      });
      for await (const [key, value] of entries) {
        signal?.throwIfAborted();
        const done = heightOfKey(key) - first + 1;
        const total = last - first + 1;
        if (done % TELL_EVERY === 0 || done === total) onProgress?.(what, done, total);
        yield { key, value };
      }
    }
  }
  return writeStoreFile(options.path, rows());
}

/**
 * Fills a store from a file, proving everything as if a node had served it; the file is trusted in nothing but which chain
 * it begins, which the nodes are asked about when the provider starts. Goes on where an earlier import stopped.
 * @throws BlockStoreError FILE_UNUSABLE, FILE_DAMAGED, BLOCK_REFUSED, STORE_OF_OTHER_CHAIN
 */
export async function importStore(store: BlockStore, options: TransferOptions): Promise<void> {
  await expectStoreFile(options.path);
  const total = (await stat(options.path)).size;
  const { signal, onProgress } = options;
  let rowCount = 0;
  const file = readStoreFile(options.path, (bytes) => {
    rowCount += 1;
    if (rowCount % TELL_EVERY === 0 || bytes === total) onProgress?.('bytes', bytes, total);
  });
  await begin(store, file);
  const relay = new RelayImport(store, await positionOf(store));
  let para: ParaImport | undefined;
  for await (const { key, value } of file) {
    signal?.throwIfAborted();
    const height = heightOfKey(key);
    if (key[0] === RowKind.RELAY) await relay.take(height, value);
    else if (key[0] === RowKind.PARA) {
      para ??= await ParaImport.open(store, relay.heads);
      await para.take(height, value);
    }
  }
  await para?.finish();
}

/** Reads the rows before those of blocks, and begins the store with them or makes sure that it is of the same chain. */
async function begin(store: BlockStore, file: AsyncGenerator<FileRow, void>): Promise<void> {
  const values: Uint8Array[] = [];
  for (const key of [metaKey, genesisKeys.info, genesisKeys.state, heightKey(RowKind.PARA, 0)]) {
    const next = await file.next();
    if (next.done === true || !bytesEqual(next.value.key, key)) throw notInOrder('genesis');
    values.push(next.value.value);
  }
  const [metaBytes, info, state, zero] = values as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const meta = decodeMeta(metaBytes);
  const { paraId, paraBlock1, paraGenesis, relayGenesisHeight, relayGenesis } = meta;
  const chain = { paraId, paraBlock1, paraGenesis, relayGenesisHeight, relayGenesis };
  store.expectChain(chain, 'the file');
  if (store.meta) return;
  verifyGenesisInfo(info);
  const relayHeader = decodeGenesisInfo(info).header;
  const paraHeader = splitParaRow(zero).header;
  const { root, rows } = genesisState(decodeGenesisState(state));
  const wrong =
    (headerNumber(relayHeader) !== relayGenesisHeight && 'relay genesis') ||
    (hexOf(headerHash(relayHeader)) !== relayGenesis && 'relay genesis') ||
    (hexOf(headerHash(paraHeader)) !== paraGenesis && 'para genesis') ||
    (!bytesEqual(root, headerStateRoot(paraHeader)) && 'genesis state');
  if (wrong) throw corruptRow(wrong, 'is not what the file says it is');
  await store.putGenesis({ chain, info, state, paraHeader }, rows);
}

class RelayImport {
  /** Para heads proved by the rows read so far, by number; those stored already included. */
  readonly heads = new Map<number, Uint8Array>();
  #headers: Uint8Array[] = [];
  constructor(
    private readonly store: BlockStore,
    private position: Awaited<ReturnType<typeof positionOf>>,
  ) {}

  async take(height: number, bytes: Uint8Array): Promise<void> {
    const row = decodeRelayRow(bytes);
    if (height <= this.position.height) {
      // Stored, and proved, before: what the store holds counts, not what the file says.
      const stored = row.range && (await this.store.relayRow(height));
      if (stored) noteHead(this.heads, stored, this.position.paraId);
      return;
    }
    this.#headers.push(row.header);
    if (!row.range) return;
    const { range, next } = await verifyStretch(stretchOf(this.#headers, row), this.position);
    await this.store.appendRange(range);
    noteHead(this.heads, row, this.position.paraId);
    this.position = next;
    this.#headers = [];
  }
}

class ParaImport {
  #pending: ParaRow[] = [];
  #pendingBytes = 0;
  #proven = 0;
  private constructor(
    private readonly store: BlockStore,
    private readonly keeper: StateKeeper,
    private readonly heads: ReadonlyMap<number, Uint8Array>,
  ) {}

  static async open(
    store: BlockStore,
    heads: ReadonlyMap<number, Uint8Array>,
  ): Promise<ParaImport> {
    const keeper = await StateKeeper.open(defaultStateKeeperOptions, store);
    await keeper.catchUp(store, new AbortController().signal);
    return new ParaImport(store, keeper, heads);
  }

  async take(height: number, bytes: Uint8Array): Promise<void> {
    const last = this.store.meta!.paraHeight + this.#pending.length;
    if (height <= last) return;
    const { header, storageChanges } = splitParaRow(bytes);
    await this.keeper.advance(storageChanges, header, height);
    this.#pending.push({ header, storageChanges });
    this.#pendingBytes += bytes.length;
    const head = this.heads.get(height);
    if (!head) return;
    if (!bytesEqual(head, headerHash(header))) {
      throw corruptRow(`para ${height}`, 'is not the head that the relay chain holds');
    }
    this.#proven = this.#pending.length;
    if (this.#pending.length >= BATCH_BLOCKS || this.#pendingBytes >= BATCH_BYTES) {
      await this.finish();
    }
  }

  /** Writes what is proved. Links between blocks are checked by the store, before anything is written. */
  async finish(): Promise<void> {
    const isAll = this.#proven === this.#pending.length;
    // The state may not be ahead of the blocks; blocks behind the last proven head are left out with their state.
    const blocks = this.#pending.slice(0, this.#proven);
    expectLinked(blocks);
    await this.store.appendParaBlocks(blocks, isAll ? this.keeper.takeRows() : undefined);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#proven = 0;
  }
}

function expectLinked(blocks: readonly ParaRow[]): void {
  for (let index = 1; index < blocks.length; index += 1) {
    const parent = headerHash(blocks[index - 1]!.header);
    const { header } = blocks[index]!;
    if (bytesEqual(parent, header.subarray(0, 32))) continue;
    throw corruptRow(`para ${headerNumber(header)}`, 'its parent is another block');
  }
}

function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

function notInOrder(row: string): BlockStoreError {
  return new BlockStoreError(
    BlockStoreErrorCode.FILE_DAMAGED,
    `The file cannot be used: it does not begin with the ${row}`,
    { facts: { row } },
  );
}
