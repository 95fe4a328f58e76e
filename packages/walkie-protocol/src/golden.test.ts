import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { fromHex } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import { findMethod, walkieMethods } from './methods.js';
import {
  decodeRequest,
  decodeResponse,
  encodeErrorResponse,
  encodeRequest,
  encodeResponse,
} from './rpc-messages.js';
import {
  DataProviderInfoSchema,
  DataProviderStatus,
  GetBlobByKeySchema,
  RawBlobSchema,
  ResponseErrorType,
  WalkieRoles,
  WalkieSystemInfoSchema,
  WorkerStateUpdateSchema,
  WorkerStatus,
} from './schema.js';

// Made with the protocol library of 2022 (runtime-bridge-walkie 0e488c7, protobufjs 6.11).
const REQUEST =
  '0880b8be97e12f122430303030303030302d303030302d343030302d383030302d3030303030303030303030301a1d0a04686f73741203516d411800220530786162632a0764656661756c74220548656c6c6f';
const RESPONSE =
  '0880b8be97e12f122430303030303030302d303030302d343030302d383030302d3030303030303030303030301a2431313131313131312d313131312d343131312d383131312d313131313131313131313131221d0a04686f73741203516d421803220530786162632a0764656661756c742800';
const ERROR_RESPONSE =
  '0880b8be97e12f122430303030303030302d303030302d343030302d383030302d3030303030303030303030301a2431313131313131312d313131312d343131312d383131312d3131313131313131313131312801321c0802121848616e646c6572206e6f7420696d706c656d656e7465642e';
const INFO =
  '080210d40f18bf91fc0320ffffffffffffffffff0128ffffffffffffffffff0130ffffffffffffffffff0138ffffffffffffffffff0140ffffffffffffffffff0148ffffffffffffffffff0150ffffffffffffffffff0158ffffffffffffffffff0160cc3e';
const STATES =
  '0a6c0805106418322032280132350a017510021a0277312215687474703a2f2f3132372e302e302e313a38303030280130003a0d313030303030303030303030304000420261614a1d5b323032322d30312d30315430303a30303a30302b30303a30305d207852027b7d5a02337a';

const createdAtMs = 1_640_995_200_000;
const requestNonce = '00000000-0000-4000-8000-000000000000';
const nonce = '11111111-1111-4111-8111-111111111111';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const systemInfo = (peerId: string, role: WalkieRoles) =>
  toBinary(
    WalkieSystemInfoSchema,
    create(WalkieSystemInfoSchema, {
      hostname: 'host',
      peerId,
      role,
      chainIdentity: '0xabc',
      bridgeIdentity: 'default',
    }),
  );

describe('bytes of 2022', () => {
  it('a request, its role 0 written though it is the default', () => {
    const data = systemInfo('QmA', WalkieRoles.WR_CLIENT);
    expect(hex(encodeRequest('Hello', data, { createdAtMs, nonce: requestNonce }))).toBe(REQUEST);
    const request = decodeRequest(fromHex(REQUEST));
    expect(request).toMatchObject({ method: 'Hello', nonce: requestNonce });
    expect(request.createdAt).toBe(BigInt(createdAtMs));
    expect(fromBinary(WalkieSystemInfoSchema, request.data)).toMatchObject({ peerId: 'QmA' });
  });

  it('a response, has_error written though false', () => {
    const data = systemInfo('QmB', WalkieRoles.WR_LIFECYCLE_MANAGER);
    expect(hex(encodeResponse(requestNonce, data, { createdAtMs, nonce }))).toBe(RESPONSE);
    const response = decodeResponse(fromHex(RESPONSE));
    expect(response.hasError).toBe(false);
    expect(fromBinary(WalkieSystemInfoSchema, response.data).role).toBe(3);
  });

  it('an error response', () => {
    const error = { type: ResponseErrorType.NOT_FOUND, message: 'Handler not implemented.' };
    expect(hex(encodeErrorResponse(requestNonce, error, { createdAtMs, nonce }))).toBe(
      ERROR_RESPONSE,
    );
    expect(decodeResponse(fromHex(ERROR_RESPONSE))).toMatchObject({ hasError: true, error });
  });

  it('blob messages', () => {
    const key = create(GetBlobByKeySchema, { key: 'genesis:2004:pb' });
    expect(hex(toBinary(GetBlobByKeySchema, key))).toBe('0a0f67656e657369733a323030343a7062');
    const found = create(RawBlobSchema, { key: 'k', empty: false, data: Buffer.from('hello') });
    expect(hex(toBinary(RawBlobSchema, found))).toBe('0a016b10001a0568656c6c6f');
    const missing = create(RawBlobSchema, { key: 'k', empty: true });
    expect(hex(toBinary(RawBlobSchema, missing))).toBe('0a016b1001');
  });

  it('data provider info with unknown heights', () => {
    const info = create(DataProviderInfoSchema, {
      status: DataProviderStatus.S_IDLE,
      paraId: 2004,
      parentStartHeader: 8_325_311,
      parentTarget: -1,
      parentFetchedHeight: -1,
      parentProcessedHeight: -1,
      parentCommittedHeight: -1,
      paraTarget: -1,
      paraFetchedHeight: -1,
      paraProcessedHeight: -1,
      paraCommittedHeight: -1,
      blobServerPort: 8012,
    });
    expect(hex(toBinary(DataProviderInfoSchema, info))).toBe(INFO);
    expect(fromBinary(DataProviderInfoSchema, fromHex(INFO)).paraTarget).toBe(-1);
  });

  it('worker states, and the JSON that tools read, zero and false values included', () => {
    const update = create(WorkerStateUpdateSchema, {
      workerStates: [
        {
          status: WorkerStatus.S_ACTIVE,
          parentHeaderSynchedTo: 100,
          paraHeaderSynchedTo: 50,
          paraBlockDispatchedTo: 50,
          initialized: true,
          worker: {
            uuid: 'u',
            pid: 2n,
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
        },
      ],
    });
    expect(hex(toBinary(WorkerStateUpdateSchema, update))).toBe(STATES);
    const decoded = fromBinary(WorkerStateUpdateSchema, fromHex(STATES));
    expect(toJson(WorkerStateUpdateSchema, decoded)).toEqual({
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
        },
      ],
    });
  });

  it('reads a field that is not on the wire as its default', () => {
    const info = fromBinary(DataProviderInfoSchema, new Uint8Array());
    expect(info.paraTarget).toBe(0);
    expect(info.status).toBe(DataProviderStatus.S_UNKNOWN);
  });
});

describe('methods', () => {
  it('are those of the service, changing ones marked', () => {
    expect(walkieMethods.map(({ name }) => name)).toHaveLength(28);
    expect(walkieMethods.filter(({ changes }) => changes).map(({ name }) => name)).toEqual([
      'CreatePool',
      'UpdatePool',
      'CreateWorker',
      'UpdateWorker',
      'RestartWorker',
      'RefreshRaAndRestartWorker',
      'KickWorker',
      'ImportInventory',
      'StopWorker',
      'DrainWorker',
      'ReclaimWorker',
      'ResumeWorker',
      'TestWebhook',
    ]);
  });

  it.each(['hello', 'toString', '', 'getWorkerStatus'])('are not found by %j', (name) => {
    expect(findMethod(name)).toBeUndefined();
  });
});
