import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHmac } from 'node:crypto';

/** A notice as the endpoint got it. */
export interface ReceivedNotice {
  event: string;
  delivery: string;
  /** The signature is right, as reckoned here. */
  isSigned: boolean;
  body: { id: string; event: string; at: string; data: Record<string, unknown> };
}

/** An endpoint that checks signatures by itself, and may misbehave. */
export async function startReceiver(secret: string, nowMs: () => number) {
  const received: ReceivedNotice[] = [];
  const receiver = {
    received,
    /** Answers instead of taking the notice. */
    misbehave: undefined as undefined | ((response: ServerResponse) => void),
    tries: 0,
    url: '',
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const take = (request: IncomingMessage, text: string): ReceivedNotice => {
    const header = (name: string) => String(request.headers[`x-runtime-bridge-${name}`] ?? '');
    const right = createHmac('sha256', secret)
      .update(`${header('timestamp')}.${text}`)
      .digest('hex');
    const age = Math.abs(nowMs() / 1000 - Number(header('timestamp')));
    return {
      event: header('event'),
      delivery: header('delivery'),
      isSigned: header('signature') === `v1=${right}` && age < 600,
      body: JSON.parse(text) as ReceivedNotice['body'],
    };
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => (text += String(part)));
    request.on('end', () => {
      receiver.tries += 1;
      if (receiver.misbehave) {
        receiver.misbehave(response);
        return;
      }
      received.push(take(request, text));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return receiver;
}
