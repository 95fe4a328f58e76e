import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LifecycleProcess } from './durability/lifecycle-process.js';

const scripts = fileURLToPath(new URL('../../docker/scripts/', import.meta.url));
const NOBODY = 'ws://127.0.0.1:9';
let folder: string;

/** Runs one of the scripts as an operator does. */
function script(name: 'backup.sh' | 'restore.sh', ...words: string[]) {
  return new Promise<{ code: number; output: string }>((resolve) => {
    execFile(join(scripts, name), words, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr });
    });
  });
}

/** A folder as a service leaves it behind. */
async function madeUpData(): Promise<string> {
  const data = join(folder, 'data');
  await mkdir(join(data, 'keys/id'), { recursive: true });
  await writeFile(join(data, 'keys/id/DATA_PROVIDER'), 'key');
  await mkdir(join(data, '0'));
  await writeFile(join(data, '0/000005.ldb'), 'blocks');
  return data;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backup-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('backup and restore', () => {
  it('give a lifecycle manager its identity, pools and workers back, and not while it runs', async () => {
    const data = join(folder, 'data');
    const file = join(folder, 'backup.tar.gz');
    const options = { folder: data, para: NOBODY, providers: [] };
    const peerOf = ({ log }: LifecycleProcess) =>
      log.find(({ message }) => message === 'Got my peer id')?.['peerId'];

    const first = await LifecycleProcess.start(options);
    let peer: unknown;
    try {
      await first.addWorkers(['http://127.0.0.1:9']);
      peer = peerOf(first);
      const early = await script('backup.sh', data, file);
      expect(early.code, early.output).toBe(1);
      expect(await readdir(folder)).toEqual(['data']);
    } finally {
      await first.stop();
    }
    const backup = await script('backup.sh', data, file);
    expect(backup.code, backup.output).toBe(0);
    await rm(data, { recursive: true });

    const restored = await script('restore.sh', file, data);
    expect(restored.code, restored.output).toBe(0);
    expect((await stat(join(data, 'keys/LIFECYCLE'))).mode & 0o777).toBe(0o600);
    const second = await LifecycleProcess.start(options);
    try {
      expect(typeof peer).toBe('string');
      expect(peerOf(second)).toBe(peer);
      expect(Object.keys(await second.states())).toEqual(['worker-1']);
    } finally {
      await second.stop();
    }
  });

  it('leave blocks out unless asked, and sockets always', async () => {
    const data = await madeUpData();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(data, 'x.sock'), resolve));
    try {
      for (const [words, blocks] of [
        [[], false],
        [['--with-blocks'], true],
      ] as const) {
        const file = join(folder, `${blocks}.tar.gz`);
        const target = join(folder, `restored-${blocks}`);
        expect(await script('backup.sh', ...words, data, file)).toMatchObject({ code: 0 });
        expect(await script('restore.sh', file, target)).toMatchObject({ code: 0 });
        expect(await readdir(target)).toEqual(blocks ? ['0', 'keys'] : ['keys']);
        expect(await readFile(join(target, 'keys/id/DATA_PROVIDER'), 'utf8')).toBe('key');
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('write over nothing, and take nothing that was changed', async () => {
    const data = await madeUpData();
    const file = join(folder, 'backup.tar.gz');
    expect(await script('backup.sh', data, file)).toMatchObject({ code: 0 });
    expect(await script('backup.sh', data, file)).toMatchObject({ code: 1 });
    expect(await script('backup.sh', data, join(data, 'in-itself.tar.gz'))).toMatchObject({
      code: 1,
    });
    expect(await script('restore.sh', file, data)).toMatchObject({ code: 1 });

    const bytes = await readFile(file);
    bytes[20]! ^= 1;
    const damaged = join(folder, 'damaged.tar.gz');
    await writeFile(damaged, bytes);
    await cp(`${file}.sha256`, `${damaged}.sha256`);
    const target = join(folder, 'target');
    expect(await script('restore.sh', damaged, target)).toMatchObject({ code: 1 });
    await expect(stat(target)).rejects.toThrow();

    expect(await script('backup.sh')).toMatchObject({ code: 2 });
    expect(await script('restore.sh', file)).toMatchObject({ code: 2 });
  });
});
