import { BridgeError, silentLogger } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import { exposeDiskSpace } from './disk-space.js';
import { createLogger, createMetrics, Health, HealthServer } from './index.js';

describe('exposeDiskSpace', () => {
  it('shows the room of folders, of those too that are not there yet', async () => {
    const metrics = createMetrics({ service: 'trader' });
    exposeDiskSpace(metrics, ['/', '/nowhere/at/all']);
    const page = await metrics.expose();
    const valueOf = (metric: string, folder: string) =>
      Number(new RegExp(`${metric}\\{[^}]*folder="${folder}"[^}]*\\} (\\S+)`).exec(page)?.[1]);
    expect(valueOf('runtime_bridge_disk_size_bytes', '/')).toBeGreaterThan(2 ** 20);
    expect(valueOf('runtime_bridge_disk_free_bytes', '/nowhere/at/all')).toBeGreaterThan(0);
  });
});

describe('createLogger', () => {
  const lines: string[] = [];
  const logger = createLogger(
    { level: 'info', format: 'json', service: 'lifecycle' },
    { write: (text) => lines.push(...text.trim().split('\n')) },
  );

  it('writes one JSON object a line, context and facts as fields', () => {
    lines.length = 0;
    logger.child({ worker: 'w1' }).info('State changed', { height: 7n, gone: undefined });
    logger.debug('too quiet');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'info',
      service: 'lifecycle',
      message: 'State changed',
      worker: 'w1',
      height: '7',
    });
  });

  it('masks what is secret by name, in facts and in errors', () => {
    lines.length = 0;
    logger.error(
      'Bad pool',
      { mnemonic: 'bottom drive' },
      new BridgeError('X', 'x', { facts: { password: 'hush' } }),
    );
    expect(lines[0]).not.toMatch(/bottom drive|hush/);
  });

  it('writes text for people with code and remedy of an error', () => {
    const text: string[] = [];
    const own = createLogger(
      { level: 'trace', format: 'text', service: 's' },
      { write: (line) => text.push(line) },
    );
    own.warn(
      'Node lies',
      { block: 5 },
      new BridgeError('BAD', 'Root differs', { remedy: 'Use another node' }),
    );
    expect(text.join('')).toMatch(
      /WARN {2}s: Node lies block=5\n {4}BAD: Root differs\n {4}Use another node/,
    );
  });
});

describe('HealthServer', () => {
  it('serves health, readiness and metrics', async () => {
    const metrics = createMetrics({ service: 'x' });
    const height = metrics.gauge({
      name: 'runtime_bridge_test_height',
      help: 'Height',
      labels: ['chain'],
    });
    height.set(12, { chain: 'relay' });
    metrics.counter({ name: 'runtime_bridge_test_total', help: 'Count' }).inc({}, 3);
    const health = new Health();
    const server = new HealthServer(
      { port: 0, host: '127.0.0.1', socketPath: `/tmp/runtime-bridge-test-${Date.now()}.sock` },
      { health, metrics, logger: silentLogger },
    );
    await server.start();
    try {
      const get = async (path: string) => {
        const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
        return { status: response.status, text: await response.text() };
      };
      expect((await get('/healthz')).status).toBe(200);
      expect((await get('/readyz')).status).toBe(503);
      health.set('node', { ready: true, detail: 'connected' });
      expect((await get('/readyz')).status).toBe(200);
      health.set('queue', { ready: false, detail: 'waiting for Redis' });
      expect(await get('/readyz')).toMatchObject({
        status: 503,
        text: expect.stringContaining('waiting for Redis'),
      });
      const { text } = await get('/metrics');
      expect(text).toContain('runtime_bridge_test_height{chain="relay",service="x"} 12');
      expect(text).toContain('runtime_bridge_test_total{service="x"} 3');
      expect((await get('/other')).status).toBe(404);
    } finally {
      await server.stop();
    }
    await expect(fetch(`http://127.0.0.1:${server.port ?? 1}/healthz`)).rejects.toThrow();
  });
});
