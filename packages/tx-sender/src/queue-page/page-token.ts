import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BridgeError } from '@runtime-bridge/base';

/**
 * The token that a file holds; made at random, for its owner alone to read, when there is no file.
 * @throws BridgeError QUEUE_PAGE_TOKEN when the file can be neither read nor made
 */
export async function loadOrCreatePageToken(path: string): Promise<string> {
  try {
    const known = await readFile(path, 'utf8').catch((error: unknown) => {
      if ((error as { code?: string }).code === 'ENOENT') return '';
      throw error;
    });
    if (known.trim() !== '') return known.trim();
    const token = randomBytes(24).toString('base64url');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${token}\n`, { mode: 0o600 });
    return token;
  } catch (error) {
    throw new BridgeError('QUEUE_PAGE_TOKEN', 'The token of the queue page cannot be kept', {
      facts: { path },
      cause: error,
      remedy: 'Make the folder writable, or set PHALA_QUEUE_PAGE_TOKEN.',
    });
  }
}
