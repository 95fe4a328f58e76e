import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { fromBinary } from '@bufbuild/protobuf';
import { BridgeError, fromHex, silentLogger, systemClock } from '@runtime-bridge/base';
import {
  WalkieError,
  WalkieRoles,
  walkieMethods,
  WorkerStateUpdateSchema,
  WorkerStatus,
} from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork, type MemoryWalkie } from '@runtime-bridge/walkie-protocol/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FleetReader } from './fleet-view.js';
import { MonitorServer } from './http-server.js';
import { JsonProxy } from './json-proxy.js';
import { RequestGuard } from './request-guard.js';

let provider: MemoryWalkie;
let manager: MemoryWalkie;
let server: MonitorServer;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  const network = new MemoryNetwork();
  provider = network.node({
    peerId: 'QmProvider',
    role: WalkieRoles.WR_DATA_PROVIDER_INT,
    chainIdentity: '0xabc',
  });
  manager = network.node({
    peerId: 'QmManager',
    role: WalkieRoles.WR_LIFECYCLE_MANAGER,
    chainIdentity: '0xabc',
  });
  const walkie = network.node({ chainIdentity: 'client', bridgeIdentity: 'client' });
  server = new MonitorServer(
    { host: '127.0.0.1', port: 0 },
    {
      proxy: new JsonProxy({ timeoutMs: 300 }, { walkie }),
      fleet: new FleetReader({ walkie, clock: systemClock }),
      guard: new RequestGuard({ hostNames: [], token: undefined }),
      logger: silentLogger,
    },
  );
  for (const service of [provider, manager, walkie, server]) await service.start();
  stops = [server, walkie, manager, provider].map((service) => () => service.stop());
});
afterEach(async () => {
  for (const stop of stops) await stop();
});

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: Record<string, never> & { hasError?: boolean; error?: { type: number; message: string } };
}

async function http(
  method: string,
  path: string,
  { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const request = httpRequest({
    host: '127.0.0.1',
    port: server.port,
    method,
    path,
    headers: {
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      ...headers,
    },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [
    AsyncIterable<Buffer> & { statusCode: number; headers: Answer['headers'] },
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  let json = {};
  try {
    json = JSON.parse(text) as object;
  } catch {
    // Not every answer is JSON.
  }
  return { status: response.statusCode, headers: response.headers, text, json: json };
}

const JSON_TYPE = { 'content-type': 'application/json' };
const proxyPath = (method: string, peerId = 'QmManager') => `/ptp/proxy/${peerId}/${method}`;

describe('/ptp/discover', () => {
  it.each(['GET', 'POST', 'PUT', 'DELETE'])(
    'lists the peers that are there, by %s',
    async (method) => {
      const { status, json } = await http(method, '/ptp/discover');
      expect(status).toBe(200);
      expect(json).toEqual({
        dataProviders: [
          {
            peerId: 'QmProvider',
            hostname: 'QmProvider',
            role: 1,
            chainIdentity: '0xabc',
            bridgeIdentity: 'default',
            remoteAddr: '/ip4/127.0.0.1/tcp/1/p2p/QmProvider',
          },
        ],
        lifecycleManagers: [expect.objectContaining({ peerId: 'QmManager', role: 3 })],
      });
      await provider.stop();
      expect((await http('GET', '/ptp/discover')).json).toMatchObject({ dataProviders: [] });
    },
  );
});

describe('/ptp/proxy', () => {
  it('answers in the shapes of 2022, older names besides', async () => {
    // The golden bytes of 2022.
    const state = fromBinary(
      WorkerStateUpdateSchema,
      fromHex(
        '0a6c0805106418322032280132350a017510021a0277312215687474703a2f2f3132372e302e302e313a38303030280130003a0d313030303030303030303030304000420261614a1d5b323032322d30312d30315430303a30303a30302b30303a30305d207852027b7d5a02337a',
      ),
    );
    manager.handle('GetWorkerStatus', () => state);
    const { status, json, headers } = await http('GET', proxyPath('GetWorkerStatus'));
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(json).toEqual({
      data: {
        workerStates: [
          {
            status: 'S_ACTIVE',
            parentHeaderSynchedTo: 100,
            paraHeaderSynchedTo: 50,
            paraBlockDispatchedTo: 50,
            initialized: true,
            worker: {
              uuid: 'u',
              pid: '2',
              name: 'w1',
              endpoint: 'http://127.0.0.1:8000',
              enabled: true,
              deleted: false,
              stake: '1000000000000',
              syncOnly: false,
            },
            publicKey: 'aa',
            lastMessage: '[2022-01-01T00:00:00+00:00] x',
            sessionInfoJson: '{}',
            workerAccountId: '3z',
            minerInfoJson: '{}',
            minerAccountId: '3z',
          },
        ],
      },
      hasError: false,
      meta: {
        createdAt: expect.stringMatching(/^\d{13}$/) as string,
        requestNonce: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        nonce: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        hasError: false,
      },
    });
  });

  it('has zero and false values that the peer left out, and leaves out empty lists and texts', async () => {
    manager.handle('GetWorkerStatus', () => ({ workerStates: [{ worker: {} }] }));
    manager.handle('ListPool', () => ({}));
    manager.handle('ListWorker', () => ({ workers: [{ name: 'w' }] }));
    provider.handle('GetDataProviderInfo', () => ({ paraTarget: -1 }));
    const dataOf = async (method: string, peerId?: string) =>
      ((await http('POST', proxyPath(method, peerId))).json as unknown as { data: unknown }).data;
    const worker = { pid: '0', enabled: false, deleted: false, syncOnly: false };
    expect(await dataOf('GetWorkerStatus')).toEqual({
      workerStates: [
        {
          status: 'S_IDLE',
          parentHeaderSynchedTo: 0,
          paraHeaderSynchedTo: 0,
          paraBlockDispatchedTo: 0,
          initialized: false,
          worker,
        },
      ],
    });
    expect(await dataOf('ListPool')).toEqual({});
    expect(await dataOf('ListWorker')).toEqual({ workers: [{ name: 'w', ...worker }] });
    expect(await dataOf('GetDataProviderInfo', 'QmProvider')).toEqual({
      status: 'S_UNKNOWN',
      paraId: 0,
      parentStartHeader: 0,
      parentTarget: 0,
      parentFetchedHeight: 0,
      parentProcessedHeight: 0,
      parentCommittedHeight: 0,
      paraTarget: -1,
      paraFetchedHeight: 0,
      paraProcessedHeight: 0,
      paraCommittedHeight: 0,
      blobServerPort: 0,
    });
    provider.serveBlobs({ get: async () => ({ bytes: Buffer.from('hello') }) });
    const body = JSON.stringify({ key: 'k' });
    const blob = await http('GET', proxyPath('GetBlobByKey', 'QmProvider'), {
      body,
      headers: JSON_TYPE,
    });
    expect(blob.json).toMatchObject({ data: { key: 'k', empty: false, data: 'aGVsbG8=' } });
  });

  it.each([
    ['GET without a body', 'GET', undefined, {}],
    ['GET with an empty body said to be JSON', 'GET', '', JSON_TYPE],
    ['POST with an empty body said to be JSON', 'POST', '', JSON_TYPE],
    ['POST of null', 'POST', 'null', JSON_TYPE],
    ['POST of a form', 'POST', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['PUT of text', 'PUT', 'hello', { 'content-type': 'text/plain' }],
    ['DELETE', 'DELETE', undefined, {}],
    ['OPTIONS', 'OPTIONS', undefined, {}],
    ['unknown fields', 'POST', '{"nonsense":1}', JSON_TYPE],
  ])('reads by %s', async (_what, method, body, headers) => {
    manager.handle('GetWorkerStatus', ({ ids }) => ({
      workerStates: [{ lastMessage: `${ids.length}` }],
    }));
    const answer = await http(method, proxyPath('GetWorkerStatus'), {
      ...(body === undefined ? {} : { body }),
      headers,
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ data: { workerStates: [{ lastMessage: '0' }] } });
  });

  it.each(['GET', 'POST', 'PATCH'])('takes the fields of a body by %s', async (method) => {
    manager.handle('GetWorkerStatus', ({ ids }) => ({
      workerStates: [{ lastMessage: ids.join() }],
    }));
    for (const headers of [JSON_TYPE, { 'content-type': 'application/x-www-form-urlencoded' }]) {
      const answer = await http(method, proxyPath('GetWorkerStatus'), {
        body: '{"ids":["a","b"]}',
        headers,
      });
      expect(answer.json).toMatchObject({ data: { workerStates: [{ lastMessage: 'a,b' }] } });
    }
  });

  it.each(['2', '"2"'])('takes a pid given as %s', async (pid) => {
    let seen: unknown;
    manager.handle('CreateWorker', (request) => {
      seen = request.workers[0];
      return { workers: request.workers };
    });
    const body = `{"workers":[{"name":"w","pid":${pid},"stake":"1","enabled":false}]}`;
    const { json } = await http('POST', proxyPath('CreateWorker'), { body, headers: JSON_TYPE });
    expect(seen).toMatchObject({ pid: 2n, enabled: false });
    expect(json).toMatchObject({ data: { workers: [{ pid: '2', enabled: false }] } });
  });

  it.each(walkieMethods.filter(({ changes }) => changes).map(({ name }) => name))(
    '%s changes only by POST and its like, for a host of ours, from no foreign page',
    async (method) => {
      let calls = 0;
      manager.handle(method as 'KickWorker', () => {
        calls += 1;
        return {};
      });
      for (const wrong of ['GET', 'HEAD', 'OPTIONS']) {
        expect((await http(wrong, proxyPath(method))).status).toBe(405);
      }
      for (const headers of [
        { host: 'evil.example' },
        { origin: 'http://evil.example' },
        { 'sec-fetch-site': 'cross-site' },
      ]) {
        const { status, json } = await http('POST', proxyPath(method), { headers });
        expect(status).toBe(403);
        expect(json).toMatchObject({ hasError: true, error: { type: 4 } });
      }
      expect(calls).toBe(0);
      for (const right of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const { status, json } = await http(right, proxyPath(method), {
          body: '{}',
          headers: JSON_TYPE,
        });
        expect(status).toBe(200);
        expect(json.hasError).toBe(false);
      }
      expect(calls).toBe(4);
    },
  );

  it('passes the errors of peers on, numbers above and names in meta', async () => {
    manager.handle('GetWorkerStatus', () => {
      throw new WalkieError('NOT_FOUND', 'Worker x not found!');
    });
    expect((await http('GET', proxyPath('GetWorkerStatus'))).json).toEqual({
      hasError: true,
      error: { type: 2, message: 'Worker x not found!' },
      meta: {
        createdAt: expect.any(String) as string,
        requestNonce: expect.any(String) as string,
        nonce: expect.any(String) as string,
        hasError: true,
        error: { type: 'NOT_FOUND', message: 'Worker x not found!' },
      },
    });
    const notServed = await http('GET', proxyPath('Auth'));
    expect(notServed.json.error).toEqual({ type: 2, message: 'Handler not implemented.' });
    manager.handle('ListPool', () => {
      throw new BridgeError('SOMETHING', 'it broke');
    });
    expect((await http('GET', proxyPath('ListPool'))).json.error).toEqual({
      type: 1,
      message: 'it broke',
    });
  });

  it('tells its own failures as errors', async () => {
    const unknownPeer = await http('POST', proxyPath('ListPool', 'QmNobody'));
    expect(unknownPeer.status).toBe(500);
    expect(unknownPeer.json).toEqual({
      hasError: true,
      error: { type: 2, message: expect.stringContaining('QmNobody') as string },
      meta: null,
    });
    for (const method of ['NoSuchMethod', 'listPool', 'toString', '__proto__']) {
      const { status, json } = await http('POST', proxyPath(method));
      expect(status).toBe(200);
      expect(json).toMatchObject({ hasError: true, meta: null });
    }
    manager.handle('ListPool', () => new Promise(() => {}));
    const slow = await http('GET', proxyPath('ListPool'));
    expect(slow.status).toBe(200);
    expect(slow.json).toMatchObject({ hasError: true, error: { type: 0 }, meta: null });
  });

  it.each([
    ['broken JSON', 'GetWorkerStatus', '{"ids":', JSON_TYPE],
    ['a list', 'GetWorkerStatus', '[]', JSON_TYPE],
    ['a field of a wrong kind', 'GetWorkerStatus', '{"ids":[{}]}', JSON_TYPE],
    ['a change that is no JSON', 'CreatePool', 'pools=1', {}],
    ['a negative pid', 'CreatePool', '{"pools":[{"pid":-1}]}', JSON_TYPE],
  ])('refuses %s, without asking anybody', async (_what, method, body, headers) => {
    let wasAsked = false;
    manager.handle(method as 'CreatePool', () => {
      wasAsked = true;
      return {};
    });
    const { status, json } = await http('POST', proxyPath(method), { body, headers });
    expect(status).toBe(400);
    expect(json.hasError).toBe(true);
    expect(wasAsked).toBe(false);
  });

  it('refuses a body that is too large, and pages of other origins', async () => {
    const body = JSON.stringify({ ids: ['x'.repeat(5 * 1024 * 1024)] });
    expect(
      (await http('POST', proxyPath('GetWorkerStatus'), { body, headers: JSON_TYPE })).status,
    ).toBe(413);
    const foreign = await http('GET', '/ptp/discover', {
      headers: { origin: 'http://evil.example' },
    });
    expect(foreign.status).toBe(403);
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('status page', () => {
  it('shows providers, managers, pools and workers, trouble first, texts escaped', async () => {
    provider.handle('GetDataProviderInfo', () => ({
      status: 2,
      parentTarget: 2000,
      parentProcessedHeight: 1999,
      paraTarget: 1000,
      paraProcessedHeight: 1000,
      paraFetchedHeight: 1000,
    }));
    manager.handle('ListPool', () => ({ pools: [{ pid: 7n, name: 'pool <7>', enabled: true }] }));
    const workers = ['ok', 'broken', 'off'].map((name) => ({
      uuid: name,
      name,
      pid: 7n,
      enabled: true,
    }));
    manager.handle('ListWorker', () => ({ workers }));
    manager.handle('GetWorkerStatus', () => ({
      workerStates: [
        { worker: workers[0]!, status: WorkerStatus.S_ACTIVE, paraBlockDispatchedTo: 990 },
        {
          worker: workers[1]!,
          status: WorkerStatus.S_ERROR,
          lastMessage: '<script>alert(1)</script>',
          paraBlockDispatchedTo: -1,
        },
      ],
    }));
    const { status, text, headers } = await http('GET', '/');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(text).not.toContain('<script>alert');
    expect(text).toContain('&#60;script&#62;alert(1)');
    expect(text).toContain('pool &#60;7&#62;');
    expect(text).toContain('at the head');
    const at = (needle: string) => text.indexOf(needle);
    expect(at('>broken<')).toBeGreaterThan(0);
    expect(at('>broken<')).toBeLessThan(at('>off<'));
    expect(at('>off<')).toBeLessThan(at('>ok<'));
    expect(text).toMatch(/990<\/td>\s*<td class="number">10<\/td>/);
    const found = (await http('GET', '/fleet?state=S_ACTIVE&q=OK')).text;
    expect(found).toContain('1 of 3');
    expect(found).not.toContain('>broken<');
  });

  it('says that a peer does not answer, and shows the others', async () => {
    provider.handle('GetDataProviderInfo', () => {
      throw new WalkieError('SERVER', 'out of order');
    });
    manager.handle('ListPool', () => ({}));
    const { text } = await http('GET', '/');
    expect(text).toContain('QmProvider does not answer: SERVER: out of order');
    expect(text).toContain('QmManager does not answer: NOT_FOUND');
  });

  it('serves its files, and nothing beside them', async () => {
    expect((await http('GET', '/assets/status.css')).headers['content-type']).toMatch(/css/);
    expect((await http('GET', '/assets/status.js')).status).toBe(200);
    for (const path of ['/assets/../package.json', '/assets/%2e%2e/package.json', '/nothing']) {
      expect((await http('GET', path)).status).toBeGreaterThanOrEqual(400);
    }
  });

  it('drops nonsense on its port', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.end('nonsense\r\n\r\n');
    await once(socket, 'close');
    expect((await http('GET', '/ptp/discover')).status).toBe(200);
  });
});
