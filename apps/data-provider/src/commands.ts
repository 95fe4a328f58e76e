import {
  BlockStore,
  BlockStoreError,
  BlockStoreErrorCode,
  compactStore,
  expectStoreFile,
  exportStore,
  importStore,
  inspectStore,
  verifyStore,
} from '@runtime-bridge/block-store';
import {
  defineCommand,
  ExitCode,
  type Command,
  type CommandContext,
} from '@runtime-bridge/service-kit';
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
  inspect: storeCommand('Tells what the store holds, as JSON', {
    run: ({ settings: values, print }) =>
      withStore(values, false, async (store) => {
        print(JSON.stringify(await inspectStore(store, values.storePath), undefined, 2));
      }),
  }),
  verify: storeCommand(
    'Proves the whole store anew from its genesis; --headers leaves out storage changes, which take memory',
    {
      usage: '[--headers]',
      accepts: (args) => args.every((arg) => arg === '--headers'),
      run: ({ settings: values, args, print, progress, signal }) =>
        withStore(values, false, async (store) => {
          const state = !args.includes('--headers');
          const onProgress = progress.show.bind(progress);
          print(JSON.stringify(await verifyStore(store, { state, onProgress, signal })));
        }),
    },
  ),
  compact: storeCommand('Rewrites the store so that what was replaced takes no room', {
    run: ({ settings: values, print, progress, signal }) =>
      withStore(values, false, async (store) => {
        const before = await inspectStore(store, values.storePath);
        await compactStore(store, { onProgress: progress.show.bind(progress), signal });
        const after = await inspectStore(store, values.storePath);
        print(JSON.stringify({ bytesBefore: before.diskBytes, bytesAfter: after.diskBytes }));
      }),
  }),
  export: storeCommand('Copies the store into one file, which must not exist', {
    usage: '<file>',
    accepts: isOneFile,
    run: ({ settings: values, args, print, progress, signal }) =>
      withStore(values, false, async (store) => {
        const path = args[0]!;
        const onProgress = progress.show.bind(progress);
        print(
          JSON.stringify({ path, bytes: await exportStore(store, { path, onProgress, signal }) }),
        );
      }),
  }),
  import: storeCommand(
    'Fills the store from such a file, proving everything; goes on where it stopped',
    {
      usage: '<file>',
      accepts: isOneFile,
      run: async ({ settings: values, args, print, progress, signal }) => {
        const path = args[0]!;
        // Before a store is made for it.
        await expectStoreFile(path);
        await withStore(values, true, async (store) => {
          await importStore(store, { path, onProgress: progress.show.bind(progress), signal });
          print(JSON.stringify(store.heights.value));
        });
      },
    },
  ),
};

/** A command that works on the store and is done when it has not thrown. */
function storeCommand(
  description: string,
  command: {
    usage?: string;
    /** Which words may come behind its name. @default none */
    accepts?: (args: readonly string[]) => boolean;
    run: (context: CommandContext<typeof settings>) => Promise<void>;
  },
): Command {
  const { usage = '', accepts = (args) => args.length === 0, run } = command;
  return defineCommand({
    description,
    usage,
    settings,
    run: async (context) => {
      const { args, logger } = context;
      if (!accepts(args)) {
        const expected = usage === '' ? 'nothing' : usage;
        logger.error('Wrong words behind the command', { given: args.join(' '), expected });
        return ExitCode.BAD_SETTINGS;
      }
      await run(context);
      return ExitCode.OK;
    },
  });
}

function isOneFile(args: readonly string[]): boolean {
  return args.length === 1 && args[0] !== '' && !args[0]!.startsWith('-');
}
