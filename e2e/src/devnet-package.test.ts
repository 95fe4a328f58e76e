import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The dev network as somebody else's project has it: the packed tarball and its program, nothing of this tree. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = (file: string, words: string[], cwd: string) =>
  promisify(execFile)(file, words, { cwd, maxBuffer: 16 * 1024 * 1024 });

interface Ready {
  event: string;
  relay: string;
  para: string;
  workers: string[];
}

let project: string;
let home: string;
let packed: string[];
let network: ChildProcessWithoutNullStreams | undefined;

beforeAll(async () => {
  // Within this folder third-party packages are found as if they had been installed; ours comes from the tarball.
  project = await mkdtemp(join(root, '.outside-'));
  home = join(project, 'node_modules/@runtime-bridge/devnet');
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--pack-destination', project],
    join(root, 'tools/devnet'),
  );
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = files.map(({ path }) => path);
  await mkdir(home, { recursive: true });
  await run('tar', ['xzf', join(project, filename), '-C', home, '--strip-components=1'], project);
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }');
  // What npm does with a package's bin.
  const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
  };
  await mkdir(join(project, 'node_modules/.bin'));
  for (const [name, path] of Object.entries(manifest.bin)) {
    await chmod(join(home, path), 0o755);
    await symlink(join(home, path), join(project, 'node_modules/.bin', name));
  }
}, 60_000);

afterAll(async () => {
  if (network?.exitCode === null) {
    network.stdin.end();
    await once(network, 'close');
  }
  await rm(project, { recursive: true, force: true });
});

const connect = (url: string) =>
  ApiPromise.create({
    provider: new WsProvider(url) as unknown as NonNullable<ApiOptions['provider']>,
    noInitWarn: true,
  });

describe('the packed dev network', () => {
  it('holds what it should and nothing else', () => {
    expect(packed).toEqual(
      expect.arrayContaining(['README.md', 'DIFFERENCES.md', 'LICENSE', 'dist/main.js']),
    );
    expect(packed.filter((path) => /\.test\.|tsbuildinfo|^src\//.test(path))).toEqual([]);
  });

  it('tells its version and its commands', async () => {
    const npx = (...words: string[]) =>
      run('npx', ['--no-install', 'runtime-bridge-devnet', ...words], project);
    const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await npx('--version')).stdout.trim()).toBe(version);
    expect((await npx('all', '--help')).stdout).toContain('--relay-state-version');
  });

  it('runs by npx and serves an unchanged @polkadot/api, until its parent is gone', async () => {
    const running = spawn(
      'npx',
      [
        ...['--no-install', 'runtime-bridge-devnet', 'all', '--data', 'data', '--block-ms', '200'],
        ...['--relay', 'new', '--pruntime', '0.2.7,2.x', '--workers', '2'],
        ...['--relay-port', '0', '--para-port', '0', '--worker-port', '0', '--stop-with-stdin'],
      ],
      { cwd: project },
    );
    network = running;
    let complaints = '';
    running.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
    const ready = await new Promise<Ready>((resolve, reject) => {
      running.once('close', (code) => reject(new Error(`ended with ${code}: ${complaints}`)));
      createInterface({ input: running.stdout }).on('line', (line) => {
        if (line.startsWith('{')) resolve(JSON.parse(line) as Ready);
      });
    });
    expect(ready.event).toBe('ready');
    expect(ready.workers).toHaveLength(2);

    const [relay, para] = await Promise.all([connect(ready.relay), connect(ready.para)]);
    expect(relay.query['grandpa']?.['authorities']).toBeDefined();
    const remark = para.tx['system']?.['remark']?.('0x01');
    const bob = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
    await new Promise<void>((resolve, reject) => {
      remark
        ?.signAndSend(bob, ({ status, isError }) => {
          if (status.isFinalized) resolve();
          if (isError) reject(new Error(status.type));
        })
        .catch(reject);
    });
    await Promise.all([relay.disconnect(), para.disconnect()]);
    for (const url of ready.workers) {
      const response = await fetch(`${url}/prpc/PhactoryAPI.GetInfo`, { method: 'POST' });
      expect(response.status).toBe(200);
    }

    running.removeAllListeners('close');
    running.stdin.end();
    const [code] = (await once(running, 'close')) as [number];
    expect(code).toBe(0);
    await expect(fetch(ready.workers[0] ?? '')).rejects.toThrow();
  }, 120_000);
});
