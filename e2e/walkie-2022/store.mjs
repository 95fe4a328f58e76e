// The rows that a data provider of 2022 keeps of both chains, made from two nodes as that made them: a record for every
// block, the proof of the para head at each relay block, justifications where the node keeps one. Layouts: prb.db in
// runtime-bridge-walkie 0e488c7 src/proto/db.proto; what is in them: runtime-bridge 80fde2c src/data_provider/block.js.
import protobuf from 'protobufjs';
import { WebSocket } from 'ws';

const schema = protobuf.Root.fromJSON({
  nested: {
    ParentBlock: {
      fields: {
        number: { id: 1, type: 'uint32' },
        hash: { id: 2, type: 'bytes' },
        header: { id: 3, type: 'bytes' },
        setId: { id: 4, type: 'uint32' },
        hasJustification: { id: 5, type: 'bool' },
        syncHeaderData: { id: 6, type: 'bytes' },
        authoritySetChange: { id: 7, type: 'bytes' },
        paraNumber: { id: 8, type: 'uint32' },
        paraProof: { id: 9, type: 'bytes' },
      },
    },
    ParaBlock: {
      fields: {
        number: { id: 1, type: 'uint32' },
        hash: { id: 2, type: 'bytes' },
        header: { id: 3, type: 'bytes' },
        dispatchBlockData: { id: 5, type: 'bytes' },
      },
    },
  },
});
const encode = (type, value) => schema.lookupType(type).encode(value).finish();

const bytesOf = (hex) => Buffer.from(hex.slice(2), 'hex');
const hexOf = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`;

function compact(value) {
  if (value < 2 ** 6) return Buffer.of(value << 2);
  const size = value < 2 ** 14 ? 2 : 4;
  const out = Buffer.alloc(size);
  out.writeUIntLE(value * 4 + (size === 2 ? 1 : 2), 0, size);
  return out;
}
const vector = (items) => Buffer.concat([compact(items.length), ...items]);
const byteVector = (bytes) => Buffer.concat([compact(bytes.length), bytes]);
const proofBytes = (nodes) => vector(nodes.map((node) => byteVector(bytesOf(node))));
const headerBytes = ({ parentHash, number, stateRoot, extrinsicsRoot, digest }) =>
  Buffer.concat([
    bytesOf(parentHash),
    compact(Number(number)),
    bytesOf(stateRoot),
    bytesOf(extrinsicsRoot),
    vector(digest.logs.map(bytesOf)),
  ]);

const AUTHORITIES = hexOf(Buffer.from(':grandpa_authorities'));
// twox128('Grandpa') ++ twox128('CurrentSetId').
const CURRENT_SET_ID = '0x5f9cc45b7a00c5899361e1c6099678dc8a2d09463effcc78a22d75b9cb87dffc';
const IN_FLIGHT = 8;

/** Calls of one node over one connection. */
class Node {
  #socket;
  #pending = new Map();
  #id = 0;

  static async open(url) {
    const node = new Node();
    node.#socket = new WebSocket(url, { maxPayload: 2 ** 28 });
    node.#socket.on('message', (data) => {
      const { id, result, error } = JSON.parse(data.toString());
      const pending = node.#pending.get(id);
      node.#pending.delete(id);
      if (error) pending.reject(new Error(JSON.stringify(error)));
      else pending.resolve(result);
    });
    await new Promise((resolve, reject) => {
      node.#socket.once('open', resolve);
      node.#socket.once('error', reject);
    });
    return node;
  }

  call(method, ...params) {
    this.#id += 1;
    const id = this.#id;
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  close() {
    this.#socket.terminate();
  }
}

async function each(first, last, run) {
  let next = first;
  const lane = async () => {
    while (next <= last) await run(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/**
 * Reads the blocks of both chains, from the relay block that the parachain began behind. `headKey` is the storage key of
 * the parachain's head on the relay chain.
 * @returns values by 2022's keys `parent:N:pb` and `para:N:pb`
 */
export async function readStore({ relay, para, relayFirst, relayLast, paraLast, headKey }) {
  const [relayNode, paraNode] = [await Node.open(relay), await Node.open(para)];
  const rows = new Map();
  try {
    await each(relayFirst, relayLast, async (number) => {
      rows.set(`parent:${number}:pb`, await relayRow(relayNode, number, headKey));
    });
    await each(0, paraLast, async (number) => {
      rows.set(`para:${number}:pb`, await paraRow(paraNode, number));
    });
  } finally {
    relayNode.close();
    paraNode.close();
  }
  return rows;
}

async function relayRow(node, number, headKey) {
  const hash = await node.call('chain_getBlockHash', number);
  const { block, justifications } = await node.call('chain_getBlock', hash);
  const setId = bytesOf(await node.call('state_getStorage', CURRENT_SET_ID, hash));
  const head = await node.call('state_getStorage', headKey, hash);
  const { proof } = await node.call('state_getReadProof', [headKey], hash);
  const found = (justifications ?? []).filter(([engine]) => isFrnk(engine)).at(-1)?.[1];
  const justification = found === undefined ? undefined : toBytes(found);
  const header = headerBytes(block.header);
  return encode('ParentBlock', {
    number,
    hash: bytesOf(hash),
    header,
    setId: Number(setId.readBigUInt64LE()),
    hasJustification: justification !== undefined,
    syncHeaderData: Buffer.concat([
      header,
      justification ? Buffer.concat([Buffer.of(1), byteVector(justification)]) : Buffer.of(0),
    ]),
    authoritySetChange: justification ? await setChange(node, hash, setId) : Buffer.of(0),
    paraNumber: head === null ? 0 : paraNumberIn(bytesOf(head)),
    paraProof: proofBytes(proof),
  });
}

const isFrnk = (engine) =>
  engine === 'FRNK' ||
  engine === hexOf(Buffer.from('FRNK')) ||
  (Array.isArray(engine) && Buffer.from(engine).toString() === 'FRNK');
const toBytes = (value) => (Array.isArray(value) ? Buffer.from(value) : bytesOf(value));

async function setChange(node, hash, setId) {
  // A version byte, then the list.
  const list = bytesOf(await node.call('state_getStorage', AUTHORITIES, hash)).subarray(1);
  const { proof } = await node.call('state_getReadProof', [AUTHORITIES], hash);
  return Buffer.concat([Buffer.of(1), list, setId, proofBytes(proof)]);
}

/** The number in a head: Vec<u8> of a header, whose number is a compact behind the parent hash. */
function paraNumberIn(head) {
  const at = { 0: 1, 1: 2, 2: 4 }[head[0] & 3] + 32;
  const mode = head[at] & 3;
  if (mode === 0) return head[at] >> 2;
  return mode === 1 ? head.readUInt16LE(at) >> 2 : head.readUInt32LE(at) >>> 2;
}

async function paraRow(node, number) {
  const hash = await node.call('chain_getBlockHash', number);
  const header = headerBytes(await node.call('chain_getHeader', hash));
  const changes = number === 0 ? '0x0000' : await node.call('pha_getStorageChangesAt', hash);
  return encode('ParaBlock', {
    number,
    hash: bytesOf(hash),
    header,
    dispatchBlockData: Buffer.concat([header, bytesOf(changes)]),
  });
}
