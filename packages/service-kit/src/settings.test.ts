import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  booleanSetting,
  choiceSetting,
  integerSetting,
  listSetting,
  printSettings,
  readSettings,
  ServiceErrorCode,
  settingsHelp,
  settingsMarkdown,
  stringSetting,
  urlListSetting,
} from './index.js';

const schema = {
  chain: urlListSetting({
    env: 'PHALA_CHAIN_ENDPOINT',
    description: 'Parachain nodes',
    schemes: ['ws', 'wss'],
    required: true,
  }),
  port: integerSetting({
    env: 'PHALA_BLOB_PORT',
    aliases: ['PHALA_OLD_BLOB_PORT'],
    description: 'Blob port',
    default: 8012,
    min: 1,
    max: 65_535,
  }),
  mdns: booleanSetting({ env: 'PHALA_MDNS', description: 'Discovery', default: true }),
  level: choiceSetting({
    env: 'PHALA_LEVEL',
    description: 'Level',
    default: 'info',
    words: ['info', 'warn'],
  }),
  peers: listSetting({ env: 'PHALA_PEERS', description: 'Peers', default: [] }),
  token: stringSetting({ env: 'PHALA_TOKEN', description: 'Token', secret: true, file: true }),
};
const good = { PHALA_CHAIN_ENDPOINT: 'ws://127.0.0.1:9944' };

function problemsOf(env: Record<string, string>): string[] {
  try {
    readSettings(schema, env);
    return [];
  } catch (error) {
    expect(error).toMatchObject({ code: ServiceErrorCode.BAD_SETTINGS });
    return (error as Error).message.split('\n');
  }
}

describe('readSettings', () => {
  it('takes defaults for what is absent or empty', () => {
    const { values, warnings } = readSettings(schema, {
      ...good,
      PHALA_PEERS: ' ',
      PHALA_MDNS: '',
    });
    expect(values).toEqual({
      chain: ['ws://127.0.0.1:9944'],
      port: 8012,
      mdns: true,
      level: 'info',
      peers: [],
      token: undefined,
    });
    expect(warnings).toEqual([]);
  });

  it('reads what is set, by alias too', () => {
    const env = { ...good, PHALA_OLD_BLOB_PORT: '9', PHALA_MDNS: 'false', PHALA_PEERS: 'a, b,,c ' };
    expect(readSettings(schema, env).values).toMatchObject({
      port: 9,
      mdns: false,
      peers: ['a', 'b', 'c'],
    });
  });

  it('tells all problems at once, each naming variable, value and what is allowed', () => {
    const problems = problemsOf({
      PHALA_CHAIN_ENDPOINT: 'http://user:pass@node',
      PHALA_BLOB_PORT: '8012x',
      PHALA_MDNS: 'yes',
      PHALA_LEVEL: 'loud',
    });
    expect(problems).toHaveLength(4);
    expect(problems.join()).toMatch(/PHALA_BLOB_PORT=8012x.*1 to 65535/);
    expect(problems.join()).toMatch(/PHALA_MDNS=yes.*true or false/);
    expect(problems.join()).not.toContain('pass');
  });

  it('says which required variable is missing', () => {
    expect(problemsOf({})).toEqual([expect.stringContaining('PHALA_CHAIN_ENDPOINT is not set')]);
  });

  it('takes a 0 that makes no sense for the default and says so', () => {
    const { values, warnings } = readSettings(schema, { ...good, PHALA_BLOB_PORT: '0' });
    expect(values.port).toBe(8012);
    expect(warnings).toEqual([expect.stringContaining('PHALA_BLOB_PORT=0')]);
  });

  it('says why a variable of earlier versions has no effect', () => {
    const { warnings } = readSettings(
      schema,
      { ...good, DISABLE_LRU: 'true' },
      { DISABLE_LRU: 'the cache is bounded' },
    );
    expect(warnings).toEqual(['DISABLE_LRU has no effect: the cache is bounded']);
  });

  it('reads a secret from a file and never shows it', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'settings-')), 'token');
    writeFileSync(path, 'abcd\n');
    const { values } = readSettings(schema, { ...good, PHALA_TOKEN_FILE: path });
    expect(values.token).toBe('abcd');
    expect(printSettings(schema, values)).toMatch(/PHALA_TOKEN=\*\*\*/);
    expect(printSettings(schema, values)).not.toContain('abcd');
    expect(problemsOf({ ...good, PHALA_TOKEN_FILE: `${path}.missing` })).toHaveLength(1);
  });

  it('gives a value in bounds or a problem for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)),
        (text) => {
          try {
            const { port } = readSettings(schema, { ...good, PHALA_BLOB_PORT: text }).values;
            expect(Number.isInteger(port) && port >= 1 && port <= 65_535).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: ServiceErrorCode.BAD_SETTINGS });
          }
        },
      ),
    );
  });
});

describe('tables', () => {
  it('name every variable, what it allows and its default', () => {
    for (const text of [settingsHelp(schema), settingsMarkdown(schema)]) {
      for (const { env } of Object.values(schema)) expect(text).toContain(env);
      expect(text).toContain('8012');
      expect(text).toContain('PHALA_OLD_BLOB_PORT');
    }
  });
});
