import {
  BlockStore,
  BlockStoreError,
  BlockStoreErrorCode,
  compactStore,
  exportStore,
  importStore,
  inspectStore,
  verifyStore,
} from '@runtime-bridge/block-store';
import { defineCommand, ExitCode, type Command } from '@runtime-bridge/service-kit';
import { access } from 'node:fs/promises';
import { dataProviderSettings } from './settings.js';

const MIB = 1024 * 1024;

const settings = {
  storePath: dataProviderSettings.storePath,
  diskReserveMiB: dataProviderSettings.diskReserveMiB,
};

interface StoreSettings {
  storePath: string;
  diskReserveMiB: number;
}

/** Opens the store for a command, which nobody else may have open meanwhile. */
async function withStore<T>(
  { storePath, diskReserveMiB }: StoreSettings,
  mayBeNew: boolean,
  run: (store: BlockStore) => Promise<T>,
): Promise<T> {
  if (!mayBeNew) {
    await access(`${storePath}/CURRENT`).catch((cause: unknown) => {
      throw new BlockStoreError(
        BlockStoreErrorCode.STORE_CORRUPT,
        `There is no store at ${storePath}`,
        { facts: { path: storePath }, cause, remedy: 'Check PHALA_LOCAL_DB_PATH' },
      );
    });
  }
  const store = new BlockStore({ path: storePath, reserveBytes: diskReserveMiB * MIB });
  await store.start();
  try {
    return await run(store);
  } finally {
    await store.stop();
  }
}

/** What the data provider's program does with its store while it does not serve it. */
export const commands: Readonly<Record<string, Command>> = {
  inspect: defineCommand({
    description: 'Tells what the store holds, as JSON',
    settings,
    run: ({ settings: values, print }) =>
      withStore(values, false, async (store) => {
        print(JSON.stringify(await inspectStore(store, values.storePath), undefined, 2));
        return ExitCode.OK;
      }),
  }),
  verify: defineCommand({
    description:
      'Proves the whole store anew from its genesis; --headers leaves out storage changes, which take memory',
    usage: '[--headers]',
    settings,
    run: ({ settings: values, args, print, progress, signal }) =>
      withStore(values, false, async (store) => {
        const state = !args.includes('--headers');
        const onProgress = progress.show.bind(progress);
        print(JSON.stringify(await verifyStore(store, { state, onProgress, signal })));
        return ExitCode.OK;
      }),
  }),
  compact: defineCommand({
    description: 'Rewrites the store so that what was replaced takes no room',
    settings,
    run: ({ settings: values, print, progress, signal }) =>
      withStore(values, false, async (store) => {
        const before = await inspectStore(store, values.storePath);
        await compactStore(store, { onProgress: progress.show.bind(progress), signal });
        const after = await inspectStore(store, values.storePath);
        print(JSON.stringify({ bytesBefore: before.diskBytes, bytesAfter: after.diskBytes }));
        return ExitCode.OK;
      }),
  }),
  export: defineCommand({
    description: 'Copies the store into one file, which must not exist',
    usage: '<file>',
    settings,
    run: ({ settings: values, args, print, progress, signal, logger }) => {
      const path = onlyFile(args);
      if (path === undefined) {
        logger.error('Give one file');
        return Promise.resolve(ExitCode.BAD_SETTINGS);
      }
      return withStore(values, false, async (store) => {
        const bytes = await exportStore(store, {
          path,
          onProgress: progress.show.bind(progress),
          signal,
        });
        print(JSON.stringify({ path, bytes }));
        return ExitCode.OK;
      });
    },
  }),
  import: defineCommand({
    description: 'Fills the store from such a file, proving everything; goes on where it stopped',
    usage: '<file>',
    settings,
    run: ({ settings: values, args, print, progress, signal, logger }) => {
      const path = onlyFile(args);
      if (path === undefined) {
        logger.error('Give one file');
        return Promise.resolve(ExitCode.BAD_SETTINGS);
      }
      return withStore(values, true, async (store) => {
        await importStore(store, { path, onProgress: progress.show.bind(progress), signal });
        print(JSON.stringify(store.heights.value));
        return ExitCode.OK;
      });
    },
  }),
};

function onlyFile(args: readonly string[]): string | undefined {
  return args.length === 1 && !args[0]!.startsWith('-') ? args[0] : undefined;
}
