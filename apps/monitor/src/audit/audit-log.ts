import { appendFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, type Clock, type Logger } from '@runtime-bridge/base';
import { ServiceError, ServiceErrorCode } from '@runtime-bridge/service-kit';
import type { AuditEntry, AuditPage } from '../api/index.js';

/** Bounds of the log. */
export interface AuditLogOptions {
  /** One JSON object a line; undefined keeps it in memory and the log only. */
  path: string | undefined;
  /** A file that is larger becomes `<path>.1`, that one `<path>.2` and so on. */
  maxFileBytes: number;
  /** Files kept beside the newest. */
  oldFiles: number;
  /** Entries that can be looked at. */
  maxEntries: number;
}

export const defaultAuditLogOptions = {
  maxFileBytes: 4 * 1024 * 1024,
  oldFiles: 3,
  maxEntries: 5_000,
} as const;

/** Told by whoever tries something. */
export type AuditNote = Omit<AuditEntry, 'timeMs'>;

const MAX_DETAIL = 500;
const SHOWN_TARGETS = 10;

/** Who changed what, and who tried: a file that only grows and is rotated, a line in the log, and the newest in memory. */
export class AuditLog {
  /** Newest last. */
  readonly #entries: AuditEntry[];
  #bytes: number;
  #writing: Promise<void> = Promise.resolve();
  #isBroken = false;

  private constructor(
    private readonly options: AuditLogOptions,
    private readonly collaborators: { clock: Clock; logger: Logger },
    entries: AuditEntry[],
    bytes: number,
  ) {
    this.#entries = entries;
    this.#bytes = bytes;
  }

  /** @throws ServiceError BAD_SETTINGS when the file cannot be written */
  static async open(
    options: AuditLogOptions,
    collaborators: { clock: Clock; logger: Logger },
  ): Promise<AuditLog> {
    const { path } = options;
    if (path === undefined) return new AuditLog(options, collaborators, [], 0);
    try {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, '', { mode: 0o600 });
      const entries: AuditEntry[] = [];
      for (let age = options.oldFiles; age >= 0; age -= 1) {
        entries.push(...(await readEntries(nameOf(path, age))));
      }
      const newest = entries.slice(-options.maxEntries);
      return new AuditLog(options, collaborators, newest, (await stat(path)).size);
    } catch (error) {
      throw new ServiceError(ServiceErrorCode.BAD_SETTINGS, messageOf(error), {
        facts: { variable: 'PHALA_MONITOR_AUDIT_PATH', path },
        remedy: 'Name a file in PHALA_MONITOR_AUDIT_PATH that the monitor may write',
        cause: error,
      });
    }
  }

  /** Adds an entry. What cannot be written to the file is in the log all the same, and that is told. */
  add(note: AuditNote): void {
    const entry: AuditEntry = {
      // Pages go by time, so no two have the same.
      timeMs: Math.max(this.collaborators.clock.now(), (this.#entries.at(-1)?.timeMs ?? 0) + 1),
      ...note,
      targets: note.targets.slice(0, SHOWN_TARGETS),
      detail: note.detail.slice(0, MAX_DETAIL),
      error: note.error?.slice(0, MAX_DETAIL) ?? null,
    };
    this.#entries.push(entry);
    if (this.#entries.length > this.options.maxEntries) this.#entries.shift();
    const { timeMs: _timeMs, targets, ...facts } = entry;
    this.collaborators.logger.info('Audit', { ...facts, targets: targets.join(', ') });
    this.#writing = this.#writing.then(() => this.#write(`${JSON.stringify(entry)}\n`));
  }

  /** Newest first. */
  page(beforeMs: number, limit: number): AuditPage {
    const older = this.#entries.filter(({ timeMs }) => timeMs < beforeMs);
    const entries = older.slice(-limit).reverse();
    return { entries, hasMore: older.length > entries.length };
  }

  /** Resolves when all is written. */
  flush(): Promise<void> {
    return this.#writing;
  }

  async #write(line: string): Promise<void> {
    const { path, maxFileBytes, oldFiles } = this.options;
    if (path === undefined) return;
    try {
      const size = Buffer.byteLength(line);
      if (this.#bytes + size > maxFileBytes) {
        for (let age = oldFiles - 1; age >= 0; age -= 1) {
          await rename(nameOf(path, age), nameOf(path, age + 1)).catch(ignoreMissing);
        }
        this.#bytes = 0;
      }
      await appendFile(path, line, { mode: 0o600 });
      this.#bytes += size;
      this.#isBroken = false;
    } catch (error) {
      if (this.#isBroken) return;
      this.#isBroken = true;
      this.collaborators.logger.error('The audit log cannot be written', { path }, error);
    }
  }
}

const nameOf = (path: string, age: number) => (age === 0 ? path : `${path}.${age}`);

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** Lines that are no entries, as after a crash in the middle of one, are left out. */
async function readEntries(path: string): Promise<AuditEntry[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    ignoreMissing(error);
    return '';
  });
  return text.split('\n').flatMap((line) => {
    try {
      const entry = JSON.parse(line) as AuditEntry | null;
      return typeof entry?.timeMs === 'number' && Array.isArray(entry.targets) ? [entry] : [];
    } catch {
      return [];
    }
  });
}
