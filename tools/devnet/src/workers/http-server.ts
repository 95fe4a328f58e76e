import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { binApiTransportError, callBinApi, callGetInfo, isBinApiRoute } from './bin-api.js';
import { EnclavePanic } from './faults.js';
import type { Phactory } from './phactory.js';
import { callPrpc, methodOfPath } from './prpc-api.js';

/** A disturbance of the HTTP side, for rehearsals and tests. */
export type WorkerFault =
  /** Takes requests and never answers. */
  | { readonly kind: 'hang' }
  /** Answers later. */
  | { readonly kind: 'late'; readonly delayMs: number }
  /** Does what was asked, then drops the connection instead of answering. */
  | { readonly kind: 'dropReply' }
  /** Refuses everything with this application error. */
  | { readonly kind: 'reject'; readonly message: string };

/** A disturbance in force, and which requests it takes. */
export interface FaultInForce {
  readonly fault: WorkerFault;
  /** Is this request disturbed? Asked once per request, with the name of its pRPC method or route. */
  takes(method: string): boolean;
}

export interface WorkerServerOptions {
  readonly host: string;
  readonly enableKick: boolean;
}

/** What the server tells its worker. */
export interface WorkerServerEvents {
  /** The process of a real worker would end now. */
  readonly onExit: (reason: string) => void;
  /** A request ended in an error of the simulation itself. */
  readonly onFailure: (error: unknown) => void;
}

const OCTETS = 'application/octet-stream';
const JSON_TYPE = 'application/json';

/** The HTTP face of one pRuntime. */
export class WorkerServer {
  private readonly disturbed = new WeakMap<ServerResponse, readonly WorkerFault[]>();
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly options: WorkerServerOptions,
    private readonly phactory: Phactory,
    private readonly events: WorkerServerEvents,
    /** Disturbances in force; whoever owns the list may change it at any time. */
    private readonly faults: readonly FaultInForce[] = [],
  ) {}

  /** Listens; rejects with the system's error (EADDRINUSE among them). */
  async listen(port: number): Promise<number> {
    const server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) => this.onError(error, request));
    });
    // A worker takes bodies of 100 MiB over slow links; nothing here is to cut them off.
    server.requestTimeout = 0;
    server.keepAliveTimeout = 75_000;
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, this.options.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.server = server;
    return (server.address() as AddressInfo).port;
  }

  /** Stops listening and drops every connection. */
  async close(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  private onError(error: unknown, request: IncomingMessage): void {
    request.socket.destroy();
    if (error instanceof EnclavePanic) this.events.onExit(error.message);
    else if (!isBrokenConnection(error)) this.events.onFailure(error);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://worker');
    const { pathname } = url;
    const method = pathname.slice(pathname.lastIndexOf('/') + 1);
    const faults = this.faults
      .filter((one) => one.takes(methodOfPath(method) ?? method))
      .map(({ fault }) => fault);
    this.disturbed.set(response, faults);
    for (const fault of faults) {
      if (fault.kind === 'hang') return;
      if (fault.kind === 'late') await delay(fault.delayMs);
    }
    if (pathname === '/kick' && request.method === 'POST' && this.options.enableKick) {
      request.socket.destroy();
      this.events.onExit('kicked');
      return;
    }
    if (pathname === '/get_info') return this.getInfo(request, response);
    const binRoute = /^\/bin_api\/(\w+)$/.exec(pathname)?.[1];
    if (binRoute !== undefined && isBinApiRoute(binRoute) && request.method === 'POST') {
      return this.binApi(request, response, binRoute);
    }
    const prpcPath = /^\/prpc\/([^/]+)$/.exec(pathname)?.[1];
    const byGet = request.method === 'GET' && this.phactory.behaviour.jsonPrpc;
    if (prpcPath !== undefined && (request.method === 'POST' || byGet)) {
      return this.prpc(request, response, prpcPath, url.searchParams.get('json') === 'true');
    }
    await readBody(request, 0);
    this.reply(response, 404, 'text/html; charset=utf-8', NOT_FOUND_PAGE);
  }

  private async getInfo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bytes } = await readBody(request, 1024 * 1024);
    if (request.method === 'POST' && !isContractInput(request, bytes)) {
      return this.reply(response, 404, 'text/html; charset=utf-8', NOT_FOUND_PAGE);
    }
    if (request.method !== 'POST' && request.method !== 'GET') {
      return this.reply(response, 404, 'text/html; charset=utf-8', NOT_FOUND_PAGE);
    }
    this.reply(response, 200, JSON_TYPE, callGetInfo(this.phactory));
  }

  private async binApi(
    request: IncomingMessage,
    response: ServerResponse,
    route: string,
  ): Promise<void> {
    const { behaviour } = this.phactory;
    const { bytes, isWhole } = await readBody(request, behaviour.maxBinApiBodyBytes);
    if (!isWhole && behaviour.bodyAboveLimit === 'refuse') {
      return this.reply(response, 200, JSON_TYPE, binApiTransportError('Entity too large'));
    }
    const refusal = this.refusalOf(response);
    if (refusal !== undefined) {
      const payload = JSON.stringify({ message: refusal });
      const body = JSON.stringify({ payload, signature: null, status: 'error' });
      return this.reply(response, 200, JSON_TYPE, body);
    }
    this.reply(response, 200, JSON_TYPE, callBinApi(this.phactory, route, bytes));
  }

  private async prpc(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    asksJson: boolean,
  ): Promise<void> {
    const { behaviour } = this.phactory;
    const limit = behaviour.maxPrpcBodyBytes(methodOfPath(path) ?? path);
    const { bytes, isWhole } = await readBody(request, limit);
    if (!isWhole && behaviour.bodyAboveLimit === 'refuse') {
      return this.reply(response, 413, OCTETS, 'Entity too large');
    }
    const isJson =
      behaviour.jsonPrpc && (asksJson || request.method === 'GET' || hasJsonBody(request));
    let exits = false;
    const phactory = this.phactory;
    const refusal = this.refusalOf(response);
    const answer =
      refusal !== undefined
        ? rejection(refusal)
        : await callPrpc(phactory, path, bytes, isJson, { stop: () => (exits = true) });
    this.reply(response, answer.status, isJson ? JSON_TYPE : OCTETS, answer.body);
    if (exits) response.once('finish', () => this.events.onExit('stopped'));
  }

  /** Text that this request is refused with, if a fault says so. */
  private refusalOf(response: ServerResponse): string | undefined {
    const fault = this.disturbed.get(response)?.find(({ kind }) => kind === 'reject');
    return fault?.kind === 'reject' ? fault.message : undefined;
  }

  private reply(
    response: ServerResponse,
    status: number,
    type: string,
    body: string | Uint8Array,
  ): void {
    if (this.disturbed.get(response)?.some(({ kind }) => kind === 'dropReply') === true) {
      response.destroy();
      return;
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    response.writeHead(status, { 'content-type': type, 'content-length': bytes.length });
    response.end(bytes);
  }
}

const NOT_FOUND_PAGE = '<!DOCTYPE html><html><body><h1>404: Not Found</h1></body></html>\n';

/** A `PrpcError` with this text: field 1, length-delimited. */
function rejection(message: string): { status: number; body: Uint8Array } {
  const text = Buffer.from(message);
  const length: number[] = [];
  let rest = text.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return { status: 500, body: Buffer.concat([Buffer.from([0x0a, ...length, rest]), text]) };
}

/** Reads a body up to a limit; what is above it is read and dropped, so that an answer can be sent. */
async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isWhole = true;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    const room = maxBytes - length;
    if (chunk.length > room) isWhole = false;
    const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
    if (part.length > 0) chunks.push(part);
    length += part.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, isWhole };
}

function hasJsonBody(request: IncomingMessage): boolean {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim() === JSON_TYPE;
}

/** POST /get_info wants `{"input":{},"nonce":{}}`. */
function isContractInput(request: IncomingMessage, body: Uint8Array): boolean {
  if (!hasJsonBody(request)) return false;
  try {
    const value = JSON.parse(Buffer.from(body).toString('utf8')) as Record<string, unknown>;
    return typeof value['input'] === 'object' && typeof value['nonce'] === 'object';
  } catch {
    return false;
  }
}

function isBrokenConnection(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? '';
  return ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(code);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
