// Bundles the dashboard's pages into dist/web of the monitor. Tells only what went wrong.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

await build({
  configFile: fileURLToPath(new URL('vite.config.ts', import.meta.url)),
  logLevel: 'error',
});
