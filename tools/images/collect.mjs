// Collects the files that a program needs at run time: node tools/images/collect.mjs TARGET FOLDER.
// An image so made holds what is reachable from the entry points and no more: no sources, types, maps or unused packages.
import { cpSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';
import { root } from '../setup/setup.mjs';
import { targets } from './targets.mjs';

/** Files that packages read by names which tracing cannot follow; each goes along wherever its package does. */
const readAtRunTime = {
  'bee-queue': ['lib/lua'],
  'sql.js': ['dist/sql-wasm.wasm'],
};

const [name, folder] = process.argv.slice(2);
const target = targets[name];
if (target === undefined || folder === undefined) {
  console.error(`Usage: collect.mjs ${Object.keys(targets).join('|')} FOLDER`);
  process.exit(78);
}

const dist = join(root, target.folder, 'dist');
const entries = readdirSync(dist)
  .filter((file) => /^([a-z-]+-)?main\.js$/.test(file))
  .map((file) => join(dist, file));
const { fileList } = await nodeFileTrace(entries, {
  base: root,
  conditions: ['node', 'default'],
  exportsOnly: true,
});
for (const [dependency, assets] of Object.entries(readAtRunTime)) {
  for (const home of new Set([...fileList].flatMap((file) => homeIn(file, dependency)))) {
    for (const asset of assets) addAll(join(root, home, asset), fileList);
  }
}
for (const asset of target.assets) addAll(join(root, asset), fileList);

let bytes = 0;
for (const file of [...fileList].sort()) {
  const from = join(root, file);
  const to = join(folder, file);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { verbatimSymlinks: true, force: true, recursive: false, dereference: false });
  bytes += lstatSync(from).size;
}
const { bin } = JSON.parse(readFileSync(join(root, target.folder, 'package.json'), 'utf8'));
const main = join(target.folder, Object.values(bin)[0]);
writeFileSync(join(folder, 'main.mjs'), `import './${main}';\n`);
for (const text of ['LICENSE']) cpSync(join(root, text), join(folder, text));
console.log(`${name}: ${fileList.size} files, ${(bytes / 2 ** 20).toFixed(1)} MiB`);

/** Folder of a package that a file is in, if it is in that one. */
function homeIn(file, dependency) {
  const inside = `node_modules/${dependency}/`;
  const at = file.lastIndexOf(inside);
  return at === -1 ? [] : [file.slice(0, at + inside.length)];
}

function addAll(path, list) {
  if (lstatSync(path).isDirectory()) {
    for (const entry of readdirSync(path)) addAll(join(path, entry), list);
  } else {
    list.add(relative(root, path));
  }
}
