// Known vulnerabilities of what is shipped, less those of the allow-list, each of which has its reason.
// Exit code 2 when the package registry offers no such service.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/setup.mjs';

/** @type {Record<string, string>} reasons by advisory, such as GHSA-xxxx-xxxx-xxxx */
const allowed = JSON.parse(readFileSync(join(root, 'tools/checks/audit-allow-list.json'), 'utf8'));

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * 2 ** 20,
  timeout: 120_000,
});
const report = parse(stdout);
if (report?.vulnerabilities === undefined) {
  console.log('The package registry answers no audit here');
  process.exit(2);
}
const found = new Map();
for (const { via } of Object.values(report.vulnerabilities)) {
  for (const cause of via) {
    if (typeof cause === 'string') continue;
    found.set(cause.url.split('/').at(-1), `${cause.name} (${cause.severity}): ${cause.title}`);
  }
}
const breaches = [...found].filter(([id]) => !(id in allowed));
for (const [id, text] of breaches) console.error(`${id} ${text}`);
console.log(`${found.size} known vulnerabilities, ${breaches.length} not on the allow-list`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
