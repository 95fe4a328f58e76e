import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { INJECTIONS, type InjectionKind } from './injections.js';
import { SYNC_FORMS } from './sync-body.js';

/** A change that was made on the way, and what the worker said to it. */
export interface InjectionRecord {
  readonly kind: InjectionKind;
  readonly path: string;
  readonly status: number;
  /** The worker's answer as text; bytes of a protobuf error show their message. */
  readonly answer: string;
}

export interface InjectorOptions {
  /** The worker's `http://…`. */
  readonly target: string;
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
}

/** Bodies of a worker are at most 100 MiB. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;
const MAX_RECORDS = 200;

/**
 * Stands between a bridge and one worker. Passes everything on as it is; while told to inject, changes
 * one thing in every sync body that has it.
 */
export class Injector {
  private kind: InjectionKind | undefined;
  private readonly records: InjectionRecord[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly agent = new Agent({ keepAlive: true });

  private constructor(
    private readonly target: URL,
    private readonly server: Server,
  ) {
    server.requestTimeout = 0;
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      this.handle(incoming, response).catch(() => incoming.socket.destroy());
    });
  }

  /** Listens. */
  static async start(options: InjectorOptions): Promise<Injector> {
    const injector = new Injector(new URL(options.target), createServer());
    await new Promise<void>((resolve, reject) => {
      injector.server.once('error', reject);
      injector.server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return injector;
  }

  /** What a bridge is to take for the worker. */
  get url(): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** Changes this one thing from now on. */
  inject(injection: { readonly kind: InjectionKind }): void {
    this.kind = injection.kind;
  }

  /** Passes everything on unchanged from now on. */
  clear(): void {
    this.kind = undefined;
  }

  /** Changes made since the start, oldest first, at most the last 200. */
  get injected(): readonly InjectionRecord[] {
    return this.records;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.agent.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = incoming.url ?? '/';
    const original = await readAll(incoming, MAX_BODY_BYTES);
    const { kind } = this;
    const body = kind === undefined ? undefined : changedBody(path, original, kind);
    const answer = await this.forward(incoming, body ?? original);
    if (kind !== undefined && body !== undefined) {
      this.records.push({ kind, path, status: answer.status, answer: printable(answer.body) });
      if (this.records.length > MAX_RECORDS) this.records.shift();
    }
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }

  private async forward(
    incoming: IncomingMessage,
    body: Uint8Array,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Uint8Array }> {
    const { host: _host, connection: _connection, ...headers } = incoming.headers;
    delete headers['transfer-encoding'];
    const outgoing = request(new URL(incoming.url ?? '/', this.target), {
      method: incoming.method ?? 'GET',
      headers: { ...headers, 'content-length': body.length },
      agent: this.agent,
    });
    // A bridge that gives up ends the call to the worker too.
    const giveUp = (): void => void outgoing.destroy();
    incoming.socket.once('close', giveUp);
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.once('response', resolve);
        outgoing.once('error', reject);
        outgoing.end(body);
      });
      const bytes = await readAll(answer, MAX_BODY_BYTES);
      const { connection: _, 'transfer-encoding': __, 'keep-alive': ___, ...kept } = answer.headers;
      const status = answer.statusCode ?? 502;
      return { status, headers: { ...kept, 'content-length': `${bytes.length}` }, body: bytes };
    } finally {
      incoming.socket.off('close', giveUp);
    }
  }
}

/** The body with one thing changed; undefined when it does not have that thing. */
export function changedBody(
  path: string,
  body: Uint8Array,
  kind: InjectionKind,
): Uint8Array | undefined {
  const form = SYNC_FORMS.get(path.split('?')[0] ?? path);
  if (form === undefined) return undefined;
  const parts = form.parse(body);
  return INJECTIONS[kind](parts) ? form.compose(parts) : undefined;
}

async function readAll(stream: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new RangeError(`a body above ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function printable(body: Uint8Array): string {
  return Buffer.from(body)
    .toString('utf8')
    .replace(/[^\x20-\x7e]/g, '');
}
