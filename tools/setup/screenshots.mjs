// npm run screenshots: the pictures of the dashboard in the READMEs.
import { join } from 'node:path';
import { build, checkNode, ensureProgram, fail, installDependencies, root, run } from './setup.mjs';

checkNode();
installDependencies();
build();
const missing = ensureProgram('chromium', 'chromium');
if (missing !== undefined) fail(missing);
run(process.execPath, [
  join(root, 'node_modules/vitest/vitest.mjs'),
  'run',
  '--config',
  'e2e/vitest.screenshots.config.ts',
]);
