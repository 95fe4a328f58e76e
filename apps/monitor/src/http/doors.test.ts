import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashPassword, parseAccount } from '../access/accounts.js';
import type { AuditPage } from '../api/index.js';
import { useMonitor, type Answer } from '../monitor.test.support.js';

const TOKEN = 'operator-token-of-this-test';
const VIEWER = 'viewer-token-of-this-test';
const PASSWORD = 'correct horse battery';
const hash = await hashPassword(PASSWORD);
const users = [parseAccount(`ann:operator:${hash}`), parseAccount(`vic:viewer:${hash}`)];

const rig = useMonitor({ settings: { token: TOKEN, viewerToken: VIEWER, users } });
const { http } = rig;
/** A monitor that asks nobody for anything. */
const open = () => rig.restart({ settings: {} });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (text: string) => ({
  authorization: `Basic ${Buffer.from(text).toString('base64')}`,
});
const codeOf = ({ json }: Answer) => (json.error as unknown as { code: string } | undefined)?.code;
const cookieOf = ({ headers }: Answer) => headers['set-cookie']?.[0] ?? '';
const login = async (body: object, headers: Record<string, string> = {}) =>
  http('POST', '/api/session', { json: body, headers });
const audit = async (): Promise<AuditPage['entries']> =>
  ((await http('GET', '/api/audit', { headers: bearer(TOKEN) })).json as unknown as AuditPage)
    .entries;

/** Every door with what it leads to: all of the API, the proxy, the plain page and the metrics. */
const READING = [
  '/api/fleet',
  '/api/events',
  '/api/workers/QmManager/u',
  '/api/workers/QmManager/u/events',
  '/api/workers/QmManager/u/heights',
  '/api/transactions',
  '/api/actions/x',
  '/api/managers/QmManager/inventory',
  '/api/managers/QmManager/alerts',
  '/api/alerts',
  '/api/audit',
  '/api/settings',
  '/api/glossary',
  '/ptp/discover',
  '/ptp/proxy/QmManager/ListPool',
  '/plain',
  '/plain/fleet',
  '/metrics',
];
const POOL = { pid: '1', name: 'p', enabled: true, syncOnly: false, proxiedAccount: '' };
const WORKER = {
  pid: '1',
  name: 'w',
  endpoint: 'http://10.0.0.1:8000',
  stake: '1000000000000',
  enabled: true,
  syncOnly: false,
};
const CHANGING: [string, string, object | undefined][] = [
  ['POST', '/api/actions', { kind: 'restart', targets: [{ manager: 'QmManager', uuid: 'u' }] }],
  ['DELETE', '/api/actions/x', undefined],
  ['POST', '/api/managers/QmManager/pools', POOL],
  ['PUT', '/api/managers/QmManager/pools/u', POOL],
  ['DELETE', '/api/managers/QmManager/pools/u', undefined],
  ['POST', '/api/managers/QmManager/workers', { workers: [WORKER] }],
  ['PUT', '/api/managers/QmManager/workers/u', WORKER],
  ['DELETE', '/api/managers/QmManager/workers/u', undefined],
  [
    'POST',
    '/api/managers/QmManager/inventory',
    { format: 'json', text: '{}', prune: false, dryRun: false },
  ],
  ['POST', '/api/managers/QmManager/webhook-test', undefined],
  ['POST', '/api/alerts/x/silence', { untilMs: null }],
  ['POST', '/ptp/proxy/QmManager/KickWorker', { ids: ['u'] }],
  ['POST', '/ptp/proxy/QmManager/CreatePool', { pools: [] }],
];
/** Notes every change that gets to the manager. */
const countChanges = () => {
  let count = 0;
  for (const method of [
    'CreatePool',
    'UpdatePool',
    'CreateWorker',
    'UpdateWorker',
    'RestartWorker',
    'KickWorker',
    'ImportInventory',
    'TestWebhook',
  ] as const) {
    rig.manager.handle(method, () => {
      count += 1;
      return {};
    });
  }
  return () => count;
};

describe('without a login', () => {
  it.each(READING)('%s tells nobody anything', async (path) => {
    for (const headers of [{}, bearer('wrong'), basic('ann:wrong'), { cookie: 'x=y' }]) {
      const { status, text } = await http('GET', path, { headers });
      expect(status).toBe(401);
      expect(text).not.toContain('QmManager');
    }
  });

  it.each(CHANGING)('%s %s changes nothing', async (method, path, json) => {
    const changes = countChanges();
    expect((await http(method, path, json === undefined ? {} : { json })).status).toBe(401);
    expect(changes()).toBe(0);
  });

  it('says what it takes to log in, and only that', async () => {
    const { status, json } = await http('GET', '/api/session');
    expect(status).toBe(200);
    expect(json).toMatchObject({ loginNeeded: true, ways: ['token', 'password'], user: null });
  });
});

describe('a viewer', () => {
  it('sees everything but the audit log', async () => {
    for (const path of ['/api/fleet', '/api/settings', '/ptp/discover', '/plain', '/metrics']) {
      for (const headers of [bearer(VIEWER), basic(`vic:${PASSWORD}`), basic(`any:${VIEWER}`)]) {
        expect((await http('GET', path, { headers })).status).toBe(200);
      }
    }
    expect((await http('GET', '/api/audit', { headers: bearer(VIEWER) })).status).toBe(403);
  });

  it.each(CHANGING)('changes nothing by %s %s, and that is noted', async (method, path, json) => {
    const changes = countChanges();
    const asked = { headers: bearer(VIEWER), ...(json === undefined ? {} : { json }) };
    expect((await http(method, path, asked)).status).toBe(403);
    expect(changes()).toBe(0);
    const [newest] = await audit();
    expect(newest).toMatchObject({ user: 'viewer-token', role: 'viewer', outcome: 'refused' });
  });
});

describe('a page of another origin', () => {
  it.each(CHANGING)('changes nothing by %s %s', async (method, path, json) => {
    const changes = countChanges();
    const session = cookieOf(await login({ token: TOKEN })).split(';')[0]!;
    for (const foreign of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { host: 'evil.example' },
      { host: 'evil.example', origin: 'http://evil.example' },
    ]) {
      const asked = json === undefined ? {} : { json };
      const headers = { cookie: session, ...foreign } as Record<string, string>;
      expect((await http(method, path, { ...asked, headers })).status).toBe(403);
    }
    expect(changes()).toBe(0);
  });

  it('reads nothing, and is not let in', async () => {
    for (const path of READING) {
      const { status, headers } = await http('GET', path, {
        headers: { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
      });
      expect(status).toBe(403);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
    const answer = await login({ token: TOKEN }, { origin: 'http://evil.example' });
    expect(answer.status).toBe(403);
    expect(cookieOf(answer)).toBe('');
  });

  it('cannot send a form in place of JSON', async () => {
    await open();
    const changes = countChanges();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const answer = await http('POST', '/api/managers/QmManager/pools', {
        body: JSON.stringify(POOL),
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(415);
    }
    expect(changes()).toBe(0);
  });
});

describe('a session', () => {
  it.each([
    ['the token', { token: TOKEN }, { name: 'token', role: 'operator' }],
    ['the token of viewers', { token: VIEWER }, { name: 'viewer-token', role: 'viewer' }],
    ['a password', { user: 'ann', password: PASSWORD }, { name: 'ann', role: 'operator' }],
  ])('begins with %s, and ends when it is told to', async (_what, body, user) => {
    const begun = await login(body);
    expect(begun.status).toBe(200);
    expect(begun.json).toMatchObject({ user, loginNeeded: true });
    expect(cookieOf(begun)).toMatch(
      /^runtime_bridge_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    expect(begun.text).not.toContain(TOKEN);
    const headers = { cookie: cookieOf(begun).split(';')[0]! };
    expect((await http('GET', '/api/fleet', { headers })).status).toBe(200);
    expect((await http('GET', '/api/session', { headers })).json).toMatchObject({ user });
    const ended = await http('DELETE', '/api/session', { headers });
    expect(ended.json).toMatchObject({ user: null });
    expect(cookieOf(ended)).toContain('Max-Age=0');
    expect((await http('GET', '/api/fleet', { headers })).status).toBe(401);
  });

  it('has a secure cookie where the page came over TLS', async () => {
    const headers = { host: 'localhost', origin: 'https://localhost' };
    expect(cookieOf(await login({ token: TOKEN }, headers))).toContain('; Secure');
  });

  it('ends its streams with it', async () => {
    const headers = { cookie: cookieOf(await login({ token: TOKEN })).split(';')[0]! };
    const stream = http('GET', '/api/events', { headers });
    // Its beginning has to be there first: the stream counts as open from then on.
    await untilListening(1);
    await http('DELETE', '/api/session', { headers });
    expect((await stream).text).toContain('event: bye\ndata: {"reason":"logged-out"}');
  });

  it('is not needed where nothing is asked', async () => {
    await open();
    const { json } = await http('GET', '/api/session');
    expect(json).toMatchObject({
      loginNeeded: false,
      ways: [],
      user: { name: 'local', role: 'operator' },
    });
  });

  async function untilListening(count: number): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const { text } = await http('GET', '/metrics', { headers: bearer(TOKEN) });
      if (text.includes(`stream_clients_count{service="monitor"} ${count}`)) return;
    }
    throw new Error('Nobody listens');
  }
});

describe('guessing', () => {
  it('is slowed down, also for one who is right by then, and whoever is in stays in', async () => {
    const headers = { cookie: cookieOf(await login({ token: TOKEN })).split(';')[0]! };
    for (let i = 0; i < 5; i += 1) {
      expect(codeOf(await login({ user: 'ann', password: `guess-${i}` }))).toBe('LOGIN_WRONG');
    }
    const refused = await login({ user: 'ann', password: PASSWORD });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await http('GET', '/api/fleet', { headers: bearer(TOKEN) })).status).toBe(429);
    expect((await http('GET', '/ptp/discover', { headers: bearer('x') })).status).toBe(429);
    expect((await http('GET', '/api/fleet', { headers })).status).toBe(200);
  });

  it('is noted, without what was guessed', async () => {
    await login({ user: 'ann', password: 'a wrong guess' });
    await login({ token: 'another wrong guess' });
    await login({ user: 'ann', password: PASSWORD });
    await rig.monitor.stop();
    const text = await readFile(join(rig.folder, 'audit.jsonl'), 'utf8');
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(entries).toMatchObject([
      { user: 'ann', what: 'login', outcome: 'refused', role: null },
      { user: 'token', what: 'login', outcome: 'refused' },
      { user: 'ann', what: 'login', outcome: 'done', role: 'operator', address: '127.0.0.1' },
    ]);
    expect(text).not.toContain('guess');
    expect(text).not.toContain(PASSWORD);
  });
});

describe('an address that a caller names', () => {
  it.each([
    '/ptp/proxy/http:%2f%2f169.254.169.254/ListPool',
    '/ptp/proxy/%2fip4%2f127.0.0.1%2ftcp%2f22/ListPool',
    '/ptp/proxy/%2fip4%2f127.0.0.1%2ftcp%2f1%2fp2p%2fQmManager/ListPool',
    '/api/workers/http:%2f%2f169.254.169.254/u',
    '/api/workers/%2fip4%2f127.0.0.1%2ftcp%2f1%2fp2p%2fQmManager/u',
    '/api/managers/%2fip4%2f127.0.0.1%2ftcp%2f22/inventory',
  ])('is not gone to: %s', async (path) => {
    let wasAsked = false;
    rig.manager.handle('ListPool', () => {
      wasAsked = true;
      return {};
    });
    await rig.restart({ settings: {}, fleetWatch: { idlePeriodMs: 1_000_000 } });
    await http('GET', '/api/fleet');
    wasAsked = false;
    const { status } = await http('GET', path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(wasAsked).toBe(false);
  });

  it('is not taken from an absolute request line either', async () => {
    await open();
    const status = await new Promise<number>((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port: rig.monitor.port, path: 'http://169.254.169.254/latest' },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      asked.on('error', reject);
      asked.end();
    });
    expect(status).toBe(404);
  });
});

describe('headers', () => {
  it.each(['/', '/plain', '/api/session', '/ptp/discover', '/api/nothing', '/healthz'])(
    'keep %s from being framed, sniffed or told on',
    async (path) => {
      const { headers } = await http('GET', path);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      });
    },
  );
});
