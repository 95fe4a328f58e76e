import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, type Logger } from '@runtime-bridge/base';
import { KeystoreError, KeystoreErrorCode } from './errors.js';
import { Identity } from './identity.js';
import { isProtected, protect, unprotect } from './passphrase.js';

/** Whose identity it is; the name of its file. */
export type IdentityName = 'DATA_PROVIDER' | 'LIFECYCLE' | 'TRADE';

/** Where an identity is kept. */
export interface IdentityFileOptions {
  directory: string;
  name: IdentityName;
  /** When given, the file is kept protected by it; a plain file of 2022 is then replaced by a protected one. */
  passphrase?: string | undefined;
}

/** Nobody but the owner may read a key. */
const KEY_FILE_MODE = 0o600;
const KEY_DIRECTORY_MODE = 0o700;
const OTHERS_MASK = 0o077;

/**
 * Reads the identity of a service, or makes it and writes it down where there is none. Two processes that begin at the
 * same moment end with the same identity.
 * @throws KeystoreError IDENTITY_IO, BAD_IDENTITY, PASSPHRASE_NEEDED, PASSPHRASE_WRONG, each naming the file
 */
export async function loadOrCreateIdentity(
  options: IdentityFileOptions,
  collaborators: { logger: Logger },
): Promise<Identity> {
  const file = join(options.directory, options.name);
  const bytes = (await readIfThere(file)) ?? (await createFile(file, options.passphrase));
  await closeToOthers(file, collaborators.logger);
  return withFile(file, () => decode(file, bytes, options.passphrase, collaborators.logger));
}

async function decode(
  file: string,
  bytes: Uint8Array,
  passphrase: string | undefined,
  logger: Logger,
): Promise<Identity> {
  if (isProtected(bytes)) {
    if (passphrase === undefined) {
      throw new KeystoreError(
        KeystoreErrorCode.PASSPHRASE_NEEDED,
        'The identity file is protected and no passphrase was given',
      );
    }
    return Identity.fromBytes(await unprotect(bytes, passphrase));
  }
  const identity = Identity.fromBytes(bytes);
  if (passphrase !== undefined) {
    await replaceFile(file, await protect(bytes, passphrase));
    logger.info('Identity file is now protected by the passphrase', { file });
  }
  return identity;
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(file, 'read', error);
  }
}

async function createFile(file: string, passphrase: string | undefined): Promise<Uint8Array> {
  const identity = await Identity.generate();
  const plain = identity.toBytes();
  const bytes = passphrase === undefined ? plain : await protect(plain, passphrase);
  try {
    await mkdir(dirname(file), { recursive: true, mode: KEY_DIRECTORY_MODE });
    const temporary = await writeTemporary(file, bytes);
    try {
      await linkOrRename(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
    return bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return await readFile(file);
    throw ioError(file, 'write', error);
  }
}

/** A link, unlike a rename, does not replace what another process has just written; some file systems have none. */
async function linkOrRename(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    await rename(temporary, file);
  }
}

async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await rename(await writeTemporary(file, bytes), file);
  } catch (error) {
    throw ioError(file, 'write', error);
  }
}

/** Writes beside the file and to the disk, so that a crash leaves the old file or the whole new one. */
async function writeTemporary(file: string, bytes: Uint8Array): Promise<string> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  const handle = await open(temporary, 'wx', KEY_FILE_MODE);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

async function closeToOthers(file: string, logger: Logger): Promise<void> {
  try {
    const { mode } = await stat(file);
    if ((mode & OTHERS_MASK) === 0) return;
    await chmod(file, KEY_FILE_MODE);
    logger.warn('Identity file was open to others and is closed to them now', {
      file,
      mode: (mode & 0o777).toString(8),
    });
  } catch (error) {
    // A read-only or foreign file system is the operator's business; the key itself works.
    logger.warn('Identity file cannot be closed to others', { file, reason: messageOf(error) });
  }
}

async function withFile<T>(file: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof KeystoreError) || error.facts['file'] !== undefined) throw error;
    throw new KeystoreError(error.code, `${file}: ${error.message}`, { facts: { file } });
  }
}

function ioError(file: string, what: 'read' | 'write', cause: unknown): KeystoreError {
  return new KeystoreError(
    KeystoreErrorCode.IDENTITY_IO,
    `Cannot ${what} the identity file ${file}: ${messageOf(cause)}`,
    {
      facts: { file },
      cause,
      remedy: `Make ${dirname(file)} a directory that the service may write`,
    },
  );
}
