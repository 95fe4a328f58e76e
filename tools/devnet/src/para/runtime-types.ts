import { Codecs } from '../metadata/codec.js';
import { runtimeTypes } from '../metadata/common-types.js';
import { encodeMetadataV14, type SignedExtensionDecl } from '../metadata/metadata-v14.js';
import { withPallets } from '../metadata/pallet.js';
import type { RuntimeConfig } from './pallet.js';
import { pallets } from './pallets/index.js';
import { paraTypes } from './types.js';

const RUNTIME_PATH = 'khala_parachain_runtime';

/** Signed extensions in Khala's order. */
export const SIGNED_EXTENSIONS: readonly SignedExtensionDecl[] = [
  ['CheckNonZeroSender', '()'],
  ['CheckSpecVersion', 'u32'],
  ['CheckTxVersion', 'u32'],
  ['CheckGenesis', 'H256'],
  ['CheckMortality', 'H256'],
  ['CheckNonce', '()'],
  ['CheckWeight', '()'],
  ['CheckMqSequence', '()'],
  ['ChargeTransactionPayment', '()'],
].map(([identifier = '', additionalSigned = '']) => ({
  identifier,
  type: identifier,
  additionalSigned,
}));

const table = withPallets(paraTypes, pallets, RUNTIME_PATH).extend(
  runtimeTypes(
    RUNTIME_PATH,
    SIGNED_EXTENSIONS.map((extension) => extension.type),
  ),
);

/** Codecs of everything, calls and events included. */
export const runtimeCodecs = new Codecs(table);

/** Metadata V14 of the parachain; the registry's constants say what the runtime really does. */
export function paraMetadata(config: RuntimeConfig): Uint8Array {
  const shown = pallets.map((pallet) =>
    pallet.name === 'PhalaRegistry'
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
    table,
    pallets: shown,
    extrinsic: { type: 'UncheckedExtrinsic', version: 4, signedExtensions: SIGNED_EXTENSIONS },
    runtimeType: 'Runtime',
  });
}
