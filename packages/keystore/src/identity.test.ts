import { mkdtemp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { silentLogger, type Logger } from '@runtime-bridge/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IDENTITY_2022 } from './identity-2022.test.data.js';
import { Identity } from './identity.js';
import { loadOrCreateIdentity } from './identity-file.js';

const bytes2022 = Buffer.from(IDENTITY_2022.base64, 'base64');
const logger = silentLogger;
const name = 'LIFECYCLE';
let directory: string;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'keystore-')), 'keys', 'id');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('identity bytes', () => {
  it('of 2022 are read and written the same', () => {
    const identity = Identity.fromBytes(bytes2022);
    expect(identity.peerId).toBe(IDENTITY_2022.peerId);
    expect(Buffer.from(identity.toBytes()).equals(bytes2022)).toBe(true);
    expect(identity.rsaKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('not a key')],
    ['a file cut short', bytes2022.subarray(0, 800)],
    ['a huge length', Buffer.from('1affffffff7f', 'hex')],
    ['an endless length', Buffer.from('1affffffffffffffff', 'hex')],
    ['no private key', Buffer.from('0a0100', 'hex')],
    ['a private key of nonsense', Buffer.from('1a03080001', 'hex')],
  ])('are refused when they are %s', (_what, bytes) => {
    expect(() => Identity.fromBytes(bytes)).toThrow(
      expect.objectContaining({ code: 'BAD_IDENTITY' }) as Error,
    );
  });

  it('are refused when the key is not RSA', async () => {
    const key = await generateKeyPair('Ed25519');
    expect(() => new Identity(key)).toThrow(
      expect.objectContaining({ code: 'BAD_IDENTITY' }) as Error,
    );
  });

  it('do not show the key when printed', () => {
    const identity = Identity.fromBytes(bytes2022);
    const shown =
      inspect({ identity }, { depth: 10, showHidden: true }) + JSON.stringify({ identity });
    expect(shown).toContain(identity.peerId);
    expect(shown.length).toBeLessThan(300);
  });
});

describe('loadOrCreateIdentity', () => {
  it('creates once, closed to others, and loads the same', async () => {
    const created = await loadOrCreateIdentity({ directory, name }, { logger });
    const file = join(directory, name);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const loaded = await loadOrCreateIdentity({ directory, name }, { logger });
    expect(loaded.peerId).toBe(created.peerId);
    expect(loaded.peerId).toMatch(/^Qm/);
    expect(await readdir(directory)).toEqual([name]);
  });

  it('gives two that start together one identity', async () => {
    const both = await Promise.all(
      [1, 2].map(() => loadOrCreateIdentity({ directory, name }, { logger })),
    );
    expect(both[0]?.peerId).toBe(both[1]?.peerId);
  });

  it('loads a file of 2022, closes it to others and says so, and leaves its bytes', async () => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, name), bytes2022, { mode: 0o644 });
    const warnings: string[] = [];
    const watching: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
    const identity = await loadOrCreateIdentity({ directory, name }, { logger: watching });
    expect(identity.peerId).toBe(IDENTITY_2022.peerId);
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    expect(warnings).toHaveLength(1);
    expect((await readFile(join(directory, name))).equals(bytes2022)).toBe(true);
  });

  it('keeps it protected by a passphrase, converting a plain file', async () => {
    const passphrase = 'correct horse';
    const plain = await loadOrCreateIdentity({ directory, name }, { logger });
    const protectedOne = await loadOrCreateIdentity({ directory, name, passphrase }, { logger });
    expect(protectedOne.peerId).toBe(plain.peerId);
    const bytes = await readFile(join(directory, name));
    expect(bytes.includes(Buffer.from(plain.privateKey.raw).subarray(50, 80))).toBe(false);
    const load = (given?: string) =>
      loadOrCreateIdentity({ directory, name, passphrase: given }, { logger });
    expect((await load(passphrase)).peerId).toBe(plain.peerId);
    await expect(load()).rejects.toMatchObject({ code: 'PASSPHRASE_NEEDED' });
    await expect(load('wrong one')).rejects.toMatchObject({
      code: 'PASSPHRASE_WRONG',
      facts: { file: join(directory, name) },
    });
  });

  it('names the file that is none, and one that cannot be written', async () => {
    await mkdir(directory, { recursive: true });
    const file = join(directory, name);
    await writeFile(file, 'nonsense');
    await expect(loadOrCreateIdentity({ directory, name }, { logger })).rejects.toMatchObject({
      code: 'BAD_IDENTITY',
      facts: { file },
    });
    await expect(loadOrCreateIdentity({ directory: file, name }, { logger })).rejects.toMatchObject(
      { code: 'IDENTITY_IO' },
    );
  });
});
