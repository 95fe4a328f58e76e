// Rules of the house that no linter knows. Prints each breach and fails if there is one.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { root } from '../setup/setup.mjs';

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const read = (file) => readFileSync(join(root, file), 'utf8');
const breaches = [];

if (/"resolved": "https?:/.test(read('package-lock.json')))
  breaches.push('package-lock.json names a registry host');

for (const file of files) {
  // The schema's files are named as in 2022.
  if (!file.endsWith('.proto') && /^(utils?|helpers?|common|misc)\.[a-z]+$/.test(basename(file)))
    breaches.push(`${file}: a name that says nothing`);
  if (!/\.(ts|tsx|mjs)$/.test(file) || file.includes('/gen/') || file.startsWith('tools/checks/'))
    continue;
  const text = read(file);
  const lines = text.split('\n').length;
  if (lines > 520) breaches.push(`${file}: ${lines} lines, more than one room`);
  for (const [index, line] of text.split('\n').entries()) {
    if (/\b(TODO|FIXME|XXX|HACK)\b/.test(line))
      breaches.push(`${file}:${index + 1}: left for later`);
    if (/\b(it|test|describe)\.only\b/.test(line))
      breaches.push(`${file}:${index + 1}: a test that runs alone`);
    if (/@ts-ignore|@ts-nocheck/.test(line))
      breaches.push(`${file}:${index + 1}: types switched off`);
  }
}

// What is imported must be declared by the package that imports it.
for (const manifest of files.filter((file) =>
  /^(packages|apps|tools)\/[^/]+\/package\.json$/.test(file),
)) {
  const folder = dirname(manifest);
  const { name, dependencies = {}, devDependencies = {} } = JSON.parse(read(manifest));
  for (const file of files.filter(
    (one) => one.startsWith(`${folder}/src/`) && /\.tsx?$/.test(one),
  )) {
    const test = /\.test\.|\.testdata\.ts$|\/testing\//.test(file);
    for (const [, specifier] of read(file).matchAll(
      /^(?:import|export)\b[^'"]*?from '([^'.][^']*)'/gm,
    )) {
      if (specifier.startsWith('node:')) continue;
      const wanted = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      const declared =
        wanted in dependencies || wanted === name || (test && wanted in devDependencies);
      const rootTool = test && ['vitest', 'fast-check'].includes(wanted);
      const typesOnly = new RegExp(`^(?:import|export) type [^;]*from '${specifier}'`, 'm').test(
        read(file),
      );
      if (!declared && !rootTool && !(typesOnly && wanted in devDependencies)) {
        breaches.push(`${file}: imports ${wanted}, which ${manifest} does not declare`);
      }
    }
  }
  if (!existsSync(join(root, folder, 'README.md'))) breaches.push(`${folder} has no README.md`);
}

for (const breach of breaches) console.error(breach);
console.log(`${files.length} files, ${breaches.length} breaches of house rules`);
process.exitCode = breaches.length === 0 ? 0 : 1;
