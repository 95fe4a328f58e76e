import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { fromHex } from '@runtime-bridge/base';
import { type AuthoritySet } from '@runtime-bridge/blob-codec';
import { describe, it } from 'vitest';

const folder = env['RB_CHAIN_FIXTURES'];

/** Tests on recorded chains: skipped with a warning where the recordings are absent, failing for it in CI. */
export function describeRecorded(name: string, tests: () => void): void {
  if (folder !== undefined) {
    describe(name, tests);
  } else if (env['CI'] === 'true') {
    describe(name, () => {
      it('has the recorded chains', () => {
        throw new Error('RB_CHAIN_FIXTURES is not set');
      });
    });
  } else {
    // eslint-disable-next-line no-console -- a skipped test has to be seen
    console.warn(`SKIPPED: ${name}: set RB_CHAIN_FIXTURES to the folder of recorded chains`);
    describe.skip(name, tests);
  }
}

/** The bytes of a recorded file. */
export function recordedBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder ?? '', path)));
}

/** The JSON of a recorded file. */
export function recordedJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder ?? '', path), 'utf8')) as T;
}

/** A recorded list of authorities. */
export function authoritySetOf(setId: number, list: [string, number][]): AuthoritySet {
  return {
    setId: BigInt(setId),
    authorities: list.map(([id, weight]) => ({ id: fromHex(id), weight: BigInt(weight) })),
  };
}
