import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PROGRAM = 'chromium';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The colours that a browser asks for, and its window. */
export interface Look {
  theme: 'light' | 'dark';
  width: number;
  height: number;
}

export const desktop: Look = { theme: 'light', width: 1440, height: 900 };
export const phone: Look = { theme: 'light', width: 390, height: 844 };

/**
 * Installs the browser where that is allowed.
 * @returns why there is none; undefined when there is one. Where everything must be there (CI=true) it throws instead
 */
export function missingBrowser(): string | undefined {
  const tool = fileURLToPath(new URL('../../../tools/setup/ensure-program.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [tool, PROGRAM, PROGRAM], {
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  if (process.env['CI'] === 'true') throw new Error(stderr);
  console.warn(`SKIPPED: ${stderr}`);
  return stderr;
}

/** A browser for the tests of a file. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = execFileSync('which', [PROGRAM], { encoding: 'utf8' }).trim();
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page that remembers what went wrong in it. */
export interface WatchedPage {
  page: Page;
  context: BrowserContext;
  /** Errors of scripts and of the content security policy, and requests that failed. */
  faults: string[];
}

/** Opens a page in a context of its own. */
export async function openPage(browser: Browser, look: Look): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.theme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return { page, context, faults };
}

/** What axe finds to be serious or critical on a page, as texts. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const result = await page.evaluate<{
    violations: { id: string; impact: string | null; nodes: { html: string; target: unknown }[] }[];
  }>(`axe.run(document, { resultTypes: ['violations'], preload: false })`);
  return result.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

/** By how many pixels a page is wider than its window. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>(`(() => {
    const main = document.querySelector('main');
    return Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
  })()`);
}
