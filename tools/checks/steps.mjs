// Runs the steps of a check one after another and counts what passed, failed and was skipped.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../setup/setup.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/** A run of several steps; all are run, whatever fails, so that one run tells everything. */
export class Check {
  /** @type {Count} */
  #total = { passed: 0, failed: 0, skipped: 0 };
  /** @type {string[]} */
  #failures = [];

  /** A command that passes or fails as a whole; with `unavailable`, exit code 2 means that it could not be done here. */
  async command(name, command, args, { unavailable, ...options } = {}) {
    const { code, seconds } = await this.#run(name, command, args, options);
    if (unavailable !== undefined && code === 2) {
      console.log(`== ${name}: SKIPPED: ${unavailable}`);
      this.#total.skipped += 1;
      return;
    }
    this.#add(
      name,
      { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 },
      seconds,
    );
  }

  /** A run of vitest, whose tests are counted one by one. */
  async vitest(name, args, options = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'vitest-'));
    const report = join(folder, 'report.json');
    const { code, seconds } = await this.#run(
      name,
      process.execPath,
      [
        join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        ...args,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
      ],
      options,
    );
    this.#add(name, readReport(report, code), seconds);
    rmSync(folder, { recursive: true, force: true });
  }

  /** Something that cannot be run here: skipped with the reason, a failure where everything must be there. */
  unavailable(name, reason) {
    const mustBeThere = process.env.CI === 'true';
    console.log(`\n== ${name}: ${mustBeThere ? 'FAILED' : 'SKIPPED'}: ${reason}`);
    if (mustBeThere) this.#failures.push(name);
    this.#total[mustBeThere ? 'failed' : 'skipped'] += 1;
  }

  /** Prints the sum and sets the exit code. */
  finish() {
    for (const name of this.#failures) console.log(`FAILED: ${name}`);
    const { passed, failed, skipped } = this.#total;
    process.exitCode = failed === 0 ? 0 : 1;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  }

  #add(name, count, seconds) {
    for (const key of Object.keys(this.#total)) this.#total[key] += count[key];
    if (count.failed > 0) this.#failures.push(name);
    const { passed, failed, skipped } = count;
    console.log(`== ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s`);
  }

  #run(name, command, args, options) {
    console.log(`\n== ${name}`);
    const begin = Date.now();
    return new Promise((resolve) => {
      const child = spawn(command, args, {
        cwd: root,
        stdio: ['ignore', 'inherit', 'inherit'],
        ...options,
        env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', ...options.env },
      });
      const end = (code) => resolve({ code, seconds: Math.round((Date.now() - begin) / 1000) });
      child.once('error', (error) => {
        console.error(error.message);
        end(1);
      });
      child.once('close', (code) => end(code ?? 1));
    });
  }
}

/** Counts of a vitest report; a run that ended badly without a failed test counts as one failure. */
function readReport(file, code) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    const failedFiles = report.testResults.filter(
      (one) =>
        one.status === 'failed' && one.assertionResults.every((test) => test.status !== 'failed'),
    ).length;
    const count = {
      passed: report.numPassedTests,
      failed: report.numFailedTests + failedFiles,
      skipped: report.numPendingTests + report.numTodoTests,
    };
    if (code !== 0 && count.failed === 0) count.failed = 1;
    return count;
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
