import type { RuntimeVersionJson } from '../chain/types.js';
import type { StateReader } from '../metadata/storage-item.js';
import { fromHex, utf8, type StateVersion } from '../primitives/index.js';

/** Where every chain keeps its runtime. */
export const CODE_KEY = utf8(':code');

/** One runtime of the parachain: what `:code` names, and the way of the blocks after it. */
export interface Release {
  readonly version: RuntimeVersionJson;
  /** Extrinsics carry CheckMetadataHash's mode, as Khala's from spec 1290 on (khala-parachain acfd39b8). */
  readonly checksMetadataHash: boolean;
}

/** Of the recorded metadata. */
const FIRST_SPEC_VERSION = 1251;
const FIRST_WITH_METADATA_HASH = 1290;
const CODE = /^runtime-bridge devnet ([a-z]+)-(\d{1,9})(?: state-version ([01]))?$/;

const made = new Map<string, Release>();

/**
 * The runtime of a version. Khala's numbers at the time of the recorded metadata, and the runtime APIs that
 * are really answered: Core, Metadata, TaggedTransactionQueue, AccountNonceApi, TransactionPaymentApi (ids:
 * first 8 bytes of blake2-64 of the trait's name).
 */
export function releaseOf(
  specVersion: number = FIRST_SPEC_VERSION,
  stateVersion: StateVersion = 0,
): Release {
  const name = `${specVersion}/${stateVersion}`;
  const known = made.get(name);
  if (known) return known;
  const checksMetadataHash = specVersion >= FIRST_WITH_METADATA_HASH;
  const release: Release = {
    checksMetadataHash,
    version: {
      specName: 'khala',
      implName: 'khala',
      authoringVersion: 1,
      specVersion,
      implVersion: 0,
      apis: [
        ['0xdf6acb689907609b', 4],
        ['0x37e397fc7c91f5e4', 2],
        ['0xd2bc9897eed08f15', 3],
        ['0xbc9d89904f5b923f', 1],
        ['0x37c8bb1350a9a2a8', 4],
      ],
      // Another form of extrinsics is another transaction version.
      transactionVersion: checksMetadataHash ? 7 : 6,
      stateVersion,
    },
  };
  made.set(name, release);
  return release;
}

/** What stands in `:code`: no program, but the name of one that this package knows. */
export function codeOf({ version }: Release): Uint8Array {
  const { specName, specVersion, stateVersion } = version;
  const suffix = stateVersion === 0 ? '' : ` state-version ${stateVersion}`;
  return utf8(`runtime-bridge devnet ${specName}-${specVersion}${suffix}`);
}

/** The runtime that a code names, with its name; undefined when it is no runtime at all. */
export function parseCode(code: Uint8Array): { specName: string; release: Release } | undefined {
  const [, specName, specVersion, stateVersion] =
    CODE.exec(Buffer.from(code).toString('latin1')) ?? [];
  if (specName === undefined) return undefined;
  return { specName, release: releaseOf(Number(specVersion), stateVersion === '1' ? 1 : 0) };
}

/** The runtime that makes the block after this state. */
export function releaseIn(state: StateReader): Release {
  const code = state.get(CODE_KEY);
  return (code && parseCode(code)?.release) ?? releaseOf();
}

/** The state version of the blocks that a runtime makes. */
export const stateVersionOf = ({ version }: Release): StateVersion =>
  version.stateVersion === 1 ? 1 : 0;

/** A version as a value of the type `RuntimeVersion`. */
export function versionValue({ version }: Release) {
  return { ...version, apis: version.apis.map(([id, v]) => [fromHex(id), v]) };
}
