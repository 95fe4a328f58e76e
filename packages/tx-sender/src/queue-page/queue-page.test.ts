import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics, type Facts } from '@runtime-bridge/base';
import { EmbeddedQueue } from '@runtime-bridge/tx-queue';
import { afterEach, describe, expect, it } from 'vitest';
import { startJob } from '../rig.test.kit.js';
import { listPage } from './list-page.js';
import { PageServer } from './page-server.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'queue-page-'));
  closing.push(() => rm(path, { recursive: true }));
  return path;
}

async function served(options: { token?: string; tokenFile?: string } = { token: 'secret' }) {
  const server = new PageServer(
    { port: 0, tokenFile: '/nowhere/token', ...options },
    { open: () => ({ handle: (_request, response) => response.end('the page') }), logger },
  );
  await server.start();
  closing.push(() => server.stop());
  return server;
}

const lines: { message: string; facts: Facts | undefined; error: unknown }[] = [];
const logger = {
  ...silentLogger,
  warn: (message: string, facts?: Facts, error?: unknown) => lines.push({ message, facts, error }),
};

/** Asks as it is told, with any Host header. */
async function ask(
  server: PageServer,
  options: { path?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  const asked = httpRequest({
    host: '127.0.0.1',
    port: server.port,
    agent: false,
    path: '/',
    ...options,
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

describe('the queue page', () => {
  it('is for those who have the token', async () => {
    const server = await served();
    expect((await ask(server)).status).toBe(401);
    const basic = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
    for (const [authorization, status] of [
      ['Bearer secret', 200],
      ['bearer secret', 200],
      ['Bearer secret2', 401],
      ['Bearer ', 401],
      [basic('secret'), 200],
      [basic('wrong'), 401],
      ['secret', 401],
    ] as const) {
      expect((await ask(server, { headers: { authorization } })).status).toBe(status);
    }
  });

  it('takes the token once in its address and gives a cookie for it', async () => {
    const server = await served();
    const first = await ask(server, { path: '//a/b?x=1&token=secret' });
    expect(first).toMatchObject({ status: 303, headers: { location: '/b?x=1' } });
    const [cookie] = first.headers['set-cookie']!;
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    expect(cookie).not.toContain('secret');
    const own = cookie!.split(';')[0]!;
    expect((await ask(server, { headers: { cookie: `a=b; ${own}` } })).text).toBe('the page');
    expect((await ask(server, { headers: { cookie: `${own}0` } })).status).toBe(401);
    expect((await ask(server, { path: '/?token=wrong' })).status).toBe(401);
  });

  it('is for this host alone, and for reading', async () => {
    const server = await served();
    const authorization = 'Bearer secret';
    const with_ = (host: string) => ask(server, { headers: { authorization, host } });
    expect((await with_('evil.example')).status).toBe(403);
    expect((await with_('localhost:4567')).status).toBe(200);
    expect((await with_('[::1]:4567')).status).toBe(200);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      expect((await ask(server, { method, headers: { authorization } })).status).toBe(405);
    }
  });

  it('makes a token that only its owner can read, and keeps it', async () => {
    const tokenFile = join(await folder(), 'deep', 'token');
    const server = await served({ tokenFile });
    const token = (await readFile(tokenFile, 'utf8')).trim();
    expect(token.length).toBeGreaterThanOrEqual(32);
    expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
    const again = await served({ tokenFile });
    for (const one of [server, again]) {
      expect((await ask(one, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    }
  });

  it('does not stand in the way of the trader when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    closing.push(async () => other.close());
    const { port } = other.address() as { port: number };
    const server = new PageServer(
      { port, token: 'x', tokenFile: '' },
      { open: () => ({ handle: () => {} }), logger },
    );
    await server.start();
    expect(server.port).toBeUndefined();
    expect(lines.at(-1)).toMatchObject({ facts: { port }, error: { code: 'QUEUE_PAGE_PORT' } });
    await server.stop();
  });
});

describe('the list of an embedded queue', () => {
  it('shows its jobs, without their keys, as page and as data', async () => {
    const queue = new EmbeddedQueue({}, { logger: silentLogger, metrics: silentMetrics });
    closing.push(() => queue.stop());
    for (const index of [1, 2]) queue.submit(startJob(index)).catch(() => {});
    const evil = { ...startJob(3), id: `START_COMPUTING:<script>:1` };
    queue.submit(evil).catch(() => {});
    const page = listPage(async () => ({ ...(await queue.counts()), jobs: queue.list(10) }));
    const server = new PageServer(
      { port: 0, token: 't', tokenFile: '' },
      { open: () => page, logger },
    );
    await server.start();
    closing.push(() => server.stop());
    const get = (path: string) => ask(server, { path, headers: { authorization: 'Bearer t' } });
    const html = (await get('/')).text;
    expect(html).toContain('3 waiting, 0 active');
    expect(html).toContain(startJob(2).id);
    expect(html).not.toContain('<script>');
    expect(html).toContain('&#60;script&#62;');
    const data: unknown = JSON.parse((await get('/jobs.json')).text);
    expect(data).toMatchObject({
      waiting: 3,
      jobs: [{ id: startJob(1).id, pool: '1', state: 'waiting' }, {}, {}],
    });
    expect(JSON.stringify(data) + html).not.toContain(startJob(1).operator.sealed);
    expect((await get('/other')).status).toBe(404);
  });
});
