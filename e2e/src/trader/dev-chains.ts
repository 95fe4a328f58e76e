import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SupervisedProcess } from '@runtime-bridge/demo';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const READY_TIMEOUT_MS = 60_000;

/** The chains of a dev network as a process of their own. */
export async function startChains(
  folder: string,
  relayBlockMs: number,
): Promise<{ paraUrl: string; stop: () => Promise<void> }> {
  let onLine: (line: string) => void = () => {};
  const ready = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The chains did not start')), READY_TIMEOUT_MS);
    onLine = (line) => {
      if (!line.startsWith('{')) return;
      const { event, para } = JSON.parse(line) as { event?: string; para?: string };
      if (event !== 'ready' || para === undefined) return;
      clearTimeout(timer);
      resolve(para);
    };
  });
  const chains = new SupervisedProcess(
    {
      name: 'chains',
      command: process.execPath,
      args: [
        join(root, 'tools/devnet/dist/main.js'),
        ...['chains', '--data', join(folder, 'chains'), '--block-ms', String(relayBlockMs)],
        ...['--relay-port', '0', '--para-port', '0'],
      ],
      env: { PATH: process.env['PATH'] ?? '' },
      logFile: join(folder, 'chains.log'),
    },
    { onLine: (line) => onLine(line), onRestart: () => {} },
  );
  chains.start();
  return { paraUrl: await ready, stop: () => chains.stop() };
}
