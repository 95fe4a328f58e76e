// npm start: sets up what is missing, then hands over to the compiled demo.
import { join } from 'node:path';
import {
  build,
  checkNode,
  ensureProgram,
  fail,
  installDependencies,
  root,
} from '../setup/setup.mjs';

checkNode();
installDependencies();
build();
if (process.argv.includes('--redis')) {
  const missing = ensureProgram('redis-server', 'redis-server');
  if (missing !== undefined) fail(missing);
}
await import(join(root, 'tools/demo/dist/main.js'));
