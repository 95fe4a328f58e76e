import { PalletStorage } from '../../metadata/storage-item.js';
import { plainFailure } from '../errors.js';
import { handler, type Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';

const infoStorage = new PalletStorage(paraCodecs, 'ParachainInfo');
const systemStorage = new PalletStorage(paraCodecs, 'ParachainSystem');

/** What the relay chain says about the block being built. */
export interface PersistedValidationData {
  /** SCALE of the parent's header. */
  parentHead: Uint8Array;
  relayParentNumber: number;
  relayParentStorageRoot: Uint8Array;
  maxPovSize: number;
}

/** Argument of the set_validation_data inherent. */
export interface ParachainInherentData {
  validationData: PersistedValidationData;
  /** Proof of what the parachain reads of the relay chain's state. */
  relayChainState: { trieNodes: Uint8Array[] };
  downwardMessages: { sentAt: number; msg: Uint8Array }[];
  horizontalMessages: [number, { sentAt: number; data: Uint8Array }[]][];
}

/** Khala's MAX_POV_SIZE. */
export const MAX_POV_SIZE = 5_242_880;

export const parachainId = infoStorage.valueOr<number>('ParachainId', 'ParaId', 100);
export const validationData = systemStorage.value<PersistedValidationData>(
  'ValidationData',
  'PersistedValidationData',
);
export const lastRelayChainBlockNumber = systemStorage.valueOr<number>(
  'LastRelayChainBlockNumber',
  'u32',
  0,
);

export const parachainInfo: Pallet = {
  name: 'ParachainInfo',
  index: 20,
  path: 'parachain_info::pallet',
  storage: [parachainId],
};

export const parachainSystem: Pallet = {
  name: 'ParachainSystem',
  index: 21,
  path: 'cumulus_pallet_parachain_system::pallet',
  storage: [validationData, lastRelayChainBlockNumber],
  calls: { set_validation_data: [0, { data: 'ParachainInherentData' }] },
  dispatch: {
    set_validation_data: handler<{ data: ParachainInherentData }>((ctx, origin, { data }) => {
      if (origin.kind !== 'none') throw plainFailure('BadOrigin');
      if (validationData.exists(ctx.state)) {
        throw new Error('the validation data was set twice in a block');
      }
      const vfp = data.validationData;
      if (vfp.relayParentNumber <= lastRelayChainBlockNumber.get(ctx.state)) {
        throw new Error('the relay chain block number must grow');
      }
      lastRelayChainBlockNumber.put(ctx.state, vfp.relayParentNumber);
      validationData.put(ctx.state, vfp);
    }),
  },
  events: {
    ValidationFunctionStored: [0, null],
    ValidationFunctionApplied: [1, { relay_chain_block_num: 'u32' }],
    ValidationFunctionDiscarded: [2, null],
    UpgradeAuthorized: [3, { code_hash: 'H256' }],
    DownwardMessagesReceived: [4, { count: 'u32' }],
    DownwardMessagesProcessed: [5, { weight_used: 'Weight', dmq_head: 'H256' }],
    UpwardMessageSent: [6, { message_hash: 'Option<[u8; 32]>' }],
  },
  errors: [
    'OverlappingUpgrades',
    'ProhibitedByPolkadot',
    'TooBig',
    'ValidationDataNotAvailable',
    'HostConfigurationNotAvailable',
    'NotScheduled',
    'NothingAuthorized',
    'Unauthorized',
  ],
  onInitialize: (ctx) => validationData.remove(ctx.state),
  onFinalize: (ctx) => {
    if (!validationData.exists(ctx.state)) throw new Error('the block has no validation data');
  },
};
