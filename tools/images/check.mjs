// Builds every image, or those that are named, without a daemon and checks what it promises: size, user, health, a read-only root, stop on SIGTERM.
import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureProgram } from '../setup/setup.mjs';
import { command, ImageStore } from './buildah.mjs';
import { targets } from './targets.mjs';

const LARGEST_MIB = 300;
const OWNER = 1000;
const STOP_MS = 10_000;
const START_MS = 60_000;

async function check(name, image) {
  const config = store.inspect(image);
  const rootfs = store.unpack(image);
  const sizeMiB = Number(command('du', ['-sm', rootfs]).split('\t')[0]);
  expect(sizeMiB <= LARGEST_MIB, `${sizeMiB} MiB are more than ${LARGEST_MIB}`);
  expect(config.User === `${OWNER}:${OWNER}`, `the user is ${config.User}`);
  expect('/var/data' in (config.Volumes ?? {}), 'no volume /var/data');
  expect(config.Entrypoint?.join(' ') === 'node /app/main.mjs', `entry ${config.Entrypoint}`);

  const container = new Container(rootfs, join(folder, `${name}-root`), config);
  try {
    const version = await container.run(['--version']);
    expect(version.code === 0 && /\d+\.\d+\.\d+/.test(version.output), 'it tells no version');
    if (targets[name].service) await checkService(name, container, config);
    console.log(`${name}: ${sizeMiB} MiB, as user ${OWNER}, root file system read-only`);
  } finally {
    container.remove();
  }
}

async function checkService(name, container, config) {
  expect(config.Healthcheck?.Test?.at(-1) === '--health', 'no health check');
  const { needs, bad } = settingsOf(name);
  const refused = await container.run([], { env: bad });
  expect(refused.code === 78, `wrong settings end with code ${refused.code}: ${refused.output}`);

  const running = container.start([], { env: needs });
  const answers = async () => {
    const health = await container.run(['--health'], { env: needs });
    return health.output.includes('does not answer') ? undefined : health;
  };
  const health = await eventually(answers, START_MS, () => running.output);
  expect([0, 1].includes(health.code), `--health ends with ${health.code}: ${health.output}`);
  const begin = Date.now();
  running.child.kill('SIGTERM');
  const code = await running.ended;
  const tookMs = Date.now() - begin;
  expect(tookMs < STOP_MS + 1_000, `stopping took ${tookMs} ms`);
  expect(code === 0, `it ended with ${code} after SIGTERM: ${running.output.slice(-800)}`);
}

/** Settings with which a service starts though nothing that it needs is there, and some that it must refuse. */
function settingsOf(name) {
  const nowhere = 'ws://127.0.0.1:9';
  const walkie = {
    PHALA_WALKIE_LISTEN_ADDRESSES: '/ip4/127.0.0.1/tcp/0',
    PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
  };
  const chains = { PHALA_CHAIN_ENDPOINT: nowhere, PHALA_PARENT_CHAIN_ENDPOINT: nowhere };
  const needs = {
    'data-provider': { ...chains, ...walkie, PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT: anyPort() },
    lifecycle: { ...chains, ...walkie, USE_BUILT_IN_TRADER: 'true', PHALA_QUEUE_PAGE_PORT: '0' },
    trader: {
      PHALA_CHAIN_ENDPOINT: nowhere,
      PHALA_Q_REDIS_ENDPOINT: 'redis://127.0.0.1:9/',
      PHALA_QUEUE_PAGE_PORT: '0',
    },
    monitor: { HOST: '127.0.0.1', PORT: anyPort(), PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true' },
  }[name];
  return { needs, bad: { ...needs, PHALA_LOGGER_LEVEL: 'loud' } };
}

/** A port that is hardly taken, since nothing here may depend on what else runs on this host. */
function anyPort() {
  return String(20_000 + Math.floor(Math.random() * 10_000));
}

/** Runs an image's entry point with its root read-only and one volume, as an orchestrator would. */
class Container {
  #root;
  #config;

  constructor(rootfs, mountPoint, config) {
    this.#root = mountPoint;
    this.#config = config;
    mkdirSync(mountPoint);
    command('mount', ['--bind', rootfs, mountPoint]);
    command('mount', ['-o', 'remount,ro,bind', mountPoint]);
    const volume = `${mountPoint}-data`;
    mkdirSync(join(volume, 'keys'), { recursive: true });
    for (const owned of [volume, join(volume, 'keys')]) chownSync(owned, OWNER, OWNER);
    command('mount', ['--bind', volume, join(mountPoint, 'var/data')]);
    for (const system of ['proc', 'dev'])
      command('mount', ['--rbind', `/${system}`, join(mountPoint, system)]);
  }

  start(args, { env = {} } = {}) {
    const image = Object.fromEntries(
      (this.#config.Env ?? []).map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    const child = spawn(
      'chroot',
      [
        `--userspec=${this.#config.User}`,
        this.#root,
        '/usr/bin/env',
        '-C',
        this.#config.WorkingDir,
        ...this.#config.Entrypoint,
        ...args,
      ],
      {
        env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...image, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const running = { child, output: '', ended: undefined };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (running.output += chunk));
    running.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? signal));
    });
    return running;
  }

  async run(args, options) {
    const running = this.start(args, options);
    const late = setTimeout(() => running.child.kill('SIGKILL'), START_MS);
    const code = await running.ended;
    clearTimeout(late);
    return { code, output: running.output };
  }

  remove() {
    for (const part of ['dev', 'proc', 'var/data', ''])
      command('umount', ['-l', join(this.#root, part)]);
  }
}

function expect(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

async function eventually(ask, timeoutMs, detail) {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`no answer within ${timeoutMs / 1000} s; it said:\n${detail().slice(-1500)}`);
}

for (const program of ['buildah', 'mmdebstrap']) {
  const missing = ensureProgram(program, program);
  if (missing !== undefined) {
    console.error(missing);
    process.exit(1);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'images-'));
const store = new ImageStore(folder);
const wanted = process.argv.slice(2);
let failures = 0;
try {
  store.makeBase('localhost/node-base');
  for (const name of wanted.length > 0 ? wanted : Object.keys(targets)) {
    const image = `localhost/runtime-bridge-${name}`;
    store.build(name, 'localhost/node-base', image);
    try {
      await check(name, image);
    } catch (error) {
      failures += 1;
      console.error(`${name}: FAILED: ${error.message}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
