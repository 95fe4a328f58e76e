import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { fromHex } from '@runtime-bridge/base';
import {
  DataProviderInfoSchema,
  RawBlobSchema,
  walkieMethods,
  WorkerStateUpdateSchema,
  type MethodName,
  type RequestOf,
  type ResponseInit,
} from '@runtime-bridge/walkie-protocol';
import { describe, expect, it } from 'vitest';
import { useMonitor } from '../monitor.test.support.js';

const rig = useMonitor();
const { http } = rig;

/** A call as a script writes it, what the peer is to see, what it answers, and what the script is to get. */
interface Case<M extends MethodName = MethodName> {
  body: string;
  sees: object;
  answers: ResponseInit<M>;
  data: object;
}
const golden = <D extends DescMessage>(schema: D, hex: string): MessageShape<D> =>
  fromBinary(schema, fromHex(hex));

const POOL = {
  uuid: 'p',
  pid: 2n,
  name: 'pool',
  enabled: false,
  syncOnly: false,
  deleted: false,
  realPhalaSs58: '',
  owner: { mnemonic: '', polkadotJson: '', ss58Phala: '45R', ss58Polkadot: '15o' },
};
const POOL_JSON = { ...POOL, pid: '2' };
const WORKER = {
  uuid: 'w',
  pid: 18446744073709551615n,
  name: 'w1',
  endpoint: 'http://10.0.0.1:8000',
  enabled: false,
  deleted: false,
  stake: '1000000000000',
  syncOnly: true,
};
const WORKER_JSON = { ...WORKER, pid: '18446744073709551615' };
/** The state of one active worker in 2022's bytes. */
const STATE_HEX =
  '0a6c0805106418322032280132350a017510021a0277312215687474703a2f2f3132372e302e302e313a38303030280130003a0d313030303030303030303030304000420261614a1d5b323032322d30312d30315430303a30303a30302b30303a30305d207852027b7d5a02337a';
const STATES_JSON = {
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
};
const command = {
  body: '{"ids":["u"]}',
  sees: { ids: ['u'] },
  answers: golden(WorkerStateUpdateSchema, STATE_HEX),
  data: STATES_JSON,
};
const order = {
  body: '{"ids":["u"],"confirmation":"c"}',
  sees: { ids: ['u'], confirmation: 'c' },
  answers: {
    accepted: false,
    confirmation: 'd',
    effects: [{ workerUuid: 'u', pid: 2n, possible: false, cooledDownMs: 5n }],
  },
  data: {
    accepted: false,
    confirmation: 'd',
    effects: [{ workerUuid: 'u', pid: '2', possible: false, cooledDownMs: '5' }],
  },
};

/** Every method of Walkie; a method without a case fails the first test. */
const cases: { [M in MethodName]: Case<M> } = {
  Hello: {
    body: '{"hostname":"h","role":3}',
    sees: { hostname: 'h', role: 3 },
    answers: { hostname: 'm', peerId: 'QmManager', role: 3, chainIdentity: '0xabc' },
    data: {
      hostname: 'm',
      peerId: 'QmManager',
      role: 'WR_LIFECYCLE_MANAGER',
      chainIdentity: '0xabc',
    },
  },
  Auth: {
    body: '{"type":"AT_PSK","authString":"x"}',
    sees: { type: 1, authString: 'x' },
    answers: { status: 3, type: 1, peerId: 'QmManager' },
    data: { status: 'AS_REJECTED', type: 'AT_PSK', peerId: 'QmManager' },
  },
  GetDataProviderInfo: {
    body: '',
    sees: {},
    answers: golden(
      DataProviderInfoSchema,
      '080210d40f18bf91fc0320ffffffffffffffffff0128ffffffffffffffffff0130ffffffffffffffffff0138ffffffffffffffffff0140ffffffffffffffffff0148ffffffffffffffffff0150ffffffffffffffffff0158ffffffffffffffffff0160cc3e',
    ),
    data: {
      status: 'S_IDLE',
      paraId: 2004,
      parentStartHeader: 8325311,
      parentTarget: -1,
      parentFetchedHeight: -1,
      parentProcessedHeight: -1,
      parentCommittedHeight: -1,
      paraTarget: -1,
      paraFetchedHeight: -1,
      paraProcessedHeight: -1,
      paraCommittedHeight: -1,
      blobServerPort: 8012,
    },
  },
  GetBlobByKey: {
    body: '{"key":"genesis:2004:pb"}',
    sees: { key: 'genesis:2004:pb' },
    answers: golden(RawBlobSchema, '0a016b10001a0568656c6c6f'),
    data: { key: 'k', empty: false, data: 'aGVsbG8=' },
  },
  WantBlob: {
    body: '{"number":5,"type":2}',
    sees: { number: 5, type: 2 },
    answers: { number: 5, type: 2, getToken: 't', tokenExpiresAt: 1640995200000n },
    data: { number: 5, type: 'BT_PARA_BLOCK', getToken: 't', tokenExpiresAt: '1640995200000' },
  },
  GetBlobWithToken: {
    body: '{"token":"t"}',
    sees: { token: 't' },
    answers: { type: 1, number: 5, data: Buffer.from('hello') },
    data: { type: 'BT_PARENT_BLOCK', number: 5, data: 'aGVsbG8=' },
  },
  ListPool: { body: '{}', sees: {}, answers: { pools: [POOL] }, data: { pools: [POOL_JSON] } },
  CreatePool: {
    body: '{"pools":[{"pid":2,"name":"pool","enabled":false,"owner":{"mnemonic":"a b"}}]}',
    sees: { pools: [{ pid: 2n, name: 'pool', enabled: false, owner: { mnemonic: 'a b' } }] },
    answers: { pools: [POOL] },
    data: { pools: [POOL_JSON] },
  },
  UpdatePool: {
    body: '{"items":[{"id":{"pid":"2"},"pool":{"deleted":true}}]}',
    sees: { items: [{ id: { identity: { case: 'pid', value: 2n } }, pool: { deleted: true } }] },
    answers: {},
    data: {},
  },
  ListWorker: {
    body: '',
    sees: {},
    answers: { workers: [WORKER] },
    data: { workers: [WORKER_JSON] },
  },
  CreateWorker: {
    body: '{"workers":[{"pid":"18446744073709551615","name":"w1","stake":"1000000000000"}]}',
    sees: { workers: [{ pid: 18446744073709551615n, name: 'w1', stake: '1000000000000' }] },
    answers: { workers: [WORKER] },
    data: { workers: [WORKER_JSON] },
  },
  UpdateWorker: {
    body: '{"items":[{"id":{"uuid":"w"},"worker":{"pid":2,"enabled":true}}]}',
    sees: {
      items: [
        { id: { identity: { case: 'uuid', value: 'w' } }, worker: { pid: 2n, enabled: true } },
      ],
    },
    answers: { workers: [WORKER] },
    data: { workers: [WORKER_JSON] },
  },
  RestartWorker: command,
  RefreshRaAndRestartWorker: command,
  KickWorker: command,
  GetWorkerStatus: command,
  ListWorkerEvents: {
    body: '{"ids":["u"],"beforeMs":1640995200000,"limit":2}',
    sees: { ids: ['u'], beforeMs: 1640995200000n, limit: 2 },
    answers: { events: [{ workerUuid: 'u', timeMs: 7n, status: 7, message: 'm' }], hasMore: false },
    data: {
      events: [{ workerUuid: 'u', timeMs: '7', status: 'S_ERROR', message: 'm' }],
      hasMore: false,
    },
  },
  ListTransactions: {
    body: '{"statuses":["TS_FAILED",1],"workerUuid":"u"}',
    sees: { statuses: [4, 1], workerUuid: 'u' },
    answers: { transactions: [{ jobId: 'j', status: 4, pid: 2n, queuedMs: 1n, blockNumber: 0 }] },
    data: {
      transactions: [{ jobId: 'j', status: 'TS_FAILED', pid: '2', queuedMs: '1', blockNumber: 0 }],
    },
  },
  ExportInventory: {
    body: '{"format":"F_CSV"}',
    sees: { format: 3 },
    answers: { format: 3, text: 'kind\n' },
    data: { format: 'F_CSV', text: 'kind\n' },
  },
  ImportInventory: {
    body: '{"format":2,"text":"{}","dryRun":true}',
    sees: { format: 2, text: '{}', dryRun: true },
    answers: { applied: false, unchanged: 0, changes: [{ kind: 1, action: 2, pid: 2n }] },
    data: {
      applied: false,
      unchanged: 0,
      changes: [{ kind: 'K_WORKER', action: 'A_DELETE', pid: '2' }],
    },
  },
  StopWorker: order,
  DrainWorker: order,
  ReclaimWorker: order,
  ResumeWorker: order,
  ListStandingOrders: {
    body: 'null',
    sees: {},
    answers: { orders: [{ workerUuid: 'u', kind: 1, sinceMs: 5n, done: false }] },
    data: { orders: [{ workerUuid: 'u', kind: 'OK_STOP', sinceMs: '5', done: false }] },
  },
  ListAlerts: {
    body: '{"onlyActive":true}',
    sees: { onlyActive: true },
    answers: { alerts: [{ id: 'a', severity: 3, firedMs: 5n }], webhook: { configured: false } },
    data: {
      alerts: [{ id: 'a', severity: 'SV_CRITICAL', firedMs: '5' }],
      webhook: { configured: false },
    },
  },
  TestWebhook: {
    body: '{}',
    sees: {},
    answers: { delivered: false, httpStatus: 0, error: 'e' },
    data: { delivered: false, httpStatus: 0, error: 'e' },
  },
};

describe('every method', () => {
  it('has a case', () => {
    expect(walkieMethods.map(({ name }) => name).sort()).toEqual(Object.keys(cases).sort());
  });

  const ofMethod = walkieMethods.map(({ name, changes }) => ({ name, changes }));

  it.each(ofMethod)('$name passes both ways as in 2022', async ({ name }) => {
    const { body, sees, answers, data } = cases[name];
    let seen: RequestOf<MethodName> | undefined;
    // Not of a looker: the monitor asks managers on its own too.
    const peer = await rig.join({ peerId: 'QmPeer' });
    peer.handle(name, (request: RequestOf<MethodName>) => {
      seen = request;
      return answers;
    });
    const path = `/ptp/proxy/QmPeer/${name}`;
    for (const type of ['application/json', 'application/json; charset=utf-8', 'text/plain']) {
      seen = undefined;
      const answer = await http('POST', path, { body, headers: { 'content-type': type } });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
      expect(answer.json).toEqual({
        data,
        hasError: false,
        meta: {
          createdAt: expect.stringMatching(/^\d{13}$/) as string,
          requestNonce: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
          nonce: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
          hasError: false,
        },
      });
      expect(seen).toMatchObject(sees);
    }
  });

  it.each(ofMethod.filter(({ changes }) => !changes))(
    '$name reads by any HTTP method, with and without a body',
    async ({ name }) => {
      const peer = await rig.join({ peerId: 'QmPeer' });
      let asked = 0;
      peer.handle(name, () => {
        asked += 1;
        return {};
      });
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const headers of [{}, { 'content-type': 'application/json' }]) {
          const answer = await http(method, `/ptp/proxy/QmPeer/${name}`, { headers });
          expect([answer.status, answer.json.hasError]).toEqual([200, false]);
        }
      }
      expect(asked).toBe(12);
    },
  );

  it.each(ofMethod)('$name says by whom it is not served, and that nobody is there', async (m) => {
    await rig.join({ peerId: 'QmPeer' });
    if (m.name !== 'Hello') {
      const refused = await http('POST', `/ptp/proxy/QmPeer/${m.name}`);
      expect(refused.status).toBe(200);
      expect(refused.json).toMatchObject({
        hasError: true,
        error: { type: 2, message: 'Handler not implemented.' },
        meta: { hasError: true, error: { type: 'NOT_FOUND', message: 'Handler not implemented.' } },
      });
      expect(refused.json).not.toHaveProperty('data');
    }
    const nobody = await http('POST', `/ptp/proxy/QmNobody/${m.name}`);
    expect(nobody.status).toBe(500);
    expect(nobody.json).toEqual({
      hasError: true,
      error: { type: 2, message: expect.stringContaining('QmNobody') as string },
      meta: null,
    });
  });
});

it('lets a peer that is slow time out alone', async () => {
  await rig.restart({ callTimeoutMs: 500 });
  const slow = await rig.join({ peerId: 'QmSlow' });
  const quick = await rig.join({ peerId: 'QmQuick' });
  slow.handle('ListWorker', () => new Promise(() => {}));
  quick.handle('ListWorker', () => ({ workers: [WORKER] }));
  const waiting = Promise.all(
    Array.from({ length: 20 }, () => http('GET', '/ptp/proxy/QmSlow/ListWorker')),
  );
  let isOver = false;
  void waiting.then(() => (isOver = true));
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => http('GET', '/ptp/proxy/QmQuick/ListWorker')),
  );
  expect(isOver).toBe(false);
  for (const { json } of answers) expect(json).toMatchObject({ hasError: false });
  for (const { status, json } of await waiting) {
    expect(status).toBe(200);
    expect(json).toMatchObject({ hasError: true, error: { type: 0 }, meta: null });
  }
});
