import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pools, wantedWorkers } from '@runtime-bridge/demo';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostOfItsOwn, type HostedProcess } from './host-of-its-own.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const RELAY = 'ws://127.0.0.1:9945';
const PARA = 'ws://127.0.0.1:9944';

// The environments of the compose files of 2022's deployment guide (Phala-Network/phala-docs,
// compute-providers/run-workers-on-khala/deployment-guide-for-prbv2.md at 971ed28), with the addresses of our nodes.
const environments = {
  data_provider: {
    PHALA_MODULE: 'data_provider',
    NODE_ENV: 'development',
    PHALA_LOGGER_LEVEL: 'debug',
    PHALA_PARENT_CHAIN_ENDPOINT: RELAY,
    PHALA_CHAIN_ENDPOINT: PARA,
    PHALA_WALKIE_LISTEN_ADDRESSES: '/ip4/0.0.0.0/tcp/28888',
    PHALA_BRIDGE_IDENTITY: 'production',
    PHALA_LIFECYCLE_BLOB_SERVER_SESSION_MAX_MEMORY: '64',
  },
  // As it stands there: the name of a thing that was to be filled in, and no /p2p/.
  monitor: { PTP_BOOT_NODES: '/ip4/127.0.0.1/tcp/28888/peer_id_of_data_provider' },
  lifecycle: {
    PHALA_MODULE: 'lifecycle',
    PHALA_PARENT_CHAIN_ENDPOINT: RELAY,
    PHALA_CHAIN_ENDPOINT: PARA,
    PHALA_Q_REDIS_ENDPOINT: 'redis://127.0.0.1:63792/',
    PHALA_LRU_CACHE_SIZE: '50',
    PHALA_LRU_CACHE_MAX_AGE: '90000',
    PHALA_RUNNER_MAX_WORKER_NUMBER: '100',
    PHALA_PRPC_REQUEST_TIMEOUT: '60000',
    PHALA_BRIDGE_IDENTITY: 'production',
    PHALA_WALKIE_LISTEN_ADDRESSES: '/ip4/0.0.0.0/tcp/29888',
    WORKER_KEEPALIVE_ENABLED: 'true',
    USE_BUILT_IN_TRADER: 'true',
  },
} as const;

describe('the compose files of 2022, image and entry point replaced', () => {
  const images = mkdtempSync(join(tmpdir(), 'image-files-'));
  const services: Record<string, HostedProcess> = {};
  const host = new HostOfItsOwn('compose');

  const start = (name: string, image: string, env: Record<string, string>) => {
    services[name] = host.start(
      { volume: name, cwd: '/', command: [process.execPath, join(images, image, 'main.mjs')] },
      env,
    );
    return services[name];
  };

  beforeAll(() => {
    for (const target of ['data-provider', 'lifecycle', 'monitor']) {
      const collected = spawnSync(
        process.execPath,
        [join(root, 'tools/images/collect.mjs'), target, join(images, target)],
        { encoding: 'utf8' },
      );
      expect(collected.status, collected.stderr).toBe(0);
    }
  });

  afterAll(async () => {
    for (const [n, p] of Object.entries(services)) console.log(n, p.output().slice(-1500));
    await host.remove();
    rmSync(images, { recursive: true, force: true });
  });

  it('do the whole job', async () => {
    services['devnet'] = host.start(
      {
        volume: 'devnet',
        cwd: '/',
        command: [
          process.execPath,
          join(root, 'tools/devnet/dist/main.js'),
          'all',
          '--data=/var/data/devnet',
          '--relay-port=9945',
          '--para-port=9944',
          '--workers=2',
          '--worker-port=8100',
        ],
      },
      {},
    );
    await until('the dev network', () => services['devnet']!.output().includes('"ready"'));

    start('data_provider', 'data-provider', environments.data_provider);
    start('monitor', 'monitor', environments.monitor);
    services['redis-q'] = host.start(
      {
        volume: 'redis',
        cwd: '/',
        command: ['redis-server', '--port', '63792', '--appendonly', 'no', '--save', ''],
      },
      {},
    );
    const provider = await until('the provider’s peer id', () =>
      peerIdIn(services['data_provider']!),
    );
    start('lifecycle', 'lifecycle', {
      ...environments.lifecycle,
      PHALA_WALKIE_BOOT_NODES: `/ip4/127.0.0.1/tcp/28888/p2p/${provider}`,
    });

    // "You will see the status of the data provider even if PTP_BOOT_NODES has not been set properly", said the guide.
    const manager = await until('both peers in the monitor', async () => {
      const { text } = await host.fetch('http://127.0.0.1:3000/ptp/discover', {});
      const found = JSON.parse(text) as Record<string, { peerId: string }[] | undefined>;
      if (!found['dataProviders']?.some(({ peerId }) => peerId === provider)) return undefined;
      return found['lifecycleManagers']?.[0]?.peerId;
    });
    const call = async (method: string, body: object) => {
      const url = `http://127.0.0.1:3000/ptp/proxy/${manager}/${method}`;
      const answer = JSON.parse((await host.fetch(url, body)).text) as {
        hasError: boolean;
        data: { workerStates?: { status: string }[] };
      };
      expect(answer.hasError, JSON.stringify(answer)).toBe(false);
      return answer.data;
    };
    await call('CreatePool', { pools });
    const endpoints = ['http://127.0.0.1:8100', 'http://127.0.0.1:8101'];
    await call('CreateWorker', { workers: wantedWorkers(endpoints) });
    await until('both workers active', async () => {
      const { workerStates } = await call('GetWorkerStatus', {});
      return (
        workerStates?.length === 2 && workerStates.every(({ status }) => status === 'S_ACTIVE')
      );
    });

    // The queue page is where the guide says it is, though it asks who is there.
    expect((await host.fetch('http://127.0.0.1:4567/')).status).toBeLessThan(500);
    const warnings = (name: string, word: string) =>
      services[name]!.output()
        .split('\n')
        .filter((line) => /warn/i.test(line) && line.includes(word));
    expect(warnings('monitor', 'peer_id_of_data_provider')).toHaveLength(1);
    expect(warnings('data_provider', 'PHALA_')).toEqual([]);

    for (const name of ['lifecycle', 'monitor', 'data_provider']) {
      services[name]!.child.kill('SIGTERM');
      expect(await services[name]!.ended, services[name]!.output().slice(-600)).toBe(0);
    }
  });
});

function peerIdIn(process: HostedProcess): string | undefined {
  return /Got my peer id.*?\b(Qm[1-9A-HJ-NP-Za-km-z]{44}|12D3[1-9A-HJ-NP-Za-km-z]{48})\b/.exec(
    process.output(),
  )?.[1];
}

/** Asks every half second until there is something. */
async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  let last: unknown;
  console.log(new Date().toISOString(), what);
  for (let attempt = 0; attempt < 120; attempt += 1) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what}: not within 60 s; last: ${String(last)}`);
}
