import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { FaultRequestError, faultFromJson, type FaultBook } from '../faults/index.js';
import { listenFrom } from '../rpc/listen.js';

/** A command that the control port knows besides faults: `POST /<name>` with a JSON object. */
export interface ControlCommand {
  readonly description: string;
  /** @throws FaultRequestError for bad parameters */
  run(parameters: Readonly<Record<string, unknown>>): Promise<unknown>;
}

const MAX_BODY_BYTES = 64 * 1024;

/** The control port of a process of the dev network: JSON over HTTP. */
export class ControlServer {
  private readonly http = createServer((request, response) => {
    this.answer(request, response).catch((error: unknown) => {
      const isRequestError = error instanceof FaultRequestError || error instanceof SyntaxError;
      reply(response, isRequestError ? 400 : 500, {
        error: error instanceof Error ? error.message : String(error),
      });
    });
  });
  private boundPort = 0;

  constructor(
    private readonly options: { host: string; port: number },
    private readonly deps: {
      faults: FaultBook;
      commands: Readonly<Record<string, ControlCommand>>;
    },
  ) {}

  get url(): string {
    return `http://${this.options.host}:${this.boundPort}`;
  }

  async start(): Promise<void> {
    this.boundPort = await listenFrom(this.http, this.options.host, this.options.port);
  }

  async stop(): Promise<void> {
    this.http.closeAllConnections();
    await new Promise<void>((resolve) => this.http.close(() => resolve()));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults, commands } = this.deps;
    const { pathname } = new URL(request.url ?? '/', 'http://control');
    const [, first = '', second] = pathname.split('/');
    if (first === '' && request.method === 'GET') {
      const described = Object.entries(commands).map(([name, { description }]) => [
        `POST /${name}`,
        description,
      ]);
      return reply(response, 200, {
        'GET /faults': 'faults in force',
        'POST /faults': 'puts one in force: {"target": …, "kind": …, parameters}',
        'DELETE /faults': 'ends all; /faults/<id>: one',
        ...(Object.fromEntries(described) as object),
      });
    }
    if (first === 'faults') {
      if (request.method === 'GET') return reply(response, 200, faults.list());
      if (request.method === 'POST') {
        return reply(response, 200, faults.add(faultFromJson(await readJson(request))));
      }
      if (request.method === 'DELETE') {
        if (second === undefined) faults.clear();
        else if (!faults.remove(Number(second))) return reply(response, 404, { error: 'no fault' });
        return reply(response, 200, faults.list());
      }
    }
    const command = Object.hasOwn(commands, first) ? commands[first] : undefined;
    if (command === undefined || request.method !== 'POST') {
      return reply(response, 404, { error: `nothing at ${request.method ?? ''} ${pathname}` });
    }
    const parameters = await readJson(request);
    if (typeof parameters !== 'object' || parameters === null) {
      throw new FaultRequestError('an object is expected');
    }
    reply(response, 200, (await command.run(parameters as Record<string, unknown>)) ?? {});
  }
}

/**
 * A whole number among a command's parameters.
 *
 * @throws FaultRequestError when it is none, or not from `min` to `max`
 */
export function integerOf(
  parameters: Readonly<Record<string, unknown>>,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const value = parameters[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new FaultRequestError(`${name} is a whole number from ${min} to ${max}`);
  }
  return value;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BODY_BYTES) throw new FaultRequestError('the body is too large');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  return text === '' ? {} : (JSON.parse(text) as unknown);
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
