import { WebSocket, WebSocketServer, type RawData } from 'ws';
import type { AddressInfo } from 'node:net';
import { HANG, RpcRefusal, type Exchange, type Lie } from './lie.js';

export interface LyingNodeOptions {
  /** The honest node's `ws://…`. */
  target: string;
  /** Methods that this node does not have. */
  lacks?: readonly string[];
  /** What it lies about from the start. */
  lie?: Lie | undefined;
}

interface Message {
  id?: number | string;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: unknown;
}

const METHOD_NOT_FOUND = { code: -32601, message: 'Method not found' };

/** Largest message: a dev network's genesis state is some 100 KiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * A node as a bridge sees it: passes calls and subscriptions on to an honest one, and while told to lie falsifies the
 * answers of one kind. It knows nothing of the bridge's own code.
 */
export class LyingNode {
  /** Answers falsified since the start. */
  told = 0;
  private lie: Lie | undefined;
  private readonly sockets = new Set<WebSocket>();

  private constructor(
    private readonly options: LyingNodeOptions,
    private readonly server: WebSocketServer,
  ) {
    this.lie = options.lie;
    server.on('connection', (client) => this.serve(client));
  }

  /** Listens on a free port. */
  static async start(options: LyingNodeOptions): Promise<LyingNode> {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      maxPayload: MAX_MESSAGE_BYTES,
    });
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    return new LyingNode(options, server);
  }

  /** What a bridge is to take for the node. */
  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Lies about this one thing from now on. */
  begin(lie: Lie): void {
    this.lie = lie;
  }

  /** Tells the truth from now on. */
  end(): void {
    this.lie = undefined;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(client: WebSocket): void {
    const node = new WebSocket(this.options.target, { maxPayload: MAX_MESSAGE_BYTES });
    const calls = new Map<number | string, Exchange>();
    const waiting: string[] = [];
    // Answers keep their order, so that nothing reaches the client before the id of its subscription.
    let answers = Promise.resolve();
    const send = (socket: WebSocket, message: Message) => {
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
      }
    };
    for (const [socket, other] of [
      [client, node],
      [node, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.terminate();
      });
    }
    node.on('open', () => {
      for (const text of waiting.splice(0)) node.send(text);
    });
    client.on('message', (data) => {
      const message = parse(data);
      const { id, method, params } = message;
      if (id === undefined || method === undefined) return;
      if (this.options.lacks?.includes(method)) {
        send(client, { id, error: METHOD_NOT_FOUND });
        return;
      }
      calls.set(id, { method, params: Array.isArray(params) ? params : [] });
      const text = JSON.stringify({ jsonrpc: '2.0', ...message });
      if (node.readyState === WebSocket.OPEN) node.send(text);
      else waiting.push(text);
    });
    node.on('message', (data) => {
      const message = parse(data);
      answers = answers.then(async () => {
        const falsified = await this.falsified(message, calls);
        if (falsified) send(client, falsified);
      });
    });
  }

  /** What the client gets instead of a message; undefined when it gets nothing. */
  private async falsified(
    message: Message,
    calls: Map<number | string, Exchange>,
  ): Promise<Message | undefined> {
    const { lie } = this;
    const { id, method, params } = message;
    const call = id === undefined ? undefined : calls.get(id);
    if (id !== undefined) calls.delete(id);
    if (lie === undefined || message.error !== undefined) return message;
    if (call) {
      const result = await this.ask(lie, call, message.result);
      if (result instanceof RpcRefusal) return { id: id!, error: result.toJSON() };
      return result === HANG ? undefined : { ...message, result };
    }
    if (method === undefined || typeof params !== 'object' || params === null) return message;
    const { result: item, ...rest } = params as { result?: unknown };
    const result = await this.ask(lie, { method, params: [] }, item);
    return result === HANG ? undefined : { ...message, params: { ...rest, result } };
  }

  private async ask(lie: Lie, exchange: Exchange, answer: unknown): Promise<unknown> {
    const falsified = await lie(exchange, answer);
    if (falsified !== answer) this.told += 1;
    return falsified;
  }
}

function parse(data: RawData): Message {
  return JSON.parse((data as Buffer).toString('utf8')) as Message;
}
