import { WorkerStatus } from '@runtime-bridge/walkie-protocol';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  desktop,
  launchBrowser,
  missingBrowser,
  openPage,
  overflowOf,
  phone,
  seriousFindings,
  type Look,
} from './browser.js';
import { MonitorProcess } from './monitor-process.js';
import { PlayedFleet, sessionJson, type PlayedWorker } from './played-fleet.js';

const MANAGERS = 5;
const WORKERS_EACH = 1_000;
const BROKEN_EACH = 100;

/** Ten of each thousand are broken; some are on their way. */
function workerAt(_manager: number, index: number): Partial<PlayedWorker> {
  if (index % BROKEN_EACH === 42) {
    return {
      status: WorkerStatus.S_ERROR,
      message: 'UNREACHABLE: http://10.0.1.9:8000 refused the connection; trying again in 40 s',
      lag: 240,
    };
  }
  if (index % 50 === 7) {
    return {
      status: WorkerStatus.S_SYNCHING,
      message: 'Synching block data...',
      lag: 1_000 + index,
      session: '{}',
    };
  }
  return index % 97 === 3 ? { session: sessionJson('WorkerUnresponsive', index) } : {};
}

const pages = [
  '/',
  '/workers',
  '/transactions',
  '/alerts',
  '/pools',
  '/managers',
  '/providers',
  '/inventory',
  '/settings',
];

const reason = missingBrowser();
describe.skipIf(reason !== undefined)('the dashboard with 5,000 workers at 5 managers', () => {
  let fleet: PlayedFleet;
  let monitor: MonitorProcess;
  let browser: Browser;

  beforeAll(async () => {
    fleet = await PlayedFleet.start({ managers: MANAGERS, workersEach: WORKERS_EACH, workerAt });
    monitor = await MonitorProcess.start(fleet.bootNodes);
    browser = await launchBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await monitor?.stop();
    await fleet?.stop();
  });

  const openWorkers = async (look: Look, search = '') => {
    const watched = await openPage(browser, look);
    await watched.page.goto(`${monitor.url}/workers${search}`);
    await watched.page.getByText('5,000 workers').first().waitFor();
    return watched;
  };

  it('finds the ten broken of 1,000 and restarts them, and no other', async () => {
    const { page, context, faults } = await openWorkers(desktop);
    const [first] = fleet.managers;
    await page.goto(`${monitor.url}/workers?manager=${first!.peerId}`);
    await page.getByText('1,000 of 5,000 workers').waitFor();
    await page
      .getByRole('search')
      .getByRole('button', { name: /^State/ })
      .click();
    await page.getByRole('checkbox', { name: /^error/ }).check();
    await page.getByText('10 of 5,000 workers').waitFor();
    expect(page.url()).toContain('state=S_ERROR');
    await page.keyboard.press('Escape');
    await page.getByRole('checkbox', { name: 'Select all 10 workers' }).check();
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('10 will be done').waitFor();
    await dialog.getByRole('button', { name: 'Restart 10' }).click();
    await dialog.getByText('Over: 10 done, 0 failed').waitFor();
    const broken = first!.workers.filter((_, index) => index % BROKEN_EACH === 42);
    expect([...first!.restarted].sort()).toEqual(broken.map(({ uuid }) => uuid).sort());
    expect(fleet.managers.slice(1).flatMap(({ restarted }) => restarted)).toEqual([]);
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await page.getByText('No worker is like that').waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it('holds only the rows that are seen, and is walked through by keyboard', async () => {
    const { page, context, faults } = await openWorkers(desktop, '?sort=name');
    const rows = page.locator('.rb-grid tbody tr[data-index]');
    expect(await rows.count()).toBeLessThan(100);
    await page.locator('.rb-grid tbody tr[data-index="0"]').focus();
    await page.keyboard.press('End');
    await page.locator('.rb-grid tbody tr[data-index="4999"]:focus').waitFor();
    expect(await rows.count()).toBeLessThan(100);
    await page.keyboard.press('Home');
    await page.locator('.rb-grid tbody tr[data-index="0"]:focus').waitFor();
    await page.keyboard.press(' ');
    await page.getByText('1 worker chosen').waitFor();
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByText('2 workers chosen').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'rack1-node-2' }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it('keeps a view in the address, and columns as chosen', async () => {
    const { page, context } = await openWorkers(desktop, '?columns=name,state,endpoint');
    await page.getByRole('searchbox', { name: 'Search workers' }).fill('rack3-node-77');
    await page.getByText('11 of 5,000 workers').waitFor();
    const address = page.url();
    const other = await openPage(browser, desktop);
    await other.page.goto(address);
    await other.page.getByText('11 of 5,000 workers').waitFor();
    await other.page.getByRole('button', { name: 'Endpoint' }).waitFor();
    await other.context.close();
    await context.close();
  });

  const looks: Look[] = [
    desktop,
    { ...desktop, theme: 'dark' },
    phone,
    { ...phone, theme: 'dark' },
  ];
  it.each(looks)('has no serious finding of axe and fits: $theme, $width pixels', async (look) => {
    const { page, context, faults } = await openWorkers(look);
    const uuid = fleet.managers[1]!.workers[42]!.uuid;
    const found: string[] = [];
    for (const path of [...pages, `/workers/${fleet.managers[1]!.peerId}/${uuid}`]) {
      await page.goto(monitor.url + path);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.locator('main h1').waitFor();
      await page.getByText('Loading …').first().waitFor({ state: 'detached' });
      for (const finding of await seriousFindings(page)) found.push(`${path} ${finding}`);
      const overflow = await overflowOf(page);
      if (overflow > 0) found.push(`${path} is ${overflow} px too wide`);
    }
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it('tells its figures', async () => {
    const watched = await openPage(browser, desktop);
    const { page, context } = watched;
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    let scriptBytes = 0;
    page.on('response', (response) => {
      if (!response.url().endsWith('.js')) return;
      void response
        .request()
        .sizes()
        .then(
          ({ responseBodySize }) => (scriptBytes += responseBodySize),
          () => {},
        );
    });
    const began = performance.now();
    await page.goto(`${monitor.url}/workers`);
    await page.locator('.rb-grid tbody tr[data-index]').first().waitFor();
    const usableMs = performance.now() - began;
    const interactions = await page.evaluate<number[]>(MEASURE_INTERACTIONS);
    const frames = await page.evaluate<number[]>(MEASURE_SCROLL);
    let streamBytes = 0;
    session.on('Network.dataReceived', ({ dataLength }) => (streamBytes += dataLength));
    const before = await monitor.usage();
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const after = await monitor.usage();
    const at = (list: number[], part: number) =>
      Math.round([...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * part)]! * 10) / 10;
    console.log(
      JSON.stringify({
        figure: 'dashboard with 5,000 workers',
        usableMs: Math.round(usableMs),
        initialScriptKib: Math.round(scriptBytes / 1_024),
        interactionP50Ms: at(interactions, 0.5),
        interactionP95Ms: at(interactions, 0.95),
        scrollFrameP50Ms: at(frames, 0.5),
        scrollFrameP95Ms: at(frames, 0.95),
        updatesBytesPerSec: Math.round(streamBytes / 10),
        serverRssMib: Math.round(after.rssBytes / 2 ** 20),
        serverCpuPercent: Math.round((after.cpuMs - before.cpuMs) / 100),
      }),
    );
    expect(interactions.length).toBeGreaterThan(20);
    expect(frames.length).toBeGreaterThan(20);
    await context.close();
  });
});

/** Sorts by several columns, again and again; each time until the frame after which it is painted. */
const MEASURE_INTERACTIONS = `(async () => {
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const times = [];
  for (let turn = 0; turn < 6; turn += 1) {
    for (const label of ['Name', 'State', 'Behind', 'V', 'Last message']) {
      const button = [...document.querySelectorAll('.rb-grid-sort')].find((one) => one.textContent === label);
      const began = performance.now();
      button.click();
      await painted();
      times.push(performance.now() - began);
      await new Promise((done) => setTimeout(done, 30));
    }
  }
  return times;
})()`;

/** Scrolls through all rows and takes the time of each frame. */
const MEASURE_SCROLL = `(async () => {
  const room = document.querySelector('.rb-grid-room');
  const times = [];
  let last = performance.now();
  for (let top = 0; top < 120_000; top += 800) {
    room.scrollTop = top;
    await new Promise((done) => requestAnimationFrame(done));
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  room.scrollTop = 0;
  return times;
})()`;
