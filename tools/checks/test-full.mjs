// npm run test:full: what npm test has no time for. Sets up what is missing first.
import { build, checkNode, ensureProgram, installDependencies } from '../setup/setup.mjs';
import { Check } from './steps.mjs';

checkNode();
installDependencies();
build();
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
await check.command(
  'end to end: workers of two versions, a new relay chain, a liar in front of each',
  process.execPath,
  start(
    ...['--workers', '4', '--relay', 'new', '--pruntime', '0.2.7,2.x', '--hold', '5'],
    ...['--nodes', '2', '--fault', 'relay:proofNodeMissing', '--fault', 'para:headerField'],
  ),
);
if (noRedis === undefined) {
  await check.vitest('queue and trader over Redis', [
    '--config',
    'tools/checks/vitest.redis.config.ts',
  ]);
  await check.command(
    'end to end: a trader of its own over Redis',
    process.execPath,
    start('--redis'),
  );
} else {
  check.unavailable('everything over Redis', noRedis);
}
check.finish();
