import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A call of a bridge to a worker that did not go well. */
export interface FailedCall {
  at: string;
  path: string;
  /** HTTP status, or what broke. */
  how: string;
}

/** Stands between a bridge and one worker, passes everything on, and notes which calls fail. */
export class WorkerTap {
  readonly failed: FailedCall[] = [];
  /** Calls that went well. */
  served = 0;
  readonly #target: URL;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sockets = new Set<Socket>();

  private constructor(target: URL, server: Server) {
    this.#target = target;
    this.#server = server;
    server.requestTimeout = 0;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(target: string): Promise<WorkerTap> {
    const server = createServer();
    const tap = new WorkerTap(new URL(target), server);
    server.on('request', (incoming: IncomingMessage, response) => {
      const path = incoming.url ?? '/';
      const outgoing = request(
        new URL(path, tap.#target),
        { method: incoming.method ?? 'GET', headers: incoming.headers, agent: tap.#agent },
        (answer) => {
          const status = answer.statusCode ?? 0;
          if (status === 200) tap.served += 1;
          else tap.#note(path, `HTTP ${status}`);
          response.writeHead(status, answer.headers);
          answer.pipe(response);
        },
      );
      outgoing.on('error', (error) => {
        tap.#note(path, error.message);
        response.destroy();
      });
      // A bridge that gives up before it has its answer: that failed too.
      response.on('close', () => {
        if (!response.writableFinished) tap.#note(path, 'broken off');
        outgoing.destroy();
      });
      incoming.pipe(outgoing);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return tap;
  }

  /** What a bridge is to take for the worker. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #note(path: string, how: string): void {
    this.failed.push({ at: new Date().toISOString(), path, how });
  }
}
