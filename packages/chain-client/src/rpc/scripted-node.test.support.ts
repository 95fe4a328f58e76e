import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** What a scripted node does with a call: answers it, by hand if it likes. */
export type Script = (call: {
  id: number;
  method: string;
  params: unknown[];
  socket: WebSocket;
  reply: (result: unknown) => void;
  fail: (code: number, message: string) => void;
}) => void;

/** A WebSocket server on a port of its own that does with each call what the test wants. */
export class ScriptedNode {
  script: Script;
  connections = 0;
  readonly calls: string[] = [];
  #server: WebSocketServer | undefined;
  #port = 0;

  constructor(script: Script) {
    this.script = script;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Listens; again on the same port when it was stopped. */
  async start(): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.#port });
    this.#server = server;
    await new Promise<void>((resolve) => server.once('listening', resolve));
    this.#port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.connections += 1;
      socket.on('message', (data: Buffer) => {
        const { id, method, params } = JSON.parse(data.toString('utf8')) as {
          id: number;
          method: string;
          params: unknown[];
        };
        this.calls.push(method);
        const send = (body: object) => socket.send(JSON.stringify({ jsonrpc: '2.0', ...body }));
        this.script({
          id,
          method,
          params,
          socket,
          reply: (result) => send({ id, result }),
          fail: (code, message) => send({ id, error: { code, message } }),
        });
      });
    });
  }

  /** Tells a subscriber something. */
  notify(subscription: unknown, result: unknown): void {
    const text = JSON.stringify({
      jsonrpc: '2.0',
      method: 'any',
      params: { subscription, result },
    });
    for (const socket of this.#server?.clients ?? []) socket.send(text);
  }

  dropAll(): void {
    for (const socket of this.#server?.clients ?? []) socket.terminate();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    for (const socket of server.clients) socket.terminate();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
