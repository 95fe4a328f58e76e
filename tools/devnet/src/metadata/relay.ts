import { RelayPallet } from '../relay/pallets.js';
import type { RelayEra } from '../relay/state.js';
import { Codecs } from './codec.js';
import { commonTypes, runtimeTypes } from './common-types.js';
import { encodeMetadataV14 } from './metadata-v14.js';
import { withPallets, type PalletDecl } from './pallet.js';
import { PalletStorage } from './storage-item.js';
import { TypeTable, wrapper } from './type-lang.js';

const RUNTIME_PATH = 'kusama_runtime';
const ZERO_HASH = new Uint8Array(32);

const types = new TypeTable({
  ...commonTypes,
  GrandpaId: wrapper('sp_consensus_grandpa::app::Public', 'Ed25519Public'),
  Ed25519Public: wrapper('sp_core::ed25519::Public', '[u8; 32]'),
  ParaId: wrapper('polkadot_parachain::primitives::Id', 'u32'),
  HeadData: wrapper('polkadot_parachain::primitives::HeadData', 'Bytes'),
  ChargeTransactionPayment: wrapper(
    'pallet_transaction_payment::ChargeTransactionPayment',
    'Compact<u128>',
    [['T']],
  ),
});
const codecs = new Codecs(types);

/** Signed extensions of a Kusama of that time. */
const EXTENSIONS: readonly (readonly [name: string, additionalSigned: string])[] = [
  ['CheckNonZeroSender', '()'],
  ['CheckSpecVersion', 'u32'],
  ['CheckTxVersion', 'u32'],
  ['CheckGenesis', 'H256'],
  ['CheckMortality', 'H256'],
  ['CheckNonce', '()'],
  ['CheckWeight', '()'],
  ['ChargeTransactionPayment', '()'],
];

function relayPallets(era: RelayEra): PalletDecl[] {
  const system = new PalletStorage(codecs, 'System');
  const timestamp = new PalletStorage(codecs, 'Timestamp');
  const grandpa = new PalletStorage(codecs, 'Grandpa');
  const paras = new PalletStorage(codecs, 'Paras');
  const setId = grandpa.valueOr('CurrentSetId', 'u64', 0n);
  const noEvents = { name: 'Events', modifier: 'Default', value: 'Vec<EventRecord>' } as const;
  return [
    {
      name: 'System',
      index: RelayPallet.system.index,
      path: 'frame_system::pallet',
      storage: [
        system.mapOr(
          'Account',
          'AccountId',
          'AccountInfo',
          {
            nonce: 0,
            consumers: 0,
            providers: 0,
            sufficients: 0,
            data: { free: 0n, reserved: 0n, frozen: 0n, flags: 0n },
          },
          'Blake2_128Concat',
        ),
        system.mapOr('BlockHash', 'u32', 'H256', ZERO_HASH),
        system.valueOr('Number', 'u32', 0),
        system.valueOr('ParentHash', 'H256', ZERO_HASH),
        system.valueOr('Digest', 'Digest', { logs: [] }),
        { ...noEvents, fallback: () => Uint8Array.of(0) },
        system.valueOr('EventCount', 'u32', 0),
        system.value('LastRuntimeUpgrade', 'LastRuntimeUpgradeInfo'),
      ],
      calls: {
        remark: [RelayPallet.system.call.remark, { remark: 'Bytes' }],
        remark_with_event: [RelayPallet.system.call.remarkWithEvent, { remark: 'Bytes' }],
      },
      events: {
        ExtrinsicSuccess: [
          RelayPallet.system.event.extrinsicSuccess,
          { dispatch_info: 'DispatchInfo' },
        ],
        ExtrinsicFailed: [1, { dispatch_error: 'DispatchError', dispatch_info: 'DispatchInfo' }],
        Remarked: [RelayPallet.system.event.remarked, { sender: 'AccountId', hash: 'H256' }],
      },
      constants: { BlockHashCount: ['u32', 4096], SS58Prefix: ['u16', 2] },
    },
    {
      name: 'Timestamp',
      index: RelayPallet.timestamp.index,
      path: 'pallet_timestamp::pallet',
      storage: [timestamp.valueOr('Now', 'u64', 0n)],
      calls: { set: [RelayPallet.timestamp.call.set, { now: 'Compact<u64>' }] },
      constants: { MinimumPeriod: ['u64', 3000n] },
    },
    {
      name: 'Grandpa',
      index: RelayPallet.grandpa.index,
      path: 'pallet_grandpa::pallet',
      storage:
        era === 'old'
          ? [setId]
          : [setId, grandpa.valueOr('Authorities', 'Vec<(GrandpaId, u64)>', [])],
      events: {
        NewAuthorities: [
          RelayPallet.grandpa.event.newAuthorities,
          { authority_set: 'Vec<(GrandpaId, u64)>' },
        ],
        Paused: [1, null],
        Resumed: [2, null],
      },
    },
    {
      name: 'Paras',
      index: RelayPallet.paras.index,
      path: 'polkadot_runtime_parachains::paras::pallet',
      storage: [paras.map('Heads', 'ParaId', 'HeadData')],
    },
  ];
}

/**
 * Metadata V14 of the relay chain: the few pallets that its blocks touch, under Kusama's names and
 * indices. `new` has `Grandpa.Authorities`.
 */
export function relayMetadata(era: RelayEra): Uint8Array {
  const pallets = relayPallets(era);
  const names = EXTENSIONS.map(([name]) => name);
  const table = withPallets(types, pallets, RUNTIME_PATH).extend(runtimeTypes(RUNTIME_PATH, names));
  return encodeMetadataV14({
    table,
    pallets,
    extrinsic: {
      type: 'UncheckedExtrinsic',
      version: 4,
      signedExtensions: EXTENSIONS.map(([identifier, additionalSigned]) => ({
        identifier,
        type: identifier,
        additionalSigned,
      })),
    },
    runtimeType: 'Runtime',
  });
}
