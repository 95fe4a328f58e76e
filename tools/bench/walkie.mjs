// Calls per second and blobs over Walkie between two processes on loopback, against a bare TCP echo of the same bytes.
// Needs a build: `npx tsc -b packages/walkie-protocol && node tools/bench/walkie.mjs [--seconds 10]`.
import { fork } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { WalkieNode, WalkieRoles } from '../../packages/walkie-protocol/dist/index.js';

const MIB = 1024 * 1024;
const ROUNDS = 5;
/** 2022, and what is to be reached. */
const REFERENCE = {
  sequential: { was: '3.6/s', reach: '500/s' },
  sixteen: { was: '57/s', reach: '2000/s' },
  mib: { was: '282 ms', reach: '10 ms' },
};

async function startNode(listenAddresses) {
  const node = new WalkieNode({
    role: WalkieRoles.WR_CLIENT,
    privateKey: await generateKeyPair('RSA', 2048),
    chainIdentity: 'client',
    bridgeIdentity: 'client',
    hostname: 'bench',
    listenAddresses,
    bootNodes: [],
    mdns: false,
  });
  const blob = new Uint8Array(MIB).map((_, i) => i * 31);
  node.serveBlobs({ get: async () => ({ bytes: blob }) });
  node.handle('GetDataProviderInfo', () => ({ paraId: 2004, parentTarget: 1, paraTarget: 1 }));
  await node.start();
  return node;
}

async function serve() {
  const node = await startNode(['/ip4/127.0.0.1/tcp/0']);
  const echo = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise((resolve) => echo.listen(0, '127.0.0.1', resolve));
  process.send({ address: node.addresses[0], port: echo.address().port });
  process.on('disconnect', () => process.exit(0));
}

/** Sends so many bytes and waits until as many are back. */
function echoClient(port) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  let left = 0;
  let done;
  socket.on('data', (data) => {
    left -= data.length;
    if (left <= 0) done();
  });
  return {
    call: (bytes) =>
      new Promise((resolve) => {
        done = resolve;
        left = bytes.length;
        socket.write(bytes);
      }),
    close: () => socket.destroy(),
  };
}

async function rate(ms, width, call) {
  const end = performance.now() + ms;
  const begin = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: width }, async (_, lane) => {
      while (performance.now() < end) {
        await call(lane);
        count += 1;
      }
    }),
  );
  return (count / (performance.now() - begin)) * 1000;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function measure() {
  const at = process.argv.indexOf('--seconds');
  const ms = (at < 0 ? 10 : Number(process.argv[at + 1])) * 1000;
  const child = fork(fileURLToPath(import.meta.url), ['--serve']);
  const { address, port } = await new Promise((resolve) => child.once('message', resolve));
  const node = await startNode([]);
  const client = node.client(address);
  const echoes = Array.from({ length: 16 }, () => echoClient(port));
  const small = new Uint8Array(120);
  const large = new Uint8Array(MIB);
  const info = () => client.call('GetDataProviderInfo', {});
  const results = { sequential: [], sixteen: [], mib: [] };
  const raw = { sequential: [], sixteen: [], mib: [] };
  await rate(500, 1, info);
  // Interleaved, so that whatever else the machine does falls on both.
  for (let round = 0; round < ROUNDS; round += 1) {
    const part = ms / ROUNDS;
    results.sequential.push(await rate(part, 1, info));
    raw.sequential.push(await rate(part / 4, 1, () => echoes[0].call(small)));
    results.sixteen.push(await rate(part, 16, info));
    raw.sixteen.push(await rate(part / 4, 16, (lane) => echoes[lane].call(small)));
    const blobs = await rate(part, 1, () => client.call('GetBlobByKey', { key: 'k' }));
    results.mib.push(1000 / blobs);
    raw.mib.push(1000 / (await rate(part / 4, 1, () => echoes[0].call(large))));
  }
  for (const [name, { was, reach }] of Object.entries(REFERENCE)) {
    console.log(
      JSON.stringify({
        name,
        unit: name === 'mib' ? 'ms' : 'calls/s',
        median: Number(median(results[name]).toFixed(2)),
        min: Number(Math.min(...results[name]).toFixed(2)),
        max: Number(Math.max(...results[name]).toFixed(2)),
        bareEcho: Number(median(raw[name]).toFixed(2)),
        of2022: was,
        reach,
      }),
    );
  }
  for (const echo of echoes) echo.close();
  await node.stop();
  child.disconnect();
}

await (process.argv.includes('--serve') ? serve() : measure());
