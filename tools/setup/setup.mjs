// What has to be there before anything of ours can run: plain JavaScript, no dependency, since it installs them.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const LEAST_NODE = 20;

/** Runs a command in the project's root, its output shown; ends the process when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error !== undefined) fail(`${command} could not be run: ${result.error.message}`);
  if (result.status !== 0) fail(`${command} ${args.join(' ')} failed`);
}

/** Ends the process with one clear text. */
export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/** Ends the process when Node is too old. */
export function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < LEAST_NODE) fail(`Node ${LEAST_NODE} or later is needed, this is ${process.version}`);
}

/** Installs the dependencies that the lock file names, unless they are there already. */
export function installDependencies() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.runtime-bridge-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing dependencies (npm ci), about a minute …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, lock);
}

/** Compiles what has changed, the dashboard's pages too. */
export function build() {
  console.log('Building …');
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b']);
  buildDashboard();
}

/** Bundles the dashboard's pages, unless they are there as the sources are now. */
export function buildDashboard() {
  const app = join(root, 'apps/monitor');
  const stamp = join(app, 'dist/web.sources');
  const sources = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const folder of ['web', 'src/api']) {
    const files = readdirSync(join(app, folder), { recursive: true, withFileTypes: true });
    for (const file of files.map((one) => join(one.parentPath, one.name)).sort()) {
      if (!/\.(tsx?|css|html|js|svg|json)$/.test(file) || file.includes('/web/dist/')) continue;
      sources.update(file.slice(root.length)).update(readFileSync(file));
    }
  }
  const digest = sources.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  run(process.execPath, [join(root, 'apps/monitor/web/build.mjs')]);
  writeFileSync(stamp, digest);
}

/**
 * Makes sure that a program is there, installing its Debian package where we may.
 * @returns undefined when it is there, else why it is not and what to do
 */
export function ensureProgram(program, debianPackage) {
  const found = () => spawnSync('which', [program], { stdio: 'ignore' }).status === 0;
  if (found()) return undefined;
  const canInstall =
    process.getuid?.() === 0 && spawnSync('which', ['apt-get'], { stdio: 'ignore' }).status === 0;
  if (canInstall) {
    console.log(`Installing ${debianPackage} …`);
    try {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
      execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage], {
        stdio: 'ignore',
        env,
      });
    } catch {
      // Told below, whatever the reason.
    }
    if (found()) return undefined;
  }
  return `${program} is missing and could not be installed here; run as root: apt-get install ${debianPackage}`;
}
