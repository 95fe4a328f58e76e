import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const HERE = dirname(fileURLToPath(import.meta.url));

interface PackageJson {
  exports: Record<string, { '@runtime-bridge/source'?: string }>;
}

/** The source file that a package of ours offers under a name. */
async function sourceOf(name: string): Promise<string> {
  const [scope, part, ...rest] = name.split('/');
  const require = createRequire(join(HERE, 'main.ts'));
  const manifest = require.resolve(`${scope!}/${part!}/package.json`);
  const { exports } = JSON.parse(await readFile(manifest, 'utf8')) as PackageJson;
  const offered = exports[rest.length === 0 ? '.' : `./${rest.join('/')}`];
  return join(dirname(manifest), offered!['@runtime-bridge/source']!);
}

/** Everything that is not ours and is loaded by a file and all that it loads; types are not. */
async function loadedBy(file: string, seen = new Set<string>()): Promise<Set<string>> {
  const found = new Set<string>();
  if (seen.has(file)) return found;
  seen.add(file);
  const source = await readFile(file, 'utf8');
  const statement = /^(?:import|export)\s+(?!type\b)(?:[^;'"]*?\sfrom\s+)?'([^']+)'/gm;
  for (const [, name] of source.matchAll(statement)) {
    const next = name!.startsWith('.')
      ? join(dirname(file), name!.replace(/\.js$/, '.ts'))
      : name!.startsWith('@runtime-bridge/')
        ? await sourceOf(name!)
        : undefined;
    if (next === undefined) found.add(name!);
    else for (const one of await loadedBy(next, seen)) found.add(one);
  }
  return found;
}

// There is one runner per 150 workers: each of these costs every one of them tens of MiB.
const HEAVY = /libp2p|multiformats|^@polkadot|^ioredis|^classic-level|^sql\.js|^yaml/;

it('runners load neither libp2p nor what only the manager needs', async () => {
  const loaded = await loadedBy(join(HERE, 'runner-main.ts'));
  expect([...loaded]).toContain('undici');
  expect([...loaded].filter((name) => HEAVY.test(name))).toEqual([]);
  // The same look finds it where it is.
  const all = await loadedBy(join(HERE, 'main.ts'));
  expect([...all].filter((name) => HEAVY.test(name))).toContain('libp2p');
});
