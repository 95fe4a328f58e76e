// A Walkie node as it was in 2022: the libp2p of that year (a new connection for each request, closed afterwards; mplex
// only), protobufjs for the messages, length-prefixed-stream for blobs. It shares no code with our packages. The test
// drives it over the IPC channel: `{id, command, ...}` in, `{id, result}` or `{id, error}` out.
import net from 'node:net';
import { randomBytes, randomUUID } from 'node:crypto';
import { NOISE } from '@chainsafe/libp2p-noise';
import concat from 'it-concat';
import pipe from 'it-pipe';
import Libp2p from 'libp2p';
import Bootstrap from 'libp2p-bootstrap';
import KadDHT from 'libp2p-kad-dht';
import MulticastDNS from 'libp2p-mdns';
import Mplex from 'libp2p-mplex';
import TCP from 'libp2p-tcp';
import lengthPrefixed from 'length-prefixed-stream';
import PeerId from 'peer-id';
import protobuf from 'protobufjs';
import { readStore } from './store.mjs';

const CHUNK_BYTES = 1_048_576;

const field = (id, type) => ({ id, type });
const many = (id, type) => ({ id, type, rule: 'repeated' });
const schema = protobuf.Root.fromJSON({
  nested: {
    Request: {
      fields: {
        createdAt: field(1, 'uint64'),
        nonce: field(2, 'string'),
        data: field(3, 'bytes'),
        method: field(4, 'string'),
      },
    },
    Response: {
      fields: {
        createdAt: field(1, 'uint64'),
        requestNonce: field(2, 'string'),
        nonce: field(3, 'string'),
        data: field(4, 'bytes'),
        hasError: field(5, 'bool'),
        error: field(6, 'ResponseError'),
      },
    },
    ResponseError: { fields: { type: field(1, 'int32'), message: field(2, 'string') } },
    SystemInfo: {
      fields: {
        hostname: field(1, 'string'),
        peerId: field(2, 'string'),
        role: field(3, 'int32'),
        chainIdentity: field(4, 'string'),
        bridgeIdentity: field(5, 'string'),
      },
    },
    Empty: { fields: {} },
    Key: { fields: { key: field(1, 'string') } },
    RawBlob: {
      fields: { key: field(1, 'string'), empty: field(2, 'bool'), data: field(3, 'bytes') },
    },
    Ids: { fields: { ids: many(1, 'string') } },
    Worker: {
      fields: {
        uuid: field(1, 'string'),
        pid: field(2, 'uint64'),
        name: field(3, 'string'),
        endpoint: field(4, 'string'),
        enabled: field(5, 'bool'),
        deleted: field(6, 'bool'),
        stake: field(7, 'string'),
        syncOnly: field(8, 'bool'),
      },
    },
    WorkerList: { fields: { workers: many(1, 'Worker') } },
    WorkerState: {
      fields: {
        status: field(1, 'int32'),
        parentHeaderSynchedTo: field(2, 'int32'),
        paraHeaderSynchedTo: field(3, 'int32'),
        paraBlockDispatchedTo: field(4, 'int32'),
        initialized: field(5, 'bool'),
        worker: field(6, 'Worker'),
        publicKey: field(8, 'string'),
        lastMessage: field(9, 'string'),
      },
    },
    WorkerStates: { fields: { workerStates: many(1, 'WorkerState') } },
    Info: {
      fields: Object.fromEntries([
        ['status', field(1, 'int32')],
        ...[
          'paraId',
          'parentStartHeader',
          'parentTarget',
          'parentFetchedHeight',
          'parentProcessedHeight',
          'parentCommittedHeight',
          'paraTarget',
          'paraFetchedHeight',
          'paraProcessedHeight',
          'paraCommittedHeight',
        ].map((name, i) => [name, field(i + 2, 'int32')]),
        ['blobServerPort', field(12, 'uint32')],
      ]),
    },
    Account: {
      fields: {
        mnemonic: field(1, 'string'),
        polkadotJson: field(2, 'string'),
        ss58Phala: field(3, 'string'),
        ss58Polkadot: field(4, 'string'),
      },
    },
    Pool: {
      fields: {
        uuid: field(1, 'string'),
        owner: field(2, 'Account'),
        pid: field(3, 'uint64'),
        name: field(4, 'string'),
        enabled: field(5, 'bool'),
        deleted: field(6, 'bool'),
        realPhalaSs58: field(7, 'string'),
        syncOnly: field(8, 'bool'),
      },
    },
    PoolList: { fields: { pools: many(1, 'Pool') } },
    Identity: {
      fields: { uuid: field(1, 'string'), name: field(2, 'string'), pid: field(3, 'uint64') },
    },
    PoolItem: { fields: { id: field(1, 'Identity'), pool: field(2, 'Pool') } },
    PoolItems: { fields: { items: many(1, 'PoolItem') } },
    WorkerItem: { fields: { id: field(1, 'Identity'), worker: field(2, 'Worker') } },
    WorkerItems: { fields: { items: many(1, 'WorkerItem') } },
  },
});
const METHODS = {
  Hello: ['SystemInfo', 'SystemInfo'],
  GetBlobByKey: ['Key', 'RawBlob'],
  ListWorker: ['Empty', 'WorkerList'],
  GetWorkerStatus: ['Ids', 'WorkerStates'],
  RestartWorker: ['Ids', 'WorkerStates'],
  RefreshRaAndRestartWorker: ['Ids', 'WorkerStates'],
  KickWorker: ['Ids', 'WorkerStates'],
  GetDataProviderInfo: ['Empty', 'Info'],
  ListPool: ['Empty', 'PoolList'],
  CreatePool: ['PoolList', 'PoolList'],
  UpdatePool: ['PoolItems', 'PoolList'],
  CreateWorker: ['WorkerList', 'WorkerList'],
  UpdateWorker: ['WorkerItems', 'WorkerList'],
};

const encode = (type, value) => {
  const message = schema.lookupType(type);
  return message.encode(message.fromObject(value)).finish();
};
const decode = (type, bytes) => schema.lookupType(type).decode(bytes);
// Only what was on the wire, as 2022's JSON had it.
const toJson = (type, message) =>
  schema.lookupType(type).toObject(message, { longs: String, bytes: String });

function* chunksOf(bytes) {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}
const readAll = async (source) => Buffer.from((await concat(source)).slice());

// CRC-32C by its table: reflected, polynomial 0x1edc6f41.
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c >>> 0;
});
function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

let node;
let info;
const peers = new Map();
const counters = { inboundConnections: 0 };
let stored = new Map();
const blobOf = (key) => {
  const row = stored.get(key);
  if (row) return row;
  const size = Number(/^size:(\d+)$/.exec(key)?.[1] ?? 0);
  return size > 0 ? Buffer.alloc(size, size % 251) : undefined;
};

const handlers = {
  Hello: () => info,
  GetBlobByKey: ({ key }) => {
    const data = blobOf(key);
    return data ? { key, empty: false, data } : { key, empty: true };
  },
  ListWorker: () => ({
    workers: Array.from({ length: 10_000 }, (_, i) => ({
      uuid: `uuid-${i}`,
      pid: i,
      name: `worker-${i}`,
      endpoint: 'http://127.0.0.1:8000',
      enabled: i % 2 === 0,
      deleted: false,
      stake: '1000000000000',
      syncOnly: false,
    })),
  }),
};

async function answer(bytes) {
  let request;
  try {
    request = decode('Request', bytes);
    const handler = handlers[request.method];
    if (!handler) {
      const error = { type: 2, message: 'Handler not implemented.' };
      return { requestNonce: request.nonce, hasError: true, error };
    }
    const [input, output] = METHODS[request.method];
    const response = await handler(decode(input, request.data));
    return { requestNonce: request.nonce, data: encode(output, response), hasError: false };
  } catch (error) {
    return {
      requestNonce: request?.nonce,
      hasError: true,
      error: { type: 1, message: String(error) },
    };
  }
}

async function request(address, method, payload) {
  const connection = await node.dial(address);
  try {
    const { stream } = await connection.newStream(['/pb']);
    const [input, output] = METHODS[method] ?? ['Empty', 'Empty'];
    const nonce = randomUUID();
    const bytes = encode('Request', {
      createdAt: Date.now(),
      nonce,
      data: encode(input, payload),
      method,
    });
    const response = decode('Response', await pipe(chunksOf(bytes), stream, readAll));
    if (response.requestNonce !== nonce) throw new Error('answer to another request');
    if (response.hasError)
      return { hasError: true, error: toJson('ResponseError', response.error) };
    return { hasError: false, data: toJson(output, decode(output, response.data)) };
  } finally {
    await connection.close();
  }
}

async function start({ listen, bootNodes, role, identity, mdns = false }) {
  const peerId = identity
    ? await PeerId.createFromProtobuf(Buffer.from(identity, 'base64'))
    : await PeerId.create({ keyType: 'RSA', bits: 2048 });
  node = await Libp2p.create({
    peerId,
    addresses: { listen },
    modules: {
      transport: [TCP],
      streamMuxer: [Mplex],
      connEncryption: [NOISE],
      dht: KadDHT,
      peerDiscovery: bootNodes.length > 0 ? [Bootstrap, MulticastDNS] : [MulticastDNS],
    },
    config: {
      dht: { enabled: true },
      peerDiscovery: {
        autoDial: false,
        mdns: { enabled: mdns, interval: 2_000 },
        bootstrap: { enabled: bootNodes.length > 0, list: bootNodes, interval: 20_000 },
      },
    },
  });
  info = {
    hostname: 'host-2022',
    peerId: peerId.toB58String(),
    role,
    chainIdentity: '0xabc',
    bridgeIdentity: 'default',
  };
  node.handle('/pb', ({ stream }) =>
    pipe(
      stream.source,
      async function* (source) {
        const response = await answer(await readAll(source));
        yield* chunksOf(
          encode('Response', { createdAt: Date.now(), nonce: randomUUID(), ...response }),
        );
      },
      stream.sink,
    ),
  );
  node.handle('/blob', ({ stream }) =>
    pipe(
      stream.source,
      async function* (source) {
        const value = blobOf((await readAll(source)).toString('utf8'));
        if (value) yield value;
      },
      stream.sink,
    ),
  );
  node.connectionManager.on('peer:connect', (connection) => {
    if (connection.stat.direction === 'inbound') counters.inboundConnections += 1;
  });
  node.on('peer:discovery', (found) => {
    const id = found.toB58String();
    if (peers.has(id)) return;
    request(found, 'Hello', info)
      .then((response) => peers.set(id, response.data))
      .catch(() => {});
  });
  await node.start();
  return {
    peerId: info.peerId,
    addresses: node.multiaddrs.map((address) => `${address}/p2p/${info.peerId}`),
    identity: Buffer.from(peerId.marshal()).toString('base64'),
  };
}

async function getBlob({ address, key }) {
  const connection = await node.dial(address);
  try {
    const { stream } = await connection.newStream(['/blob']);
    const bytes = await pipe([Buffer.from(key)], stream, readAll);
    return { size: bytes.length, crc32c: crc32c(bytes) };
  } finally {
    await connection.close();
  }
}

/** Answers methods as told, and remembers what they were asked. */
const asked = {};
function answerWith({ answers }) {
  for (const [method, value] of Object.entries(answers)) {
    handlers[method] = (message) => {
      asked[method] = toJson(METHODS[method][0], message);
      return schema.lookupType(METHODS[method][1]).fromObject(value);
    };
  }
}

/** Fills its store from two nodes; the bytes at the places told are then flipped. */
async function fillStore({ lies = [], ...options }) {
  stored = await readStore(options);
  for (const { key, at } of lies) {
    const row = stored.get(key);
    row[Math.floor(row.length * at)] ^= 1;
  }
  return stored.size;
}

/** How often each kind of key was asked for over TCP. */
const askedTcp = {};

let blobTcpServer;
function serveBlobTcp() {
  blobTcpServer = net.createServer((socket) => {
    const out = lengthPrefixed.encode();
    out.pipe(socket);
    socket.on('error', () => {});
    socket.pipe(lengthPrefixed.decode()).on('data', (message) => {
      if (message.length < 9) return;
      const id = message.subarray(0, 8);
      const key = message.subarray(8).toString('utf8').trim();
      askedTcp[key.split(':')[0]] = (askedTcp[key.split(':')[0]] ?? 0) + 1;
      const value = blobOf(key);
      if (!value) return void out.write(id);
      const checksum = Buffer.alloc(8);
      checksum.writeBigInt64BE(BigInt(crc32c(value)));
      out.write(Buffer.concat([id, checksum, value]));
    });
  });
  return new Promise((resolve) =>
    blobTcpServer.listen(0, '127.0.0.1', () => resolve(blobTcpServer.address().port)),
  );
}

function getBlobsTcp({ port, keys }) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    const out = lengthPrefixed.encode();
    const pending = new Map();
    const results = {};
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer to ${[...pending.values()]}`));
    }, 20_000);
    socket.on('error', reject);
    out.pipe(socket);
    socket.pipe(lengthPrefixed.decode()).on('data', (message) => {
      const key = pending.get(message.subarray(0, 8).toString('hex'));
      pending.delete(message.subarray(0, 8).toString('hex'));
      if (message.length < 17) results[key] = null;
      else {
        const value = message.subarray(16);
        if (message.readBigInt64BE(8) !== BigInt(crc32c(value))) reject(new Error('CRC Mismatch!'));
        results[key] = { size: value.length, crc32c: crc32c(value) };
      }
      if (pending.size > 0) return;
      clearTimeout(timer);
      socket.destroy();
      resolve(results);
    });
    for (const key of keys) {
      const id = randomBytes(8);
      pending.set(id.toString('hex'), key);
      out.write(Buffer.concat([id, Buffer.from(key)]));
    }
  });
}

const commands = {
  start,
  request: ({ address, method, payload }) => request(address, method, payload ?? {}),
  getBlob,
  answerWith,
  asked: () => asked,
  fillStore,
  serveBlobTcp,
  askedTcp: () => askedTcp,
  getBlobsTcp,
  peers: () => [...peers.values()],
  counters: () => counters,
  stop: async () => {
    blobTcpServer?.close();
    await node?.stop();
    setTimeout(() => process.exit(0), 100);
  },
};

process.on('message', ({ id, command, ...options }) => {
  Promise.resolve()
    .then(() => commands[command](options))
    .then(
      (result) => process.send({ id, result }),
      (error) => process.send({ id, error: String(error?.stack ?? error) }),
    );
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0, result: 'ready' });
