import { WebSocket } from 'ws';

/** Calls a node's methods over one WebSocket. */
export class RpcCaller {
  private readonly waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  private nextId = 1;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.receive(data.toString('utf8')));
    socket.on('close', () => this.end(new Error('the node has closed the connection')));
    socket.on('error', (error) => this.end(error));
  }

  /** @throws Error when the node cannot be reached */
  static async open(url: string): Promise<RpcCaller> {
    const socket = new WebSocket(url, { maxPayload: 1024 * 1024 * 1024 });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return new RpcCaller(socket);
  }

  /** @throws Error with the node's code and text */
  call<T>(method: string, params: readonly unknown[]): Promise<T> {
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  close(): void {
    this.socket.close();
  }

  private receive(text: string): void {
    const { id, result, error } = JSON.parse(text) as {
      id?: number;
      result?: unknown;
      error?: { code: number; message: string };
    };
    const waiting = this.waiting.get(id ?? -1);
    if (waiting === undefined) return;
    this.waiting.delete(id ?? -1);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new Error(`${error.code} ${error.message}`));
  }

  private end(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
