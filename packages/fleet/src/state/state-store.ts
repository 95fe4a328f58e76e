import { Limiter } from '@runtime-bridge/base';
import { ClassicLevel } from 'classic-level';

import { FleetError, FleetErrorCode } from '../errors.js';

/** Rows of one kind, JSON values by text keys. */
export interface StateSection<T> {
  /** Everything, in the order of the keys. */
  all(): Promise<[key: string, value: T][]>;
  get(key: string): Promise<T | undefined>;
  /** Writes all changes or none, and returns when they are on disk; undefined deletes. */
  write(changes: readonly (readonly [key: string, value: T | undefined])[]): Promise<void>;
}

/** Which sections there are; a name is never used again for something else. */
export type StateSectionName = 'orders' | 'alerts' | 'notices' | 'identity';

const SCHEMA_VERSION = 1;
const META_KEY = 'meta';
const MAX_WAITING = 100_000;

/** What a manager has to remember besides pools, workers and their history: small rows that survive restarts. */
export class StateStore {
  readonly #turn = new Limiter({ concurrency: 1, maxQueued: MAX_WAITING, name: 'state store' });

  private constructor(private readonly level: ClassicLevel<string, string>) {}

  /**
   * Opens or makes the store in a directory.
   * @throws FleetError BAD_STORE for a store of a later version; whatever the file system says
   */
  static async open(options: { directory: string }): Promise<StateStore> {
    const level = new ClassicLevel<string, string>(options.directory);
    await level.open();
    const version = await level.get(META_KEY);
    if (version === undefined) await level.put(META_KEY, `${SCHEMA_VERSION}`, { sync: true });
    else if (version !== `${SCHEMA_VERSION}`) {
      await level.close();
      throw new FleetError(
        FleetErrorCode.BAD_STORE,
        'The state of the manager was written by another version',
        { facts: { directory: options.directory, version, supported: SCHEMA_VERSION } },
      );
    }
    return new StateStore(level);
  }

  /** The rows of a section. Values have to be what JSON can hold. */
  section<T>(name: StateSectionName): StateSection<T> {
    const { level } = this;
    const prefix = `${name}:`;
    return {
      all: async () => {
        const entries = await level.iterator({ gte: prefix, lt: `${name};` }).all();
        return entries.map(([key, value]): [string, T] => [
          key.slice(prefix.length),
          parse<T>(key, value),
        ]);
      },
      get: async (key) => {
        const value = await level.get(`${prefix}${key}`);
        return value === undefined ? undefined : parse<T>(key, value);
      },
      write: (changes) =>
        this.#turn.run(() =>
          level.batch(
            changes.map(([key, value]) =>
              value === undefined
                ? { type: 'del' as const, key: `${prefix}${key}` }
                : { type: 'put' as const, key: `${prefix}${key}`, value: JSON.stringify(value) },
            ),
            { sync: true },
          ),
        ),
    };
  }

  async close(): Promise<void> {
    await this.#turn.run(() => this.level.close());
  }
}

function parse<T>(key: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new FleetError(FleetErrorCode.BAD_STORE, "A row of the manager's state cannot be read", {
      facts: { key },
      cause,
    });
  }
}
