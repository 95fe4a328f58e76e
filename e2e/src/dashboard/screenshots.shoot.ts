// Makes the pictures of the READMEs, in both themes: npm run screenshots
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorkerStatus } from '@runtime-bridge/walkie-protocol';
import { expect, it } from 'vitest';
import { desktop, launchBrowser, openPage, phone, type Look } from './browser.js';
import { MonitorProcess } from './monitor-process.js';
import { PlayedFleet, sessionJson, type PlayedWorker } from './played-fleet.js';

const FOLDER =
  process.env['SCREENSHOTS'] ??
  fileURLToPath(new URL('../../../apps/monitor/docs', import.meta.url));
/** So that there are heights to draw. */
const WATCH_MS = Number(process.env['SCREENSHOTS_WATCH_MS'] ?? 40_000);

const busy: Partial<PlayedWorker>[] = [
  {
    status: WorkerStatus.S_SYNCHING,
    message: 'Synching block data...',
    lag: 31_000,
    session: '{}',
  },
  { status: WorkerStatus.S_SYNCHED, message: 'Waiting for benchmark...', session: '{}' },
  {
    status: WorkerStatus.S_PRE_ACTIVE,
    message: 'Starting computing on chain...',
    session: sessionJson('Ready', 0),
  },
  {
    status: WorkerStatus.S_STARTING,
    message: 'Getting pRuntime information...',
    lag: 900,
    session: '{}',
  },
];

function workerAt(_manager: number, index: number): Partial<PlayedWorker> {
  if (index % 61 === 12) {
    return {
      status: WorkerStatus.S_ERROR,
      message: 'UNREACHABLE: the endpoint refused the connection; trying again in 40 s',
      lag: 240,
    };
  }
  if (index === 77) return { status: WorkerStatus.S_KICKED, message: 'Worker kicked!', lag: 1_200 };
  if (index % 97 === 3) return { session: sessionJson('WorkerUnresponsive', index) };
  return index % 20 === 9 ? busy[Math.floor(index / 20) % busy.length]! : {};
}

it('makes pictures', async () => {
  await mkdir(FOLDER, { recursive: true });
  const fleet = await PlayedFleet.start({ managers: 3, workersEach: 150, workerAt });
  const monitor = await MonitorProcess.start(fleet.bootNodes);
  const browser = await launchBrowser();
  try {
    const [manager] = fleet.managers;
    const broken = manager!.workers.find(({ status }) => status === WorkerStatus.S_ERROR);
    const pages: Record<string, string> = {
      overview: '/',
      workers: '/workers',
      worker: `/workers/${manager!.peerId}/${broken!.uuid}`,
      transactions: '/transactions',
      managers: '/managers',
      pools: '/pools',
      inventory: '/inventory',
      alerts: '/alerts',
      providers: '/providers',
      settings: '/settings',
    };
    const kept = ['overview', 'workers', 'worker', 'transactions'];
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    const looks: Look[] = [
      desktop,
      { ...desktop, theme: 'dark' },
      phone,
      { ...phone, theme: 'dark' },
    ];
    for (const look of looks) {
      const { page, context, faults } = await openPage(browser, look);
      const isPhone = look.width === phone.width;
      for (const [name, path] of Object.entries(pages)) {
        if (
          process.env['SCREENSHOTS'] === undefined &&
          !kept.slice(0, isPhone ? 2 : 4).includes(name)
        )
          continue;
        await page.goto(monitor.url + path);
        await page.getByText('Live', { exact: true }).waitFor();
        await page.waitForTimeout(800);
        await page.screenshot({
          path: join(FOLDER, `${name}-${look.theme}${isPhone ? '-phone' : ''}.png`),
        });
      }
      expect(faults).toEqual([]);
      await context.close();
    }
  } finally {
    await browser.close();
    await monitor.stop();
    await fleet.stop();
  }
}, 300_000);
