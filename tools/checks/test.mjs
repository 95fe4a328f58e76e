// npm test: everything that ten minutes allow. Sets up what is missing first.
import { join } from 'node:path';
import { build, checkNode, installDependencies, root } from '../setup/setup.mjs';
import { Check } from './steps.mjs';

checkNode();
installDependencies();
const bin = (name) => join(root, 'node_modules/.bin', name);
const check = new Check();
await check.command('types', bin('tsc'), ['-b']);
await check.command('types of end-to-end tests', bin('tsc'), ['-p', 'e2e']);
await check.command('format', bin('prettier'), ['--check', '--log-level=warn', '.']);
// Also makes the project graph, which the rule of module boundaries reads.
await check.command('project references', bin('nx'), ['sync:check']);
await check.command('lint', bin('eslint'), ['--max-warnings=0', '.']);
await check.command('samples in READMEs', process.execPath, ['tools/checks/readme-samples.mjs']);
await check.command('house rules', process.execPath, ['tools/checks/house-rules.mjs']);
await check.command('what guides name is there', process.execPath, ['tools/checks/guides.mjs']);
await check.command('licences', process.execPath, ['tools/checks/licences.mjs']);
await check.command('pages made from the code', process.execPath, [
  'tools/docs/dist/main.js',
  '--check',
]);
await check.vitest('units, properties, golden bytes', []);
build();
await check.command('end to end: every worker active and audited', process.execPath, [
  'tools/demo/start.mjs',
  '--once',
]);
check.finish();
