import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { afterEach, expect, it, vi } from 'vitest';
import { BlobClient } from './blob-client.js';
import { BlobServer } from './blob-server.js';
import { WalkieRoles } from './schema.js';
import { WalkieNode } from './walkie-node.js';

/**
 * Nagle's algorithm holds small writes back until the one before is acknowledged: 40 ms and more per request. Node keeps
 * no readable flag, so what is watched is the system call's wrapper below every socket of this process.
 */
interface TcpHandle {
  setNoDelay(on: boolean): number;
}

const handleOf = (socket: Socket) => (socket as unknown as { _handle: TcpHandle })._handle;

async function watchNoDelay() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const prototype = Object.getPrototypeOf(handleOf(socket)) as TcpHandle;
  socket.destroy();
  server.close();
  return vi.spyOn(prototype, 'setNoDelay');
}

afterEach(() => vi.restoreAllMocks());

it("turns Nagle's algorithm off at both ends of a connection between nodes", async () => {
  const make = async (listenAddresses: string[]) =>
    new WalkieNode(
      {
        role: WalkieRoles.WR_CLIENT,
        privateKey: await generateKeyPair('Ed25519'),
        chainIdentity: 'c',
        bridgeIdentity: 'b',
        hostname: 'host',
        listenAddresses,
        bootNodes: [],
        mdns: false,
      },
      { logger: silentLogger, metrics: silentMetrics },
    );
  const [server, client] = [await make(['/ip4/127.0.0.1/tcp/0']), await make([])];
  await server.start();
  await client.start();
  const noDelay = await watchNoDelay();
  await client.client(server.addresses[0]!).call('Hello', {});
  expect(noDelay.mock.calls.filter(([on]) => on)).toHaveLength(2);
  await client.stop();
  await server.stop();
});

it("turns Nagle's algorithm off at both ends of a blob connection", async () => {
  const source = { get: async () => ({ bytes: Uint8Array.of(1) }) };
  const collaborators = { logger: silentLogger, metrics: silentMetrics };
  const server = new BlobServer(
    { host: '127.0.0.1', port: 0, sessionMaxBytes: 1024, totalMaxBytes: 1024 },
    { source, ...collaborators },
  );
  await server.start();
  const client = new BlobClient({ host: '127.0.0.1', port: server.port }, collaborators);
  const noDelay = await watchNoDelay();
  expect(await client.get('key', {})).toEqual(Uint8Array.of(1));
  expect(noDelay.mock.calls.filter(([on]) => on)).toHaveLength(2);
  await client.close();
  await server.stop();
});
