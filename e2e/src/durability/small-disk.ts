import { execFile } from 'node:child_process';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MIB = 1024 * 1024;

/** A disk of a few MiB, in memory, that can be filled up. */
export class SmallDisk {
  private constructor(readonly path: string) {}

  /** Undefined where this user may not mount one. */
  static async mount(path: string, mebibytes: number): Promise<SmallDisk | undefined> {
    await mkdir(path, { recursive: true });
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
    } catch {
      return undefined;
    }
    return new SmallDisk(path);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** Takes what is free, but for so much. */
  async fill(leftBytes: number): Promise<void> {
    const file = await open(join(this.path, 'filler'), 'a');
    try {
      for (;;) {
        const bytes = Math.min(MIB, (await this.freeBytes()) - leftBytes);
        if (bytes <= 0) return;
        await file.write(Buffer.alloc(bytes));
      }
    } catch (error) {
      // Somebody else took the rest.
      if ((error as { code?: string }).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  /** Gives back what was taken. */
  async makeRoom(): Promise<void> {
    await rm(join(this.path, 'filler'), { force: true });
  }

  async unmount(): Promise<void> {
    await run('umount', [this.path]);
  }
}
