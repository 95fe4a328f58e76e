import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BaseErrorCode, silentLogger, toHex } from '@runtime-bridge/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { PRuntimeClient, type PRuntimeClientOptions } from './client.js';
import { classifyText, WorkerErrorClass } from './errors.js';
import {
  CombinedHeadersToSyncSchema,
  HeadersSyncedToSchema,
  InitRuntimeRequestSchema,
  InitRuntimeResponseSchema,
  PhactoryInfoSchema,
  PrpcErrorSchema,
} from './gen/pruntime_rpc_pb.js';
import { PRuntimeTransport } from './transport.js';

interface Answer {
  status?: number;
  type?: string;
  body: string | Uint8Array;
}
type Script = (
  body: Uint8Array,
  request: IncomingMessage,
) => Answer | Promise<Answer> | 'hang' | 'cut';

let server: Server;
let endpoint: string;
let transport: PRuntimeTransport;
const routes = new Map<string, Script>();
const asked: string[] = [];

beforeEach(async () => {
  routes.clear();
  asked.length = 0;
  server = createServer((request, response) => {
    const parts: Uint8Array[] = [];
    request.on('data', (part: Uint8Array) => parts.push(part));
    request.on('error', () => undefined);
    request.on('end', () => {
      void (async () => {
        const path = request.url ?? '';
        asked.push(path);
        const script = routes.get(path);
        if (!script) {
          response.writeHead(404).end('not here');
          return;
        }
        const answer = await script(Buffer.concat(parts), request);
        if (answer === 'hang') return;
        if (answer === 'cut') {
          request.socket.destroy();
          return;
        }
        const type = answer.type ?? 'application/octet-stream';
        response.writeHead(answer.status ?? 200, { 'content-type': type }).end(answer.body);
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  transport = new PRuntimeTransport({ keepAlive: true });
});

afterEach(async () => {
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function client(options: Partial<PRuntimeClientOptions> = {}): PRuntimeClient {
  return new PRuntimeClient(
    { endpoint, ...options },
    {
      transport,
      logger: silentLogger,
      splitCombinedHeaders: (blob) => ({
        encodedRelayHeaders: blob.subarray(0, 1),
        authoritySetChange: blob.subarray(1, 2),
        encodedParaHeaders: blob.subarray(2, 3),
        proof: [blob.subarray(3)],
      }),
    },
  );
}

const ok = (payload: object): Answer => ({
  type: 'application/json',
  body: JSON.stringify({ status: 'ok', payload: JSON.stringify(payload), signature: null }),
});
const refused = (payload: string): Answer => ({
  type: 'application/json',
  body: JSON.stringify({ status: 'error', payload, signature: null }),
});
const prpcError = (status: number, message: string): Answer => ({
  status,
  body: toBinary(PrpcErrorSchema, create(PrpcErrorSchema, { message })),
});
const hasBinApi = () => routes.set('/bin_api/sync_header', () => ok({ synced_to: 0 }));

describe('PRuntimeClient', () => {
  it('sends a combined headers blob unchanged to /bin_api and asks for the dialect once', async () => {
    hasBinApi();
    const seen: string[] = [];
    routes.set('/bin_api/sync_combined_headers', (body) => {
      seen.push(toHex(body));
      return ok({ relaychain_synced_to: 12, parachain_synced_to: 5 });
    });
    const pruntime = client();
    expect(await pruntime.syncCombinedHeaders(new Uint8Array([1, 2, 3]))).toEqual({
      relay: 12,
      para: 5,
    });
    await pruntime.syncCombinedHeaders(new Uint8Array([4]));
    expect(seen).toEqual(['0x010203', '0x04']);
    expect(asked.filter((path) => path === '/bin_api/sync_header')).toHaveLength(1);
    expect(pruntime.dialect).toBe('binApi');
  });

  it('speaks protobuf to a worker without /bin_api', async () => {
    let parts;
    routes.set('/prpc/PhactoryAPI.SyncCombinedHeaders', (body) => {
      parts = fromBinary(CombinedHeadersToSyncSchema, body);
      return {
        body: toBinary(
          HeadersSyncedToSchema,
          create(HeadersSyncedToSchema, { relaychainSyncedTo: 7, parachainSyncedTo: 0xffffffff }),
        ),
      };
    });
    const pruntime = client();
    const answer = await pruntime.syncCombinedHeaders(new Uint8Array([1, 2, 3, 4, 5]));
    expect(answer).toEqual({ relay: 7, para: -1 });
    expect(pruntime.dialect).toBe('prpc');
    expect(parts).toMatchObject({
      encodedRelaychainHeaders: Buffer.from([1]),
      authoritySetChange: Buffer.from([2]),
      encodedParachainHeaders: Buffer.from([3]),
      proof: [Buffer.from([4, 5])],
    });
  });

  it.each([
    [
      'refusal in JSON',
      refused('{"message":"StateRootMismatch block=3"}'),
      'DATA_REFUSED',
      'StateRootMismatch block=3',
    ],
    [
      'refusal in plain text',
      refused('Io error: Read input data failed'),
      'UNDECODABLE',
      'Io error: Read input data failed',
    ],
    [
      'position',
      refused('{"message":"BlockNumberMismatch"}'),
      'POSITION_MISMATCH',
      'BlockNumberMismatch',
    ],
    ['no state root', refused('{"message":"NoStateRoot"}'), 'MISSING_STATE_ROOT', 'NoStateRoot'],
    [
      'not initialized',
      refused('{"message":"Runtime not initialized"}'),
      'NOT_INITIALIZED',
      'Runtime not initialized',
    ],
    [
      'ok without a payload',
      { type: 'application/json', body: '{"status":"ok"}' },
      'BAD_ANSWER',
      '{"status":"ok"}',
    ],
    ['ok without the height', ok({ synced: 1 }), 'BAD_ANSWER', undefined],
    ['a proxy page', { status: 502, type: 'text/html', body: '<html>' }, 'BAD_ANSWER', '<html>'],
    ['too large', { status: 413, body: 'Entity too large' }, 'BODY_TOO_LARGE', 'Entity too large'],
  ] as const)('classes an answer of dispatch_block: %s', async (_id, answer, code, text) => {
    hasBinApi();
    routes.set('/bin_api/dispatch_block', () => answer);
    await expect(client().dispatchBlocks(new Uint8Array([0]))).rejects.toMatchObject({
      code,
      text,
    });
  });

  it.each([
    [
      'PrpcError',
      prpcError(500, 'Uninitiated runtime info'),
      'NOT_INITIALIZED',
      'Uninitiated runtime info',
    ],
    ['decode error', prpcError(400, 'DecodeError(x)'), 'UNDECODABLE', /^DecodeError/],
    ['busy', prpcError(500, 'RCU in progress, please try the request again later'), 'BUSY', /RCU/],
    ['unknown method', prpcError(404, 'Method Not Found'), 'NOT_AVAILABLE', 'Method Not Found'],
    [
      'attestation',
      prpcError(500, 'Failed to create attestation report: x'),
      'ATTESTATION_FAILED',
      /report/,
    ],
    ['anything else', prpcError(500, 'Something'), 'REFUSED', 'Something'],
    ['plain text', { status: 503, body: 'Read body failed' }, 'BUSY', 'Read body failed'],
    [
      'JSON error',
      { status: 500, type: 'application/json', body: '{"error":"BlockNumberMismatch"}' },
      'POSITION_MISMATCH',
      'BlockNumberMismatch',
    ],
    ['empty 403', { status: 403, body: '' }, 'NOT_AVAILABLE', undefined],
    ['broken protobuf', { body: new Uint8Array([0x0a, 0xff]) }, 'BAD_ANSWER', undefined],
  ] as const)('classes an answer of GetRuntimeInfo: %s', async (_id, answer, code, text) => {
    routes.set('/prpc/PhactoryAPI.GetRuntimeInfo', () => answer);
    await expect(client().getRuntimeInfo()).rejects.toMatchObject({
      code,
      ...(text === undefined ? {} : { text: expect.stringMatching(text) as string }),
    });
  });

  it('decodes GetInfo with fields that it does not know', async () => {
    const known = toBinary(
      PhactoryInfoSchema,
      create(PhactoryInfoSchema, {
        initialized: true,
        headernum: 5,
        paraHeadernum: 2,
        blocknum: 1,
        publicKey: 'AABB',
        pendingMessages: 3n,
        gatekeeper: { role: 1 },
      }),
    );
    // Field 100, a string of two bytes.
    routes.set('/prpc/PhactoryAPI.GetInfo', () => ({
      body: Buffer.concat([known, Buffer.from([0xa2, 0x06, 0x02, 0x68, 0x69])]),
    }));
    const info = await client().getInfo();
    expect(info).toMatchObject({
      initialized: true,
      registered: false,
      publicKey: 'aabb',
      nextRelayHeader: 5,
      nextParaHeader: 2,
      nextBlock: 1,
      pendingMessages: 3n,
    });
    expect(info.runtimeInfo).toMatchObject({
      gatekeeper: { role: 'Dummy' },
      pendingMessages: 3,
      version: '',
    });
  });

  it('sends genesis and reads both forms of attestation', async () => {
    let request;
    const answers = [
      {
        payload: { report: '{}', signature: new Uint8Array([1]), signingCert: new Uint8Array([2]) },
      },
      { encodedReport: new Uint8Array([1, 0]), provider: '"ias"' },
      undefined,
    ];
    routes.set('/prpc/PhactoryAPI.InitRuntime', (body) => {
      request = fromBinary(InitRuntimeRequestSchema, body);
      const attestation = answers.shift();
      return {
        body: toBinary(
          InitRuntimeResponseSchema,
          create(InitRuntimeResponseSchema, {
            encodedRuntimeInfo: new Uint8Array([9]),
            ...(attestation ? { attestation } : {}),
          }),
        ),
      };
    });
    const pruntime = client();
    const input = {
      encodedGenesisInfo: new Uint8Array([1]),
      encodedGenesisState: new Uint8Array([2]),
      encodedOperator: new Uint8Array(32),
    };
    expect((await pruntime.initRuntime(input)).attestation).toMatchObject({
      kind: 'payload',
      report: '{}',
    });
    expect(request).toMatchObject({
      skipRa: false,
      isParachain: true,
      attestationProvider: Buffer.from([1]),
    });
    expect((await pruntime.initRuntime(input)).attestation).toMatchObject({
      kind: 'encodedReport',
    });
    expect((await pruntime.initRuntime({ ...input, skipRa: true })).attestation).toBeUndefined();
    expect(
      (request as unknown as { attestationProvider?: Uint8Array }).attestationProvider,
    ).toBeUndefined();
  });

  it('does one heavy call at a time and small ones beside it', async () => {
    hasBinApi();
    let under = 0;
    let most = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    routes.set('/bin_api/dispatch_block', async () => {
      under += 1;
      most = Math.max(most, under);
      await held;
      under -= 1;
      return ok({ dispatched_to: 1 });
    });
    routes.set('/prpc/PhactoryAPI.GetInfo', () => ({ body: new Uint8Array(0) }));
    const pruntime = client();
    const heavy = [
      pruntime.dispatchBlocks(new Uint8Array([1])),
      pruntime.dispatchBlocks(new Uint8Array([2])),
    ];
    expect((await pruntime.getInfo()).initialized).toBe(false);
    // Time enough for a second heavy call to get through, were it let.
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    await Promise.all(heavy);
    expect(most).toBe(1);
  });

  it('gives up at the deadline', async () => {
    routes.set('/prpc/PhactoryAPI.GetInfo', () => 'hang');
    await expect(client({ requestTimeoutMs: 50 }).getInfo()).rejects.toMatchObject({
      code: WorkerErrorClass.TIMEOUT,
    });
  });

  it('gives up with the signal, and the next call has its turn', async () => {
    routes.set('/prpc/PhactoryAPI.GetInfo', () => 'hang');
    const pruntime = client();
    const controller = new AbortController();
    const asking = pruntime.getInfo({ signal: controller.signal });
    controller.abort();
    await expect(asking).rejects.toMatchObject({ code: BaseErrorCode.ABORTED });
    routes.set('/prpc/PhactoryAPI.GetInfo', () => ({ body: new Uint8Array(0) }));
    expect((await pruntime.getInfo()).initialized).toBe(false);
  });

  it('tells a broken connection and a closed port', async () => {
    routes.set('/prpc/PhactoryAPI.GetInfo', () => 'cut');
    await expect(client().getInfo()).rejects.toMatchObject({ code: WorkerErrorClass.TRANSPORT });
    await expect(client({ endpoint: 'http://127.0.0.1:1' }).getInfo()).rejects.toMatchObject({
      code: WorkerErrorClass.TRANSPORT,
    });
  });

  it('sends no body that pRuntime would cut off, and reads no answer without end', async () => {
    hasBinApi();
    const pruntime = client({ maxBodyBytes: 10 });
    await expect(pruntime.dispatchBlocks(new Uint8Array(11))).rejects.toMatchObject({
      code: WorkerErrorClass.BODY_TOO_LARGE,
    });
    routes.set('/prpc/PhactoryAPI.GetInfo', () => ({ body: new Uint8Array(4 * 1024 * 1024 + 1) }));
    await expect(pruntime.getInfo()).rejects.toMatchObject({ code: WorkerErrorClass.BAD_ANSWER });
  });

  it('asks for the dialect again when the route is gone', async () => {
    hasBinApi();
    routes.set('/bin_api/dispatch_block', () => ok({ dispatched_to: 1 }));
    const pruntime = client();
    await pruntime.dispatchBlocks(new Uint8Array([1]));
    routes.clear();
    await expect(pruntime.dispatchBlocks(new Uint8Array([1]))).rejects.toMatchObject({
      code: WorkerErrorClass.NOT_AVAILABLE,
    });
    routes.set('/prpc/PhactoryAPI.DispatchBlocks', () => ({ body: new Uint8Array([0x08, 0x02]) }));
    expect(await pruntime.dispatchBlocks(new Uint8Array([1]))).toBe(2);
  });

  it('appends its paths to an endpoint with a path of its own', async () => {
    routes.set('/w1/prpc/PhactoryAPI.GetInfo', () => ({ body: new Uint8Array(0) }));
    expect((await client({ endpoint: `${endpoint}/w1/` }).getInfo()).initialized).toBe(false);
  });

  it('counts a broken connection as a successful kick, and a refusal as none', async () => {
    routes.set('/kick', () => 'cut');
    await client().kick();
    routes.delete('/kick');
    await expect(client().kick()).rejects.toMatchObject({ code: WorkerErrorClass.NOT_AVAILABLE });
  });
});

describe('classifyText', () => {
  it.each([
    ['HeaderValidateFailed(invalid ancestry proof)', 'DATA_REFUSED'],
    ['StorageProofFailed(storage value mismatch)', 'DATA_REFUSED'],
    ['HeaderHashMismatch', 'DATA_REFUSED'],
    ['MissingJustification', 'DATA_REFUSED'],
    ['RelaychainHeaderNotSynced', 'MISSING_RELAY_ROOT'],
    ['Runtime already initialized', 'ALREADY_INITIALIZED'],
    ['[-] ECALL Enclave Failed SGX_ERROR!', 'BUSY'],
    ['This RPC is disabled in safe mode', 'NOT_AVAILABLE'],
    ['whatever', 'REFUSED'],
  ])('%s is %s', (text, code) => {
    expect(classifyText(text)).toBe(code);
  });
});
