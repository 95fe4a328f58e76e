#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { createProgram } from './cli/program.js';

/** After this long a stop is given up and the process ends anyway. */
const STOP_TIMEOUT_MS = 2000;

const controller = new AbortController();

function stop(reason: string): void {
  if (controller.signal.aborted) process.exit(1);
  controller.abort(new Error(reason));
  setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
}

process.on('SIGINT', () => stop('SIGINT'));
process.on('SIGTERM', () => stop('SIGTERM'));
if (process.argv.includes('--stop-with-stdin')) {
  process.stdin.on('end', () => stop('stdin ended'));
  process.stdin.on('error', () => stop('stdin ended'));
  process.stdin.resume();
  process.stdin.unref?.();
}

const program = createProgram({
  signal: controller.signal,
  print: (line) => process.stdout.write(line),
  printError: (line) => process.stderr.write(line),
  self: [process.execPath, fileURLToPath(import.meta.url)],
});

try {
  await program.parseAsync(process.argv);
  process.exit(process.exitCode ?? 0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
