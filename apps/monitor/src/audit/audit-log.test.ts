import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@runtime-bridge/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditLog, type AuditNote } from './audit-log.js';

let folder: string;
let path: string;
const collaborators = { clock: systemClock, logger: silentLogger };
const options = { maxFileBytes: 2_000, oldFiles: 2, maxEntries: 100 };
const note = (detail: string): AuditNote => ({
  user: 'ann',
  role: 'operator',
  address: '127.0.0.1',
  what: 'restart',
  manager: null,
  targets: ['w'],
  targetCount: 1,
  detail,
  outcome: 'done',
  error: null,
});
const details = (log: AuditLog, beforeMs = Infinity, limit = 100) =>
  log.page(beforeMs, limit).entries.map(({ detail }) => detail);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  path = join(folder, 'deep', 'audit.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

describe('the audit log', () => {
  it('outlives restarts, and a line that was cut off', async () => {
    const first = await AuditLog.open({ ...options, path }, collaborators);
    first.add(note('a'));
    first.add(note('b'));
    await first.flush();
    await appendFile(path, '{"timeMs":5,"tar');
    const second = await AuditLog.open({ ...options, path }, collaborators);
    expect(details(second)).toEqual(['b', 'a']);
  });

  it('is nobody else’s to read', async () => {
    const log = await AuditLog.open({ ...options, path }, collaborators);
    log.add(note('a'));
    await log.flush();
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  it('keeps so many files of so many bytes, the newest entries in them', async () => {
    const log = await AuditLog.open({ ...options, path }, collaborators);
    for (let i = 0; i < 60; i += 1) log.add(note(`entry ${i}`));
    await log.flush();
    const files = (await readdir(join(folder, 'deep'))).sort();
    expect(files).toEqual(['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2']);
    for (const file of files) {
      expect((await stat(join(folder, 'deep', file))).size).toBeLessThanOrEqual(2_000);
    }
    expect(await readFile(path, 'utf8')).toContain('entry 59');
    const again = await AuditLog.open({ ...options, path }, collaborators);
    expect(details(again)[0]).toBe('entry 59');
    expect(details(again).length).toBeGreaterThan(10);
  });

  it('is read in pages that miss nothing and repeat nothing', async () => {
    const log = await AuditLog.open({ ...options, path: undefined }, collaborators);
    for (let i = 0; i < 25; i += 1) log.add(note(`${i}`));
    const seen: string[] = [];
    let beforeMs = Infinity;
    for (;;) {
      const { entries, hasMore } = log.page(beforeMs, 10);
      seen.push(...entries.map(({ detail }) => detail));
      if (!hasMore) break;
      beforeMs = entries.at(-1)!.timeMs;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => `${24 - i}`));
  });

  it('bounds what is in memory and in one entry', async () => {
    const log = await AuditLog.open({ ...options, path: undefined }, collaborators);
    const targets = Array.from({ length: 50 }, (_, i) => `w${i}`);
    for (let i = 0; i < 150; i += 1) {
      log.add({ ...note('x'.repeat(5_000)), targets, targetCount: 50 });
    }
    const { entries, hasMore } = log.page(Infinity, 500);
    expect([entries.length, hasMore]).toEqual([100, false]);
    expect(entries[0]!.detail).toHaveLength(500);
    expect(entries[0]).toMatchObject({ targetCount: 50, targets: targets.slice(0, 10) });
  });

  it('says which setting is wrong when it cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    const opening = AuditLog.open({ ...options, path: join(folder, 'file', 'x') }, collaborators);
    await expect(opening).rejects.toMatchObject({
      code: 'BAD_SETTINGS',
      facts: { variable: 'PHALA_MONITOR_AUDIT_PATH' },
    });
  });
});
