import { ByteReader, bytes, skipHeader, vec } from './byte-reader.js';
import { joinFields, splitFields, type Field } from './prpc-fields.js';

/** A relay header on its way to a worker. */
export interface HeaderToSync {
  header: Uint8Array;
  justification: Uint8Array | undefined;
}

/** An authority set change: the set as it stands, and the nodes of its proof. */
export interface SetChange {
  set: Uint8Array;
  proof: Uint8Array[];
}

/** A key and its new value; undefined deletes it. */
export interface KeyChange {
  key: Uint8Array;
  value: Uint8Array | undefined;
}

export interface Block {
  header: Uint8Array;
  main: KeyChange[];
  children: Uint8Array;
}

/** What a sync call carries, taken apart; a part that the call does not have is undefined. */
export interface SyncBody {
  relayHeaders?: HeaderToSync[] | undefined;
  /** null: the call has a place for it, and it is empty. */
  setChange?: SetChange | null | undefined;
  paraHeaders?: Uint8Array[] | undefined;
  proof?: Uint8Array[] | undefined;
  blocks?: Block[] | undefined;
}

/** Takes bodies of one kind of call apart and puts them together again. */
export interface BodyForm {
  parse(body: Uint8Array): SyncBody;
  compose(body: SyncBody): Uint8Array;
}

// SCALE layouts: phala-blockchain 40ffcd1be crates/phactory/api/src/blocks.rs.

function readHeaderToSync(r: ByteReader): HeaderToSync {
  const header = r.span(skipHeader);
  return { header, justification: r.u8() === 1 ? r.bytes() : undefined };
}

const readProof = (r: ByteReader): Uint8Array[] => r.vec((node) => node.bytes());
const readHeaders = (r: ByteReader): Uint8Array[] => r.vec((item) => item.span(skipHeader));

function readSetChange(r: ByteReader): SetChange {
  const set = r.span((s) => {
    s.vec((authority) => authority.take(40));
    s.take(8);
  });
  return { set, proof: readProof(r) };
}

function readKeyChange(r: ByteReader): KeyChange {
  const key = r.bytes();
  return { key, value: r.u8() === 1 ? r.bytes() : undefined };
}

function readBlock(r: ByteReader): Block {
  const header = r.span(skipHeader);
  const main = r.vec(readKeyChange);
  const children = r.span((c) => {
    c.vec((child) => {
      child.bytes();
      child.vec(readKeyChange);
    });
  });
  return { header, main, children };
}

const some = (value: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(1), value]);
const NONE = Uint8Array.of(0);

const headersToSync = (headers: readonly HeaderToSync[]): Uint8Array =>
  vec(
    headers.map(({ header, justification }) =>
      Buffer.concat([header, justification === undefined ? NONE : some(bytes(justification))]),
    ),
  );
const proofOf = (nodes: readonly Uint8Array[]): Uint8Array => vec(nodes.map(bytes));
const setChangeOf = ({ set, proof }: SetChange): Uint8Array => Buffer.concat([set, proofOf(proof)]);
const keyChangeOf = ({ key, value }: KeyChange): Uint8Array =>
  Buffer.concat([bytes(key), value === undefined ? NONE : some(bytes(value))]);
const blocksOf = (blocks: readonly Block[]): Uint8Array =>
  vec(
    blocks.map(({ header, main, children }) =>
      Buffer.concat([header, vec(main.map(keyChangeOf)), children]),
    ),
  );

/** SCALE bodies, part after part in this order. */
function scaleForm(has: { relay: boolean; para: boolean }): BodyForm {
  return {
    parse(body) {
      const r = new ByteReader(body);
      return {
        relayHeaders: has.relay ? r.vec(readHeaderToSync) : undefined,
        setChange: has.relay ? (r.u8() === 1 ? readSetChange(r) : null) : undefined,
        paraHeaders: has.para ? readHeaders(r) : undefined,
        proof: has.para ? readProof(r) : undefined,
      };
    },
    compose(body) {
      const parts: Uint8Array[] = [];
      if (has.relay) {
        const { setChange } = body;
        parts.push(headersToSync(body.relayHeaders ?? []));
        parts.push(setChange == null ? NONE : some(setChangeOf(setChange)));
      }
      if (has.para) parts.push(vec(body.paraHeaders ?? []), proofOf(body.proof ?? []));
      return Buffer.concat(parts);
    },
  };
}

const dispatchForm: BodyForm = {
  parse: (body) => ({ blocks: new ByteReader(body).vec(readBlock) }),
  compose: (body) => blocksOf(body.blocks ?? []),
};

/** Protobuf bodies: which field holds which part. */
function prpcForm(numbers: {
  relay?: number;
  setChange?: number;
  para?: number;
  proof?: number;
  blocks?: number;
}): BodyForm {
  const first = (fields: readonly Field[], number?: number): Uint8Array | undefined =>
    fields.find((field) => field.number === number)?.value;
  return {
    parse(body) {
      const fields = splitFields(body);
      const relay = first(fields, numbers.relay);
      const change = first(fields, numbers.setChange);
      const para = first(fields, numbers.para);
      const blocks = first(fields, numbers.blocks);
      return {
        relayHeaders: relay && new ByteReader(relay).vec(readHeaderToSync),
        setChange: change ? readSetChange(new ByteReader(change)) : null,
        paraHeaders: para && readHeaders(new ByteReader(para)),
        proof: fields.filter((f) => f.number === numbers.proof).map((f) => f.value),
        blocks: blocks && new ByteReader(blocks).vec(readBlock),
      };
    },
    compose(body) {
      const fields: Field[] = [];
      const add = (number: number | undefined, value: Uint8Array | undefined): void => {
        if (number !== undefined && value !== undefined) fields.push({ number, value });
      };
      add(numbers.relay, body.relayHeaders && headersToSync(body.relayHeaders));
      add(numbers.setChange, body.setChange ? setChangeOf(body.setChange) : undefined);
      add(numbers.para, body.paraHeaders && vec(body.paraHeaders));
      for (const node of body.proof ?? []) add(numbers.proof, node);
      add(numbers.blocks, body.blocks && blocksOf(body.blocks));
      return joinFields(fields);
    },
  };
}

/** Calls whose bodies can be changed, by path (field numbers: prpc-protos 3c494a4). */
export const SYNC_FORMS: ReadonlyMap<string, BodyForm> = new Map([
  ['/bin_api/sync_header', scaleForm({ relay: true, para: false })],
  ['/bin_api/sync_para_header', scaleForm({ relay: false, para: true })],
  ['/bin_api/sync_combined_headers', scaleForm({ relay: true, para: true })],
  ['/bin_api/dispatch_block', dispatchForm],
  ['/prpc/PhactoryAPI.SyncHeader', prpcForm({ relay: 1, setChange: 2 })],
  ['/prpc/PhactoryAPI.SyncParaHeader', prpcForm({ para: 1, proof: 2 })],
  [
    '/prpc/PhactoryAPI.SyncCombinedHeaders',
    prpcForm({ relay: 1, setChange: 2, para: 3, proof: 4 }),
  ],
  ['/prpc/PhactoryAPI.DispatchBlocks', prpcForm({ blocks: 1 })],
]);
