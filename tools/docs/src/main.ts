import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { services } from './services.js';
import { envExample, settingsPage } from './settings-page.js';
import { errorsPage, metricsPage, readSources } from './source-pages.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const check = process.argv.includes('--check');
const sources = readSources(root);

const pages: Record<string, string> = {
  'docker/guide/settings.md': settingsPage(services),
  'docker/guide/errors.md': errorsPage(sources),
  'docker/guide/metrics.md': metricsPage(sources),
};
for (const service of services) {
  pages[`docker/env/${service.name}.env.example`] = envExample(service);
}

let stale = 0;
for (const [path, text] of Object.entries(pages)) {
  const file = join(root, path);
  const wanted = path.endsWith('.md')
    ? await format(text, { parser: 'markdown', printWidth: 100 })
    : text;
  if (!check) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wanted);
    console.log(path);
  } else if (read(file) !== wanted) {
    stale += 1;
    console.error(`${path} is not what the code says; run: npm run docs`);
  }
}
process.exitCode = stale === 0 ? 0 : 1;

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
