// npm run test:full: what npm test has no time for. Sets up what is missing first.
import { join } from 'node:path';
import { build, checkNode, ensureProgram, installDependencies, root } from '../setup/setup.mjs';
import { Check } from './steps.mjs';

checkNode();
installDependencies();
build();
const bin = (name) => join(root, 'node_modules/.bin', name);
const check = new Check();
const start = (...args) => ['tools/demo/start.mjs', '--once', ...args];
const noRedis = ensureProgram('redis-server', 'redis-server');
await check.vitest('interop with the libp2p set of 2022, injections, faults, crashes', [
  '--config',
  'e2e/vitest.config.ts',
]);
await check.command(
  'end to end: 20 workers of all versions, an old relay chain',
  process.execPath,
  start('--workers', '20', '--pruntime', '0.2.6,0.2.7,2.x'),
);
await check.command("the dashboard's server at 5,000 workers", process.execPath, [
  'tools/bench/dashboard.mjs',
  '--seconds',
  '10',
  '--check',
]);
if (noRedis === undefined) {
  await check.vitest('queue and trader over Redis', [
    '--config',
    'tools/checks/vitest.redis.config.ts',
  ]);
  await check.command(
    'end to end: a trader of its own over Redis, a new relay chain, a liar in front of each chain',
    process.execPath,
    start(
      ...['--redis', '--relay', 'new', '--pruntime', '0.2.7,2.x', '--nodes', '2'],
      ...['--fault', 'relay:proofNodeMissing', '--fault', 'para:headerField'],
    ),
  );
} else {
  check.unavailable('everything over Redis', noRedis);
}
await check.command('end to end on Node 22', 'npm', [
  'exec',
  '--yes',
  '--package=node@22',
  '--',
  'node',
  ...start(),
]);
await check.command('dead code', bin('knip'), ['--no-progress']);
await check.command('duplicates', bin('jscpd'), ['.']);
await check.command('tarballs', process.execPath, ['tools/checks/packages.mjs']);
await check.command('known vulnerabilities', process.execPath, ['tools/checks/audit.mjs'], {
  unavailable: 'the package registry answers no audit',
});
await withProgram('alert rules', 'promtool', 'prometheus', async (name) => {
  await check.command(name, 'promtool', ['test', 'rules', 'docker/observability/alerts.test.yaml']);
});
await withProgram('kubernetes resources', 'kubectl', 'kubernetes-client', async (name) => {
  await check.command(name, process.execPath, ['tools/checks/kubernetes.mjs']);
});
await withProgram('images', 'buildah', 'buildah', async (name) => {
  await check.command(name, process.execPath, ['tools/images/check.mjs']);
});
check.finish();

/** A step that needs a program of a Debian package. */
async function withProgram(name, program, debianPackage, run) {
  const missing = ensureProgram(program, debianPackage);
  if (missing === undefined) await run(name);
  else check.unavailable(name, missing);
}
