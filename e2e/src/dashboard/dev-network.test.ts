import type { Demo } from '@runtime-bridge/demo';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ControlPort } from '../control-port.js';
import { withDemo } from '../with-demo.js';
import { desktop, launchBrowser, missingBrowser, openPage, seriousFindings } from './browser.js';

const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk//Alice';
/** A worker has to take in both chains, register, join the pool and start. */
const ACTIVE_MS = 200_000;

const reason = missingBrowser();
describe.skipIf(reason !== undefined)('the dashboard on a dev network', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  it('leads from nothing to an active worker, says why a transaction failed, and survives a lost link', async () => {
    await withDemo(
      { workers: 2 },
      async (demo) => {
        const { page, context, faults } = await openPage(browser, desktop);
        await page.goto(demo.monitor.url);
        await firstPoolAndWorker(page, demo);
        await whyDidItFail(page, demo);
        expect(faults).toEqual([]);
        await lostLinkAndBack(page, demo);
        await context.close();
      },
      { isEmpty: true },
    );
  });
});

/** From the empty state to the first worker that computes. */
async function firstPoolAndWorker(page: Page, demo: Demo): Promise<void> {
  await page.getByRole('heading', { level: 1, name: 'First steps' }).waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  const phrase = page.getByLabel(/^Operator’s phrase/);
  expect(await phrase.getAttribute('type')).toBe('password');
  await page.getByLabel(/^Pool id/).fill('1');
  await page.getByLabel(/^Name/).fill('alice');
  await phrase.fill('not enough words');
  await page.getByRole('button', { name: 'Create the pool' }).click();
  await page.getByText(/^A phrase has 12/).waitFor();
  await phrase.fill(PHRASE);
  await page.getByRole('button', { name: 'Create the pool' }).click();

  const create = page.getByRole('button', { name: 'Create the worker' });
  await create.waitFor();
  expect(await page.content()).not.toContain('lonely fit walk');
  await page.getByLabel(/^Name/).fill('first');
  await page.getByLabel(/^Endpoint/).fill(demo.network.workerUrls[0]!);
  await page.getByLabel(/^Stake/).fill('10,000');
  await create.click();
  await page.getByText(`first at ${demo.network.workerUrls[0]}`).waitFor();
  const done = page.getByRole('link', { name: 'Done: to the workers' });
  await done.waitFor({ timeout: ACTIVE_MS });
  const [state] = await demo.monitor.workerStates(demo.peers.manager);
  expect(state).toMatchObject({ status: 'S_ACTIVE', worker: { name: 'first' } });
  await done.click();
  await page.getByRole('heading', { level: 1, name: 'Workers' }).waitFor();
}

/** The node says that the operator cannot pay. */
async function whyDidItFail(page: Page, demo: Demo): Promise<void> {
  const chains = new ControlPort(demo.network.controlUrls.chains);
  const fault = await chains.begin({
    target: 'para',
    kind: 'error',
    code: 1010,
    message: 'Invalid Transaction: Inability to pay some fees (e.g. account balance too low)',
    methods: 'author_submitAndWatchExtrinsic+author_submitExtrinsic',
  });
  await page.getByRole('button', { name: 'New worker' }).click();
  const drawer = page.getByRole('dialog');
  await drawer.getByLabel(/^Name/).fill('unlucky');
  await drawer.getByLabel(/^Endpoint/).fill(demo.network.workerUrls[1]!);
  await drawer.getByLabel(/^Stake/).fill('10,000');
  await drawer.getByRole('button', { name: 'Create the worker' }).click();
  await page.getByRole('row', { name: /unlucky/ }).waitFor();
  await page.goto(`${demo.monitor.url}/transactions?states=failed`);
  const row = page.getByRole('row', { name: /Register the worker.*unlucky/ }).first();
  await row.waitFor({ timeout: ACTIVE_MS });
  const told = (await row.textContent()) ?? '';
  expect(told).toContain('What to do:');
  expect(await seriousFindings(page)).toEqual([]);
  await row.getByRole('button', { name: 'Details of Register the worker' }).click();
  await page.getByText('BALANCE_TOO_LOW', { exact: true }).waitFor();
  await row.getByRole('link', { name: 'unlucky' }).click();
  await page.getByRole('heading', { level: 1, name: 'unlucky' }).waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await chains.end(fault);
}

/** The monitor dies under the page and is started again. */
async function lostLinkAndBack(page: Page, demo: Demo): Promise<void> {
  await page.goto(`${demo.monitor.url}/workers`);
  await page.getByText('Live', { exact: true }).waitFor();
  demo.processes.get('monitor').kill('SIGKILL');
  await page.getByText('Link lost').waitFor();
  await page.getByText('The link to the monitor is lost.').waitFor();
  expect(await page.getByRole('row', { name: /first/ }).count()).toBe(1);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('The link to the monitor is lost.').waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /first/ }).waitFor();
}
