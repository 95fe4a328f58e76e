import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ScaleReader, encodeAuthorityList, fromHex } from '../primitives/index.js';
import { behaviourOf } from './behaviour.js';
import { ChainStorageFactory } from './chain-storage.js';
import { SignatureVerifier } from './ed25519.js';
import { RuntimeFault } from './faults.js';
import { LightClient } from './light-client.js';
import { readRawHeader, type AuthoritySet, type RawHeader } from './requests.js';
import { LightValidationFault } from './storage-proof.js';
import { Synchronizer } from './synchronizer.js';

/** Folder of recorded chain data; tests that need it skip loudly without, and fail in CI. */
export const fixtures = process.env['RB_CHAIN_FIXTURES'];
if (!fixtures && process.env['CI'] === 'true') throw new Error('RB_CHAIN_FIXTURES is not set');
if (!fixtures) console.warn('SKIPPED: recorded chains, RB_CHAIN_FIXTURES is not set');

/** A path inside the folder. */
export const inFixtures = (...parts: string[]): string => join(fixtures ?? '', ...parts);
/** Bytes of a recorded file. */
export const read = (...parts: string[]): Uint8Array =>
  new Uint8Array(readFileSync(inFixtures(...parts)));
/** A recorded JSON file. */
export const readJson = <T>(...parts: string[]): T =>
  JSON.parse(readFileSync(inFixtures(...parts), 'utf8')) as T;

/** What is noted beside a recorded justification. */
export interface CaseMeta {
  setId: number;
}
interface SetFile {
  authorities: [id: string, weight: number][];
}

/** Path of a recorded Rococo file. */
export const rococo = (...parts: string[]): string[] => ['grandpa', 'rococo', ...parts];
/** The rules of a pRuntime that reads set changes from digests. */
export const digestRules = behaviourOf('0.2.7');
/** Checks votes. */
export const signatures = new SignatureVerifier();

/** A recorded authority set. */
export function setOf(id: number): AuthoritySet {
  const file = readJson<SetFile>(...rococo('authority-sets', `${id}.json`));
  const list = file.authorities.map(([key, weight]) => ({
    id: fromHex(key),
    weight: BigInt(weight),
  }));
  return { list, encodedList: encodeAuthorityList(list), id: BigInt(id) };
}

/** The headers that a recorded justification ends. */
export function headersOf(name: string): RawHeader[] {
  return new ScaleReader(read(...rococo(name, 'headers.scale'))).vec(readRawHeader);
}

/** Recorded justifications by block number. */
export const caseNames = (): string[] =>
  readdirSync(inFixtures('grandpa', 'rococo')).filter((name) => /^\d+$/.test(name));

/** A light client that trusts what comes before a header. */
export const lightClientAt = (first: RawHeader, set: AuthoritySet): LightClient =>
  new LightClient(
    { lastFinalizedHash: first.header.parentHash, currentSet: set },
    digestRules,
    signatures,
  );

/** A synchronizer that wants this relay header next. */
export const synchronizerAt = (next: number, lightClient: LightClient): Synchronizer =>
  new Synchronizer({ ...Synchronizer.initialState(digestRules, true, next - 1) }, digestRules, {
    lightClient,
    storages: new ChainStorageFactory(),
  });

/** Headers of which the last is justified. */
export const toSync = (headers: RawHeader[], justification: Uint8Array) =>
  headers.map((header, i) => ({
    header,
    justification: i === headers.length - 1 ? justification : undefined,
  }));

/** Text of the fault that something runs into; undefined when it does not. */
export function faultOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeFault || error instanceof LightValidationFault)
      return error.message;
    throw error;
  }
}
