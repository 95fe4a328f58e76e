import { Codecs } from '../metadata/codec.js';
import { runtimeTypes } from '../metadata/common-types.js';
import { encodeMetadataV14, type SignedExtensionDecl } from '../metadata/metadata-v14.js';
import { withPallets } from '../metadata/pallet.js';
import type { TypeTable } from '../metadata/type-lang.js';
import { releaseOf, versionValue, type Release } from './release.js';
import type { RuntimeConfig } from './pallet.js';
import { pallets } from './pallets/index.js';
import { paraTypes } from './types.js';

const RUNTIME_PATH = 'khala_parachain_runtime';

const EXTENSIONS: readonly (readonly [identifier: string, additionalSigned: string])[] = [
  ['CheckNonZeroSender', '()'],
  ['CheckSpecVersion', 'u32'],
  ['CheckTxVersion', 'u32'],
  ['CheckGenesis', 'H256'],
  ['CheckMortality', 'H256'],
  ['CheckNonce', '()'],
  ['CheckWeight', '()'],
  ['CheckMqSequence', '()'],
  ['ChargeTransactionPayment', '()'],
];

/** Signed extensions in Khala's order. */
export function signedExtensions(release: Release): readonly SignedExtensionDecl[] {
  const all = release.checksMetadataHash
    ? [...EXTENSIONS, ['CheckMetadataHash', 'Option<[u8; 32]>'] as const]
    : EXTENSIONS;
  return all.map(([identifier, additionalSigned]) => ({
    identifier,
    type: identifier,
    additionalSigned,
  }));
}

const palletTable = withPallets(paraTypes, pallets, RUNTIME_PATH);
const tableOf = (release: Release): TypeTable =>
  palletTable.extend(
    runtimeTypes(
      RUNTIME_PATH,
      signedExtensions(release).map((extension) => extension.type),
    ),
  );

/** Codecs of everything, calls and events included; the same for every release. */
export const runtimeCodecs = new Codecs(tableOf(releaseOf()));

/** Metadata V14 of a release of the parachain; the registry's constants say what the runtime really does. */
export function paraMetadata(config: RuntimeConfig, release: Release): Uint8Array {
  const version = { Version: ['RuntimeVersion', versionValue(release)] } as const;
  const shown = pallets.map((pallet) =>
    pallet.name === 'System'
      ? { ...pallet, constants: { ...pallet.constants, ...version } }
      : pallet.name === 'PhalaRegistry'
        ? {
            ...pallet,
            constants: {
              NoneAttestationEnabled: ['bool', config.noneAttestationEnabled],
              VerifyPRuntime: ['bool', config.verifyPRuntime],
              VerifyRelaychainGenesisBlockHash: ['bool', config.verifyRelaychainGenesisBlockHash],
            } as const,
          }
        : pallet,
  );
  return encodeMetadataV14({
    table: tableOf(release),
    pallets: shown,
    extrinsic: {
      type: 'UncheckedExtrinsic',
      version: 4,
      signedExtensions: signedExtensions(release),
    },
    runtimeType: 'Runtime',
  });
}
