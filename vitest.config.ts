import { defineConfig } from 'vitest/config';

// Packages resolve to each other's sources, so tests never wait for a build.
const conditions = ['@runtime-bridge/source', 'import', 'node', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{packages,apps,tools}/*/src/**/*.test.ts', 'apps/monitor/web/src/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.redis.test.ts', '**/*.slow.test.ts'],
    // One file may hold a network of processes; two cores are the machine we promise to work on.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
