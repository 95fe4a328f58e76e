import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { blake2b256, bytesEqual } from '../primitives/index.js';

/** What is sealed with the first init and outlives checkpoints. */
export interface SealedKey {
  readonly genesisBlockHash: Uint8Array;
  readonly paraId: number;
  readonly seed: Uint8Array;
  readonly devMode: boolean;
  /** Made by the enclave itself, not handed in. */
  readonly isOwnKey: boolean;
}

/** Where a worker keeps what must survive its process. */
export interface SealedStore {
  loadKey(): SealedKey | undefined;
  saveKey(key: SealedKey): void;
  /** The last whole checkpoint, undefined when there is none or it is damaged. */
  loadCheckpoint(): unknown;
  /** Writes a checkpoint; what it is made of is read before this returns. */
  saveCheckpoint(checkpoint: unknown): Promise<void>;
  removeCheckpoints(): void;
  /** Forgets key and checkpoints. */
  removeAll(): void;
  /** Goes back to the checkpoint before the last one; to none when there is none. */
  rollBack(): void;
  /** Waits for a checkpoint that is being written. */
  settled(): Promise<void>;
}

/** Keeps nothing: a worker that forgets all when its process ends. */
export class VolatileStore implements SealedStore {
  private key: SealedKey | undefined;

  loadKey(): SealedKey | undefined {
    return this.key;
  }

  saveKey(key: SealedKey): void {
    this.key = key;
  }

  loadCheckpoint(): undefined {
    return undefined;
  }

  async saveCheckpoint(): Promise<void> {
    // a volatile worker has none
  }

  removeCheckpoints(): void {
    // a volatile worker has none
  }

  removeAll(): void {
    this.key = undefined;
  }

  rollBack(): void {
    // a volatile worker has no checkpoint at all
  }

  async settled(): Promise<void> {
    // nothing is ever written
  }
}

const KEY_FILE = 'runtime-data.seal';
const CHECKPOINT_FILE = 'checkpoint.seal';
const PREVIOUS_FILE = 'checkpoint.previous.seal';
const HASH_BYTES = 32;

/**
 * Files of one worker, named as pRuntime names its own. They are not encrypted: there is no enclave
 * here to hide them from.
 */
export class DiskStore implements SealedStore {
  private writing: Promise<void> = Promise.resolve();
  private isWriting = false;

  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  loadKey(): SealedKey | undefined {
    return this.load(KEY_FILE) as SealedKey | undefined;
  }

  saveKey(key: SealedKey): void {
    const path = join(this.directory, KEY_FILE);
    writeFileSync(`${path}.tmp`, withHash(serialize(key)), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }

  loadCheckpoint(): unknown {
    // Between two renames there may be the one before only.
    const isThere = existsSync(join(this.directory, CHECKPOINT_FILE));
    return this.load(isThere ? CHECKPOINT_FILE : PREVIOUS_FILE);
  }

  /** A checkpoint that comes while the last one is still being written is skipped. */
  saveCheckpoint(checkpoint: unknown): Promise<void> {
    if (this.isWriting) return this.writing;
    const bytes = withHash(serialize(checkpoint));
    const path = join(this.directory, CHECKPOINT_FILE);
    this.isWriting = true;
    this.writing = writeFile(`${path}.tmp`, bytes)
      .then(async () => {
        if (existsSync(path)) await rename(path, join(this.directory, PREVIOUS_FILE));
        await rename(`${path}.tmp`, path);
      })
      .finally(() => {
        this.isWriting = false;
      });
    return this.writing;
  }

  removeCheckpoints(): void {
    for (const name of [CHECKPOINT_FILE, PREVIOUS_FILE]) {
      rmSync(join(this.directory, name), { force: true });
    }
  }

  removeAll(): void {
    this.removeCheckpoints();
    rmSync(join(this.directory, KEY_FILE), { force: true });
  }

  rollBack(): void {
    rmSync(join(this.directory, CHECKPOINT_FILE), { force: true });
    const previous = join(this.directory, PREVIOUS_FILE);
    if (existsSync(previous)) renameSync(previous, join(this.directory, CHECKPOINT_FILE));
  }

  /** Errors are told where the checkpoint was asked for. */
  async settled(): Promise<void> {
    await this.writing.catch(() => undefined);
  }

  private load(name: string): unknown {
    const path = join(this.directory, name);
    if (!existsSync(path)) return undefined;
    const bytes = readFileSync(path);
    const body = bytes.subarray(HASH_BYTES);
    if (!bytesEqual(blake2b256(body), bytes.subarray(0, HASH_BYTES))) return undefined;
    return deserialize(body) as unknown;
  }
}

/** Leads with a hash, so that a file cut off by a crash is told from a whole one. */
function withHash(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([blake2b256(bytes), bytes]);
}
