import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Log } from '../log.js';
import {
  RpcConnection,
  type ConnectionSink,
  type NotificationIntercept,
  type RpcIntercept,
} from './connection.js';
import { listenFrom } from './listen.js';
import type { MethodTable } from './node.js';

/** Limits and place of an RPC server. */
export interface RpcServerOptions {
  host: string;
  /** 0: any; a busy one: the next free. */
  port: number;
  maxRequestBytes: number;
  maxConnections: number;
  maxSubscriptionsPerConnection: number;
  /** A client that lets more than this pile up is cut off. */
  maxUnsentBytes: number;
}

/** Limits as a Substrate node's, but for the outgoing pile, which is ours. */
export const DEFAULT_RPC_LIMITS = {
  maxRequestBytes: 15 * 1024 * 1024,
  maxConnections: 1000,
  maxSubscriptionsPerConnection: 1024,
  maxUnsentBytes: 512 * 1024 * 1024,
} as const;

const MAX_BATCH = 10_000;

/** JSON-RPC over WebSocket and HTTP POST on one port, as a Substrate node serves it. */
export class RpcServer {
  private readonly http = createServer((request, response) => this.onHttp(request, response));
  private readonly sockets: WebSocketServer;
  private connectionCount = 0;
  private boundPort = 0;

  constructor(
    private readonly options: RpcServerOptions,
    private readonly deps: {
      table: MethodTable;
      log: Log;
      intercept?: RpcIntercept;
      onNotification?: NotificationIntercept;
    },
  ) {
    this.sockets = new WebSocketServer({
      server: this.http,
      maxPayload: options.maxRequestBytes,
      perMessageDeflate: false,
    });
    this.sockets.on('connection', (socket) => this.onSocket(socket));
    // Errors of the HTTP server arrive here too; `start` reports those of listening.
    this.sockets.on('error', () => undefined);
  }

  /** Port in use; 0 before `start`. */
  get port(): number {
    return this.boundPort;
  }

  /** WebSocket address. */
  get url(): string {
    return `ws://${this.options.host}:${this.boundPort}`;
  }

  async start(): Promise<void> {
    this.boundPort = await listenFrom(this.http, this.options.host, this.options.port);
  }

  /** Closes every connection and the port. */
  async stop(): Promise<void> {
    for (const socket of this.sockets.clients) socket.terminate();
    this.sockets.close();
    this.http.closeAllConnections();
    await new Promise<void>((resolve) => this.http.close(() => resolve()));
  }

  /** Breaks every connection; the port stays open. */
  dropConnections(): void {
    for (const socket of this.sockets.clients) socket.terminate();
  }

  private connection(sink: ConnectionSink): RpcConnection {
    const { table, log, intercept, onNotification } = this.deps;
    this.connectionCount += 1;
    return new RpcConnection(
      { maxSubscriptions: this.options.maxSubscriptionsPerConnection, maxBatch: MAX_BATCH },
      {
        table,
        sink,
        ...(onNotification && { onNotification }),
        intercept: intercept ?? ((_call, next) => next()),
        onInternalError: (method, error) =>
          log('RPC method failed', { method, error: String(error) }),
        idPrefix: `${this.connectionCount.toString(36)}x`,
      },
    );
  }

  private onSocket(socket: WebSocket): void {
    const { log } = this.deps;
    if (this.sockets.clients.size > this.options.maxConnections) {
      socket.close(1013, 'too many connections');
      return;
    }
    const send = (message: string) => {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > this.options.maxUnsentBytes) {
        log('RPC client does not read: cut off', { unsentBytes: socket.bufferedAmount });
        socket.terminate();
        return;
      }
      socket.send(message);
    };
    const connection = this.connection({ notify: send, drop: () => socket.terminate() });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => connection.close());
    socket.on('message', (data) => {
      const text = Buffer.isBuffer(data)
        ? data.toString('utf8')
        : Buffer.from(data as ArrayBuffer).toString('utf8');
      connection.receive(text).then(
        (reply) => {
          if (reply === undefined) return;
          send(reply.answer);
          reply.afterSent();
        },
        (error: unknown) => {
          log('RPC connection failed', { error: String(error) });
          socket.terminate();
        },
      );
    });
  }

  private onHttp(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('access-control-allow-origin', '*');
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-headers', 'content-type');
      response.writeHead(204).end();
      return;
    }
    if (request.method === 'GET' && request.url === '/health') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"peers":0,"isSyncing":false,"shouldHavePeers":false}');
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'POST' }).end();
      return;
    }
    const parts: Buffer[] = [];
    let size = 0;
    request.on('error', () => response.destroy());
    request.on('data', (part: Buffer) => {
      size += part.length;
      if (size > this.options.maxRequestBytes) {
        response.writeHead(413).end();
        request.destroy();
        return;
      }
      parts.push(part);
    });
    request.on('end', () => {
      this.connection({ drop: () => response.destroy() })
        .receive(Buffer.concat(parts).toString('utf8'))
        .then(
          (reply) => {
            response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
            response.end(reply?.answer ?? '');
          },
          () => response.destroy(),
        );
    });
  }
}
