import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Demo } from './demo.js';
import { readOptions } from './options.js';
import { Terminal } from './progress.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const options = readOptions(process.argv);
const terminal = new Terminal(process.stdout);
const demo = new Demo(options, { root, tell: (line) => terminal.line(line) });
const interrupted = new AbortController();

let ending: Promise<never> | undefined;
function end(exitCode: number, keepData?: boolean): Promise<never> {
  ending ??= (async () => {
    interrupted.abort();
    terminal.line('Stopping …');
    await demo.stop(keepData === undefined ? {} : { keepData });
    if (keepData === true) terminal.line(`Logs: ${join(demo.folder, 'logs')}`);
    process.exit(exitCode);
  })();
  return ending;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void end(options.once ? 130 : 0));
}

try {
  await demo.start();
  const progress = demo.progress();
  const show = async () => {
    while (!interrupted.signal.aborted) {
      terminal.status(await progress.line());
      await new Promise((resolve) => setTimeout(resolve, process.stdout.isTTY ? 1000 : 5000));
    }
  };
  void show();
  if (options.once) {
    const exitCode = await demo.audit(options, interrupted.signal);
    if (!interrupted.signal.aborted)
      await end(exitCode, exitCode !== 0 || options.data !== undefined);
  } else {
    terminal.line(`Logs: ${join(demo.folder, 'logs')}`);
    terminal.line(`Dashboard: ${demo.monitor.url}   (Ctrl-C stops everything)`);
  }
} catch (error) {
  if (!interrupted.signal.aborted) {
    terminal.line(`Could not start: ${error instanceof Error ? error.message : String(error)}`);
    await end(1, true);
  }
}
