import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.js';

export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      root: fileURLToPath(new URL('..', import.meta.url)),
      include: ['e2e/src/**/*.test.ts'],
      exclude: ['**/node_modules/**', '**/dist/**'],
      // A network of processes each: one file at a time.
      fileParallelism: false,
      testTimeout: 300_000,
      hookTimeout: 300_000,
    },
  }),
);
