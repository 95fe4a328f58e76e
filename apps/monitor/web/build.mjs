// Bundles the dashboard's pages into dist/web of the monitor, compressed beside. Tells only what went wrong.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Smaller files gain nothing. */
const LEAST_BYTES = 1_024;

await build({
  configFile: fileURLToPath(new URL('vite.config.ts', import.meta.url)),
  logLevel: 'error',
});
const assets = fileURLToPath(new URL('../dist/web/assets/', import.meta.url));
for (const name of readdirSync(assets)) {
  if (!/\.(js|css)$/.test(name)) continue;
  const bytes = readFileSync(join(assets, name));
  if (bytes.length < LEAST_BYTES) continue;
  writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  writeFileSync(join(assets, `${name}.br`), brotliCompressSync(bytes));
}
