// The licences of everything that is shipped, from the lock file: each must be one that goes with Apache-2.0.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/setup.mjs';

/** Licences that ask for no more than their text and a notice. */
const ALLOWED = new Set([
  'Apache-2.0',
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'Unlicense',
  'CC0-1.0',
  'BlueOak-1.0.0',
  'Python-2.0',
]);

const LIGHT_CLIENT =
  'GPL-3.0; an optional dependency of @polkadot/rpc-provider that nothing of ours loads, and that no image holds';

/** Packages whose licence is another one or is not told in their manifest, and why they may be used all the same. */
const EXCEPTIONS = {
  smoldot: LIGHT_CLIENT,
  '@substrate/connect': LIGHT_CLIENT,
  '@substrate/connect-extension-protocol': LIGHT_CLIENT,
  '@substrate/connect-known-chains': LIGHT_CLIENT,
};

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const breaches = [];
const unused = new Set(Object.keys(EXCEPTIONS));
let count = 0;
for (const [path, { license, dev, devOptional, link }] of Object.entries(packages)) {
  const name = path.split('node_modules/').at(-1);
  if (dev || devOptional || link || !path.includes('node_modules/')) continue;
  count += 1;
  if (name in EXCEPTIONS) {
    unused.delete(name);
    continue;
  }
  // "(MIT OR Apache-2.0)" leaves the choice, "MIT AND ISC" asks for both.
  const words = (license ?? 'none told').replaceAll(/[()]/g, '');
  const fine = words.includes(' OR ')
    ? words.split(' OR ').some((one) => ALLOWED.has(one.trim()))
    : words.split(' AND ').every((one) => ALLOWED.has(one.trim()));
  if (!fine) breaches.push(`${name}: ${license ?? 'no licence told'}`);
}
for (const name of unused) breaches.push(`${name} is an exception that is not needed any more`);
for (const breach of breaches) console.error(breach);
console.log(`${count} shipped dependencies, ${breaches.length} whose licence has to be looked at`);
process.exitCode = breaches.length === 0 ? 0 : 1;
