import { readFile } from 'node:fs/promises';
import { readSettings, type ServiceError } from '@runtime-bridge/service-kit';
import { describe, expect, it } from 'vitest';
import { dataProviderSettings, retiredVariables } from './settings.js';

const endpoints = {
  PHALA_CHAIN_ENDPOINT: 'ws://khala:9944',
  PHALA_PARENT_CHAIN_ENDPOINT: 'ws://kusama:9944,wss://kusama.example',
};

const read = (env: Record<string, string>) =>
  readSettings(dataProviderSettings, { ...endpoints, ...env }, retiredVariables);

describe('settings of the data provider', () => {
  it('have the defaults of 2022', () => {
    expect(read({}).values).toMatchObject({
      paraEndpoints: ['ws://khala:9944'],
      relayEndpoints: ['ws://kusama:9944', 'wss://kusama.example'],
      storePath: '/var/data/0',
      identityDirectory: '/var/data/keys/id',
      bridgeIdentity: 'default',
      blobPort: 8012,
      sessionMaxMiB: 64,
      totalMaxMiB: 256,
      maxRangeCount: 60,
      maxParaBlocks: 15,
      paraBatchSync: false,
      verify: 'full',
    });
  });

  it('take the blob port under both names', () => {
    expect(read({ PHALA_DATA_PROVIDER_LOCAL_SERVER: '9000' }).values.blobPort).toBe(9000);
    expect(read({ PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT: '9001' }).values.blobPort).toBe(9001);
  });

  it('take 0 as the default where it makes no sense, and say what has no effect', () => {
    const { values, warnings } = read({
      PHALA_DATA_PROVIDER_BLOB_MAX_PARA_BLOCK_RANGE_COUNT: '0',
      PHALA_HOLD_ON_SUBPROCESS_EXIT: 'true',
    });
    expect(values.maxParaBlocks).toBe(15);
    expect(warnings).toHaveLength(2);
  });

  it('take blob servers to copy from', () => {
    const copyFrom = (list: string) =>
      read({ PHALA_DATA_PROVIDER_COPY_FROM: list }).values.copyFrom;
    expect(copyFrom('10.0.0.7:8012,prb.example:8012,[::1]:1')).toHaveLength(3);
    for (const bad of ['10.0.0.7', 'host:0', 'host:70000', 'tcp://host:1', '::1:8012']) {
      expect(() => copyFrom(bad)).toThrow('PHALA_DATA_PROVIDER_COPY_FROM');
    }
  });

  it('tell all problems at once', () => {
    let problems: string[] = [];
    try {
      readSettings(dataProviderSettings, {
        PHALA_CHAIN_ENDPOINT: 'http://khala',
        PHALA_DATA_PROVIDER_VERIFY: 'some',
        PHALA_WALKIE_LISTEN_ADDRESSES: '0.0.0.0:80',
        PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT: '70000',
      });
    } catch (error) {
      problems = (error as ServiceError).message.split('\n');
    }
    expect(problems.map((line) => line.split(/[= ]/)[0]).sort()).toEqual([
      'PHALA_CHAIN_ENDPOINT',
      'PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT',
      'PHALA_DATA_PROVIDER_VERIFY',
      'PHALA_PARENT_CHAIN_ENDPOINT',
      'PHALA_WALKIE_LISTEN_ADDRESSES',
    ]);
  });
});

describe('the README', () => {
  it('tells of every setting', async () => {
    const text = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const names = Object.values(dataProviderSettings).map(({ env }) => env);
    expect(names.filter((name) => !text.includes(`| \`${name}\``))).toEqual([]);
  });
});
