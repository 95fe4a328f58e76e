import { fromBinary } from '@bufbuild/protobuf';
import { BridgeError, fromHex } from '@runtime-bridge/base';
import {
  WalkieError,
  walkieMethods,
  WorkerStateUpdateSchema,
} from '@runtime-bridge/walkie-protocol';
import { describe, expect, it } from 'vitest';
import { useMonitor } from '../monitor.test.support.js';

const rig = useMonitor({ callTimeoutMs: 300 });
const { http } = rig;

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
      await rig.provider.stop();
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
    rig.manager.handle('GetWorkerStatus', () => state);
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
    rig.manager.handle('GetWorkerStatus', () => ({ workerStates: [{ worker: {} }] }));
    rig.manager.handle('ListPool', () => ({}));
    rig.manager.handle('ListWorker', () => ({ workers: [{ name: 'w' }] }));
    rig.provider.handle('GetDataProviderInfo', () => ({ paraTarget: -1 }));
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
    rig.provider.serveBlobs({ get: async () => ({ bytes: Buffer.from('hello') }) });
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
    rig.manager.handle('GetWorkerStatus', ({ ids }) => ({
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
    rig.manager.handle('GetWorkerStatus', ({ ids }) => ({
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
    rig.manager.handle('CreateWorker', (request) => {
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
      rig.manager.handle(method as 'KickWorker', () => {
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
    rig.manager.handle('GetWorkerStatus', () => {
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
    rig.manager.handle('ListPool', () => {
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
    rig.manager.handle('ListPool', () => new Promise(() => {}));
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
    rig.manager.handle(method as 'CreatePool', () => {
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
