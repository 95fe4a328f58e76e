// What would be published: packs every public package and verifies exports, types, licence and what else lies in the tarball.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root } from '../setup/setup.mjs';

/** The packages are ES modules only: what CommonJS or old resolvers make of them is not our promise. */
const MODES = new Set(['node16-esm', 'bundler']);
const out = mkdtempSync(join(tmpdir(), 'tarballs-'));
const breaches = [];
let count = 0;
try {
  for (const folder of ['packages', 'apps', 'tools'].flatMap((kind) =>
    readdirSync(join(root, kind)).map((name) => `${kind}/${name}`),
  )) {
    if (!existsSync(join(root, folder, 'package.json'))) continue;
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    if (manifest.private) continue;
    count += 1;
    for (const breach of await faultsOf(folder, manifest)) breaches.push(`${folder}: ${breach}`);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
for (const breach of breaches) console.error(breach);
console.log(`${count} packages, ${breaches.length} faults`);
process.exitCode = breaches.length === 0 ? 0 : 1;

async function faultsOf(folder, manifest) {
  const faults = [];
  if (manifest.license !== 'Apache-2.0') faults.push('is not under Apache-2.0');
  if (manifest.repository?.directory !== folder)
    faults.push('package.json lacks repository.directory, which provenance needs');
  if (manifest.publishConfig?.provenance !== true)
    faults.push('publishConfig.provenance is not set');

  const { messages } = await publint({ pkgDir: join(root, folder), strict: true, pack: 'npm' });
  for (const message of messages) faults.push(formatMessage(message, manifest) ?? message.code);

  const packed = spawnSync('npm', ['pack', '--json', '--silent', '--pack-destination', out], {
    cwd: join(root, folder),
    encoding: 'utf8',
  });
  if (packed.status !== 0) return [...faults, `npm pack failed: ${packed.stderr}`];
  const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[')));
  const paths = files.map(({ path }) => path);
  for (const needed of ['README.md', 'LICENSE', 'CHANGELOG.md'])
    if (!paths.includes(needed)) faults.push(`${needed} is not in the tarball`);
  for (const path of paths)
    if (/\.test\.|\.tsbuildinfo$|^src\/.*\.test/.test(path))
      faults.push(`${path} is in the tarball`);

  const exported = Object.keys(manifest.exports ?? {}).filter((key) => key !== './package.json');
  if (exported.length === 0) return faults;
  const tarball = createPackageFromTarballData(
    new Uint8Array(readFileSync(join(out, filename.replace('@', '').replace('/', '-')))),
  );
  const { problems } = await checkPackage(tarball, { entrypoints: exported });
  for (const problem of problems) {
    if (problem.resolutionKind !== undefined && !MODES.has(problem.resolutionKind)) continue;
    faults.push(
      `${problem.kind} ${problem.entrypoint ?? ''} ${problem.resolutionKind ?? ''}`.trim(),
    );
  }
  return faults;
}
