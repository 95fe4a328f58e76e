import { statfs } from 'node:fs/promises';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';

/** Free bytes on the disk that holds a path. */
export type FreeBytes = (path: string) => Promise<number>;

/** As the operating system tells, for those who are not root. */
export const freeBytesOf: FreeBytes = async (path) => {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
};

/**
 * Keeps room on the disk. LevelDB takes no more writes after one of its own has failed, and a log that ends in the middle
 * of a record hides what comes behind it: so writing ends before the disk is full, not because it is.
 */
export class DiskRoom {
  readonly #options: { path: string; reserveBytes: number };
  readonly #freeBytes: FreeBytes;

  constructor(
    options: { path: string; reserveBytes: number },
    collaborators: { freeBytes?: FreeBytes } = {},
  ) {
    this.#options = options;
    this.#freeBytes = collaborators.freeBytes ?? freeBytesOf;
  }

  /** @throws BlockStoreError DISK_FULL when less than the reserve is free */
  async expect(): Promise<void> {
    const { path, reserveBytes } = this.#options;
    const freeBytes = await this.#freeBytes(path);
    if (freeBytes >= reserveBytes) return;
    throw new BlockStoreError(
      BlockStoreErrorCode.DISK_FULL,
      `The disk is nearly full: ${mib(freeBytes)} MiB are free, ${mib(reserveBytes)} MiB are kept free`,
      {
        facts: { path, freeBytes, reserveBytes },
        remedy: 'Make room on the disk; what is stored is served, and fetching goes on by itself',
      },
    );
  }
}

function mib(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}
