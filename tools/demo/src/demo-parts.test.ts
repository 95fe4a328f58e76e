import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PortFinder } from './ports.js';
import { ProcessSet } from './process-set.js';
import { Terminal } from './progress.js';

describe('PortFinder', () => {
  it('replaces a busy port and says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const busy = (taken.address() as AddressInfo).port;
    const said: string[] = [];
    const ports = new PortFinder((line) => said.push(line));
    const port = await ports.find(busy, 'the dashboard');
    expect(port).not.toBe(busy);
    expect(said).toEqual([`Port ${busy} is busy, the dashboard takes ${port}`]);
    taken.close();
  });

  it('hands out no port twice', async () => {
    const ports = new PortFinder(() => {});
    const many = [...(await ports.run(5)), await ports.any(), await ports.any()];
    expect(new Set(many).size).toBe(7);
  });
});

describe('Terminal', () => {
  it('writes a status to a pipe only when it has changed', () => {
    const written: string[] = [];
    const terminal = new Terminal({ write: (text) => written.push(text) });
    terminal.status('a');
    terminal.status('a');
    terminal.line('said');
    terminal.status('b');
    expect(written).toEqual(['a\n', 'said\n', 'b\n']);
  });

  it('rewrites the last line of a terminal', () => {
    const written: string[] = [];
    const terminal = new Terminal({ write: (text) => written.push(text), isTTY: true });
    terminal.status('a');
    terminal.line('said');
    expect(written.join('')).toBe('\r\u001b[2Ka\r\u001b[2Ksaid\na');
  });
});

describe('ProcessSet', () => {
  it('starts again what ends by itself, and nothing once it stops', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'process-set-'));
    const said: string[] = [];
    const processes = new ProcessSet({ root: folder, folder }, (line) => said.push(line));
    let lines = 0;
    let restarted: () => void;
    const twice = new Promise<void>((resolve) => (restarted = resolve));
    const child = await processes.startProgram('child', process.execPath, {
      args: ['-e', 'console.log("up"); setInterval(() => {}, 1000)'],
      onLine: () => {
        lines += 1;
        if (lines === 1) child.kill('SIGKILL');
        else restarted();
      },
    });
    await twice;
    const { pid } = child;
    await processes.stop();
    expect(said).toEqual(['child ended (SIGKILL) and is started again']);
    expect(() => process.kill(pid!, 0)).toThrow();
    expect(readFileSync(child.logFile, 'utf8').match(/up/g)).toHaveLength(2);
  });
});

describe('SupervisedProcess', () => {
  it.each([
    ['console.error("first"); console.error("last"); process.exit(3)', 'last'],
    [
      'console.error("error: no such option"); console.error("Usage: …"); process.exit(1)',
      'error:',
    ],
  ])('tells once what a process said that ended by itself: %s', async (code, said) => {
    const folder = mkdtempSync(join(tmpdir(), 'process-set-'));
    const processes = new ProcessSet({ root: folder, folder }, () => {});
    const ends: string[] = [];
    const ended = new Promise<void>((resolve) => {
      void processes.startProgram('child', process.execPath, {
        args: ['-e', code],
        onFirstEnd: (how, what) => {
          ends.push(`${how}: ${what}`);
          resolve();
        },
      });
    });
    await ended;
    await processes.stop();
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatch(/^exit code \d: /);
    expect(ends[0]).toContain(said);
  });
});
