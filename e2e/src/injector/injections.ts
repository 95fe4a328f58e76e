import type { Block, SyncBody } from './sync-body.js';

/**
 * What can be changed in a sync body, one thing each. What a 0.2.6 worker answers is in brackets.
 */
export const INJECTIONS = {
  /** A byte in the middle of the justification [HeaderValidateFailed(…)]. */
  justificationByte: changeJustification,
  /** A byte of the last relay header [HeaderValidateFailed(… invalid commit target …)]. */
  relayHeaderByte: changeRelayHeader,
  /** Two neighbouring relay headers trade places [HeaderHashMismatch or BlockNumberMismatch]. */
  swapRelayHeaders: (body: SyncBody) => swapMiddle(body.relayHeaders),
  /** A relay header before the last one is left out [HeaderHashMismatch or BlockNumberMismatch]. */
  dropRelayHeader: (body: SyncBody) => dropInner(body.relayHeaders),
  /** A byte of a node that proves a new authority set [HeaderValidateFailed(storage …)]. */
  authorityProofByte: (body: SyncBody) => changeNode(body.setChange?.proof),
  /** A byte of a node that proves the para head [StorageProofFailed(…)]. */
  paraProofByte: (body: SyncBody) => (body.paraHeaders?.length ? changeNode(body.proof) : false),
  /** A byte of the last para header, the one that is proven [StorageProofFailed(storage value mismatch)]. */
  paraHeaderByte: changeParaHeader,
  /** A byte of a value in the first block's changes [StateRootMismatch …]. */
  storageChangeByte: changeStorage,
  /** The first block's change of its time is left out [StateRootMismatch …]. */
  dropStorageChange: dropStorage,
  /** The first two blocks trade places [BlockNumberMismatch]. */
  swapBlocks: (body: SyncBody) => swapFirst(body.blocks),
  /** The first of several blocks is left out [BlockNumberMismatch]. */
  dropBlock: (body: SyncBody) => dropFirst(body.blocks),
} as const satisfies Record<string, (body: SyncBody) => boolean>;

export type InjectionKind = keyof typeof INJECTIONS;

/** Where the state root lies in a header whose number takes up to four bytes; any byte of it will do. */
const IN_STATE_ROOT = 50;

/** The same bytes, one of them changed. */
function changed(bytes: Uint8Array, position: number): Uint8Array {
  const out = Uint8Array.from(bytes);
  out[position] = (out[position] ?? 0) ^ 1;
  return out;
}

function changeJustification(body: SyncBody): boolean {
  const last = body.relayHeaders?.at(-1);
  if (!last?.justification?.length) return false;
  last.justification = changed(last.justification, last.justification.length >> 1);
  return true;
}

function changeRelayHeader(body: SyncBody): boolean {
  const last = body.relayHeaders?.at(-1);
  if (last === undefined) return false;
  last.header = changed(last.header, IN_STATE_ROOT);
  return true;
}

function changeParaHeader(body: SyncBody): boolean {
  const headers = body.paraHeaders;
  const last = headers?.at(-1);
  if (headers === undefined || last === undefined) return false;
  headers[headers.length - 1] = changed(last, IN_STATE_ROOT);
  return true;
}

function changeNode(nodes: Uint8Array[] | undefined): boolean {
  const last = nodes?.at(-1);
  if (nodes === undefined || last === undefined) return false;
  nodes[nodes.length - 1] = changed(last, last.length >> 1);
  return true;
}

function changeStorage(body: SyncBody): boolean {
  const change = body.blocks?.[0]?.main.find(
    ({ value }) => value !== undefined && value.length > 0,
  );
  if (change?.value === undefined) return false;
  change.value = changed(change.value, 0);
  return true;
}

/** `Timestamp.Now`, which every block sets to another value than before. */
const TIMESTAMP_NOW = 'f0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb';

function dropStorage(body: SyncBody): boolean {
  const block: Block | undefined = body.blocks?.[0];
  const index =
    block?.main.findIndex(({ key }) => Buffer.from(key).toString('hex') === TIMESTAMP_NOW) ?? -1;
  if (block === undefined || index < 0) return false;
  block.main.splice(index, 1);
  return true;
}

function swapFirst<T>(items: T[] | undefined): boolean {
  return swapAt(items, 0);
}

function swapMiddle<T>(items: T[] | undefined): boolean {
  return swapAt(items, Math.max(0, ((items?.length ?? 0) >> 1) - 1));
}

function swapAt<T>(items: T[] | undefined, index: number): boolean {
  const pair = items?.slice(index, index + 2).reverse();
  if (items === undefined || pair?.length !== 2) return false;
  items.splice(index, 2, ...pair);
  return true;
}

function dropFirst<T>(items: T[] | undefined): boolean {
  if (items === undefined || items.length < 2) return false;
  items.shift();
  return true;
}

function dropInner<T>(items: T[] | undefined): boolean {
  if (items === undefined || items.length < 2) return false;
  items.splice((items.length - 1) >> 1, 1);
  return true;
}
