// What Markdown names must exist: files and headings that are linked to, environment variables, npm scripts, commands of prb.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { createProgram } from '../../apps/prb/dist/index.js';
import { hashPasswordSettings } from '../../apps/monitor/dist/settings.js';
import { commonSettings } from '../../packages/service-kit/dist/index.js';
import { services } from '../docs/dist/services.js';
import { root } from '../setup/setup.mjs';

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const read = (file) => readFileSync(join(root, file), 'utf8');
const breaches = [];

const variables = new Set();
for (const setting of [
  ...services.flatMap(({ settings }) => Object.values(settings)),
  ...Object.values(commonSettings),
  ...Object.values(hashPasswordSettings),
]) {
  for (const name of [setting.env, ...(setting.aliases ?? [])]) variables.add(name);
  if (setting.file === true) variables.add(`${setting.env}_FILE`);
}
for (const { retired } of services) for (const name of Object.keys(retired)) variables.add(name);

/** Scripts that `npm run` knows beside a file: those of its package and of the whole. */
const scriptsAt = (file) => {
  const manifests = ['package.json', join(file.split('/').slice(0, 2).join('/'), 'package.json')];
  return manifests
    .filter((path) => existsSync(join(root, path)))
    .flatMap((path) => Object.keys(JSON.parse(read(path)).scripts ?? {}));
};
const prb = createProgram(
  { environment: {}, isTty: false, out() {}, err() {}, signal: new AbortController().signal },
  () => Promise.reject(new Error('nothing is run here')),
);

for (const file of files) {
  const text = read(file);
  const withoutCode = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  for (const [, target] of withoutCode.matchAll(/\]\(([^)\s]+)\)/g)) checkLink(file, target);
  // What a sample in TypeScript names is its own.
  for (const [name] of text
    .replace(/^```ts\n[\s\S]*?^```/gm, '')
    .matchAll(/\b(PHALA|PTP|PRPC|WORKER_KEEPALIVE|USE|DISABLE|DEBUG)_[A-Z0-9_]*[A-Z0-9]\b/g)) {
    if (!variables.has(name)) breaches.push(`${file}: no service knows ${name}`);
  }
  for (const code of codeOf(text)) {
    for (const [, name] of code.matchAll(/\bnpm run ([\w:-]+)/g)) {
      if (!scriptsAt(file).includes(name)) breaches.push(`${file}: there is no npm run ${name}`);
    }
    for (const [, words] of code.matchAll(/(?:^|\$\(|\|\s*)prb ([^\n|;>#)]*)/gm))
      checkPrb(file, words);
  }
}

for (const breach of breaches) console.error(breach);
console.log(`${files.length} Markdown files, ${breaches.length} that is named and is not there`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function checkLink(file, target) {
  if (/^[a-z]+:/.test(target)) return;
  const [path, anchor] = target.split('#');
  const found = path === '' ? file : normalize(join(dirname(file), path));
  if (found.startsWith('..') || !existsSync(join(root, found))) {
    breaches.push(`${file}: the link ${target} leads nowhere`);
    return;
  }
  if (anchor === undefined || statSync(join(root, found)).isDirectory()) return;
  if (!headingsOf(read(found)).has(anchor)) {
    breaches.push(`${file}: the link ${target} names no heading`);
  }
}

/** Anchors as forges make them of headings. */
function headingsOf(text) {
  const headings = text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- _]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

/** Fenced blocks for a shell, and code within lines. */
function* codeOf(text) {
  for (const [, block] of text.matchAll(/^```(?:sh|console)?\n([\s\S]*?)^```/gm)) yield block;
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  for (const [, code] of prose.matchAll(/`([^`\n]+)`/g)) yield code;
}

/** Follows the words to the command that they name; its options must be there too. */
function checkPrb(file, text) {
  let command = prb;
  const words = text.trim().split(/\s+/);
  const known = () => {
    const own = [];
    for (let one = command; one; one = one.parent) own.push(...one.options);
    return own;
  };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word.startsWith('-')) {
      if (word === '--help' || word === '-h') continue;
      const option = known().find(({ long, short }) => [long, short].includes(word.split('=')[0]));
      if (!option) breaches.push(`${file}: prb ${text.trim()}: there is no ${word}`);
      if (option?.required && !word.includes('=')) index += 1;
    } else if (command.commands.length > 0 && /^[a-z0-9-]+$/.test(word)) {
      const next = command.commands.find((one) => one.name() === word);
      if (!next) {
        breaches.push(`${file}: there is no prb ${text.trim()}`);
        return;
      }
      command = next;
    }
  }
}
