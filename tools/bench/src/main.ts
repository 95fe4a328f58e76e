#!/usr/bin/env node
import { runBench, textOf, type Bench } from './harness/report.js';
import { headBench } from './provider/head-bench.js';
import { ingestBench } from './provider/ingest-bench.js';
import { memoryBench, serveBench } from './provider/serve-bench.js';
import { storeBench } from './provider/store-bench.js';
import { verifyBench } from './provider/verify-bench.js';
import { txBench } from './tx/tx-bench.js';

const benches: Record<string, Bench> = {
  store: storeBench,
  serve: serveBench,
  memory: memoryBench,
  ingest: ingestBench,
  head: headBench,
  verify: verifyBench,
  tx: txBench,
};

const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0 || process.argv.includes('--help')) {
  console.error(`bench [--json] [${Object.keys(benches).join(' | ')}]...`);
  process.exitCode = unknown.length > 0 ? 78 : 0;
} else {
  for (const name of names.length > 0 ? names : Object.keys(benches)) {
    const report = await runBench(name, benches[name]!);
    console.log(process.argv.includes('--json') ? JSON.stringify(report) : textOf(report));
  }
}
