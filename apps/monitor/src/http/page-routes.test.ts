import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { WalkieError, WorkerStatus } from '@runtime-bridge/walkie-protocol';
import { describe, expect, it } from 'vitest';
import { useMonitor } from '../monitor.test.support.js';

const rig = useMonitor();
const { http } = rig;

describe('the plain page', () => {
  it('shows providers, managers, pools and workers, trouble first, texts escaped', async () => {
    rig.provider.handle('GetDataProviderInfo', () => ({
      status: 2,
      parentTarget: 2000,
      parentProcessedHeight: 1999,
      paraTarget: 1000,
      paraProcessedHeight: 1000,
      paraFetchedHeight: 1000,
    }));
    rig.manager.handle('ListPool', () => ({
      pools: [{ uuid: 'p', pid: 7n, name: 'pool <7>', enabled: true }],
    }));
    const workers = ['ok', 'broken', 'off'].map((name) => ({
      uuid: name,
      name,
      pid: 7n,
      enabled: true,
    }));
    rig.manager.handle('ListWorker', () => ({ workers }));
    rig.manager.handle('GetWorkerStatus', () => ({
      workerStates: [
        { worker: workers[0]!, status: WorkerStatus.S_ACTIVE, paraBlockDispatchedTo: 990 },
        {
          worker: workers[1]!,
          status: WorkerStatus.S_ERROR,
          lastMessage: '<script>alert(1)</script>',
          paraBlockDispatchedTo: -1,
        },
      ],
    }));
    await rig.restart({});
    const { status, text, headers } = await http('GET', '/plain');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(text).not.toContain('<script>alert');
    expect(text).toContain('&#60;script&#62;alert(1)');
    expect(text).toContain('pool &#60;7&#62;');
    expect(text).toContain('at the head');
    const at = (needle: string) => text.indexOf(needle);
    expect(at('>broken<')).toBeGreaterThan(0);
    expect(at('>broken<')).toBeLessThan(at('>off<'));
    expect(at('>off<')).toBeLessThan(at('>ok<'));
    expect(text).toMatch(/990<\/td>\s*<td class="number">10<\/td>/);
    const found = (await http('GET', '/plain/fleet?state=S_ACTIVE&q=OK')).text;
    expect(found).toContain('1 of 3');
    expect(found).not.toContain('>broken<');
  });

  it('says that a peer does not answer, and shows the others', async () => {
    rig.provider.handle('GetDataProviderInfo', () => {
      throw new WalkieError('SERVER', 'out of order');
    });
    rig.manager.handle('ListPool', () => ({}));
    await rig.restart({});
    const { text } = await http('GET', '/plain');
    expect(text).toContain('QmProvider does not answer: SERVER: out of order');
    expect(text).toContain('QmManager does not answer: NOT_FOUND');
  });

  it('serves its files, and nothing beside them', async () => {
    expect((await http('GET', '/plain/assets/plain.css')).headers['content-type']).toMatch(/css/);
    expect((await http('GET', '/plain/assets/plain.js')).status).toBe(200);
    for (const path of [
      '/plain/assets/../package.json',
      '/plain/assets/%2e%2e/package.json',
      '/nothing',
    ]) {
      expect((await http('GET', path)).status).toBeGreaterThanOrEqual(400);
    }
  });

  it('drops nonsense on its port', async () => {
    const socket = connect(rig.monitor.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.end('nonsense\r\n\r\n');
    await once(socket, 'close');
    expect((await http('GET', '/ptp/discover')).status).toBe(200);
  });
});

describe('the dashboard', () => {
  const page = '<style nonce="__CSP_NONCE__"></style><meta content="__CSP_NONCE__">';
  const build = async () => {
    const web = join(rig.folder, 'web');
    await mkdir(join(web, 'assets'), { recursive: true });
    await writeFile(join(web, 'index.html'), page);
    await writeFile(join(web, 'icon.svg'), '<svg/>');
    await writeFile(join(web, 'assets', 'main-abc.js'), 'x');
    await rig.restart({});
  };
  const html = { accept: 'text/html,*/*' };

  it('is said to be missing where it has not been built', async () => {
    const { status, headers } = await http('GET', '/');
    expect(status).toBe(302);
    expect(headers['location']).toBe('/plain');
    expect((await http('GET', '/plain')).text).toContain('has not been built');
  });

  it('is one page at all of its addresses, with a nonce of its own each time', async () => {
    await build();
    const nonces = new Set<string>();
    for (const path of ['/', '/workers?state=S_ERROR', '/workers/QmManager/u']) {
      const { status, text, headers } = await http('GET', path, { headers: html });
      expect(status).toBe(200);
      expect(headers['cache-control']).toBe('no-store');
      const [, nonce] = /content="([^"]+)"/.exec(text)!;
      expect(nonce).toMatch(/^[\w+/]{22}==$/);
      expect(text).not.toContain('__CSP_NONCE__');
      expect(headers['content-security-policy']).toContain(`style-src 'self' 'nonce-${nonce}'`);
      expect(headers['content-security-policy']).toContain("script-src 'self';");
      nonces.add(nonce!);
    }
    expect(nonces.size).toBe(3);
  });

  it('has its files kept by browsers when their names tell what is in them', async () => {
    await build();
    const hashed = await http('GET', '/assets/main-abc.js');
    expect(hashed.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(hashed.headers['x-content-type-options']).toBe('nosniff');
    expect((await http('GET', '/icon.svg')).headers['cache-control']).toBe('no-cache');
  });

  it.each(['/assets/gone.js', '/api/nothing', '/ptp/nothing'])(
    'is not what is at %s',
    async (path) => {
      await build();
      const { status, text } = await http('GET', path, { headers: html });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text).not.toContain('<style');
    },
  );

  it('is not given for what is no page', async () => {
    await build();
    const { status, json } = await http('GET', '/workers', { headers: { accept: '*/*' } });
    expect(status).toBe(404);
    expect(json.error).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('health', () => {
  it('is told on the same port, with metrics', async () => {
    expect((await http('GET', '/healthz')).json).toEqual({ alive: true });
    const ready = await http('GET', '/readyz');
    expect(ready.status).toBe(200);
    expect(ready.json).toMatchObject({ ready: true, parts: { monitor: { ready: true } } });
    const { text, headers } = await http('GET', '/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toContain('runtime_bridge_monitor_stream_clients_count');
  });

  it('needs a login for metrics only', async () => {
    await rig.restart({ settings: { token: 'secret-token' } });
    expect((await http('GET', '/healthz')).status).toBe(200);
    expect((await http('GET', '/readyz')).status).toBe(200);
    expect((await http('GET', '/metrics')).status).toBe(401);
    const headers = { authorization: 'Bearer secret-token' };
    expect((await http('GET', '/metrics', { headers })).status).toBe(200);
  });
});
