import { alias, enumeration, struct, wrapper, type TypeDef } from './type-lang.js';

/** Types that every Substrate runtime has, under the names that our declarations use. */
export const commonTypes: Readonly<Record<string, TypeDef>> = {
  AccountId: wrapper('sp_core::crypto::AccountId32', '[u8; 32]'),
  H256: wrapper('primitive_types::H256', '[u8; 32]'),
  Bytes: alias('Vec<u8>'),
  Balance: alias('u128'),
  BlockNumber: alias('u32'),
  Ed25519Signature: wrapper('sp_core::ed25519::Signature', '[u8; 64]'),
  Sr25519Signature: wrapper('sp_core::sr25519::Signature', '[u8; 64]'),
  EcdsaSignature: wrapper('sp_core::ecdsa::Signature', '[u8; 65]'),
  MultiSignature: enumeration('sp_runtime::MultiSignature', {
    Ed25519: 'Ed25519Signature',
    Sr25519: 'Sr25519Signature',
    Ecdsa: 'EcdsaSignature',
  }),
  MultiAddress: enumeration(
    'sp_runtime::multiaddress::MultiAddress',
    {
      Id: 'AccountId',
      Index: 'Compact<()>',
      Raw: 'Bytes',
      Address32: '[u8; 32]',
      Address20: '[u8; 20]',
    },
    {
      params: [
        ['AccountId', 'AccountId'],
        ['AccountIndex', '()'],
      ],
    },
  ),
  Era: { kind: 'era', path: 'sp_runtime::generic::era::Era' },
  DigestItem: enumeration(
    'sp_runtime::generic::digest::DigestItem',
    {
      Other: 'Bytes',
      Consensus: ['[u8; 4]', 'Bytes'],
      Seal: ['[u8; 4]', 'Bytes'],
      PreRuntime: ['[u8; 4]', 'Bytes'],
      RuntimeEnvironmentUpdated: null,
    },
    { indices: { Other: 0, Consensus: 4, Seal: 5, PreRuntime: 6, RuntimeEnvironmentUpdated: 8 } },
  ),
  Digest: struct('sp_runtime::generic::digest::Digest', { logs: 'Vec<DigestItem>' }),
  Weight: struct('sp_weights::weight_v2::Weight', {
    ref_time: 'Compact<u64>',
    proof_size: 'Compact<u64>',
  }),
  DispatchClass: enumeration('frame_support::dispatch::DispatchClass', [
    'Normal',
    'Operational',
    'Mandatory',
  ]),
  Pays: enumeration('frame_support::dispatch::Pays', ['Yes', 'No']),
  DispatchInfo: struct('frame_support::dispatch::DispatchInfo', {
    weight: 'Weight',
    class: 'DispatchClass',
    pays_fee: 'Pays',
  }),
  ModuleError: struct('sp_runtime::ModuleError', { index: 'u8', error: '[u8; 4]' }),
  TokenError: enumeration('sp_runtime::TokenError', [
    'FundsUnavailable',
    'OnlyProvider',
    'BelowMinimum',
    'CannotCreate',
    'UnknownAsset',
    'Frozen',
    'Unsupported',
    'CannotCreateHold',
    'NotExpendable',
  ]),
  ArithmeticError: enumeration('sp_arithmetic::ArithmeticError', [
    'Underflow',
    'Overflow',
    'DivisionByZero',
  ]),
  TransactionalError: enumeration('sp_runtime::TransactionalError', ['LimitReached', 'NoLayer']),
  DispatchError: enumeration('sp_runtime::DispatchError', {
    Other: null,
    CannotLookup: null,
    BadOrigin: null,
    Module: 'ModuleError',
    ConsumerRemaining: null,
    NoProviders: null,
    TooManyConsumers: null,
    Token: 'TokenError',
    Arithmetic: 'ArithmeticError',
    Transactional: 'TransactionalError',
    Exhausted: null,
    Corruption: null,
    Unavailable: null,
  }),
  DispatchResult: alias('Result<(), DispatchError>'),
  Phase: enumeration('frame_system::Phase', {
    ApplyExtrinsic: 'u32',
    Finalization: null,
    Initialization: null,
  }),
  AccountData: struct(
    'pallet_balances::types::AccountData',
    { free: 'Balance', reserved: 'Balance', frozen: 'Balance', flags: 'ExtraFlags' },
    [['Balance', 'Balance']],
  ),
  ExtraFlags: wrapper('pallet_balances::types::ExtraFlags', 'u128'),
  AccountInfo: struct(
    'frame_system::AccountInfo',
    {
      nonce: 'u32',
      consumers: 'u32',
      providers: 'u32',
      sufficients: 'u32',
      data: 'AccountData',
    },
    [
      ['Index', 'u32'],
      ['AccountData', 'AccountData'],
    ],
  ),
  LastRuntimeUpgradeInfo: struct('frame_system::LastRuntimeUpgradeInfo', {
    spec_version: 'Compact<u32>',
    spec_name: 'str',
  }),
  PerClassWeight: perClass('Weight'),
  PerClassLimits: perClass('WeightsPerClass'),
  PerClassLength: perClass('u32'),
  WeightsPerClass: struct('frame_system::limits::WeightsPerClass', {
    base_extrinsic: 'Weight',
    max_extrinsic: 'Option<Weight>',
    max_total: 'Option<Weight>',
    reserved: 'Option<Weight>',
  }),
  BlockWeights: struct('frame_system::limits::BlockWeights', {
    base_block: 'Weight',
    max_block: 'Weight',
    per_class: 'PerClassLimits',
  }),
  BlockLength: struct('frame_system::limits::BlockLength', { max: 'PerClassLength' }),
  RuntimeDbWeight: struct('sp_weights::RuntimeDbWeight', { read: 'u64', write: 'u64' }),
  ApiVersions: wrapper('Cow', 'Vec<([u8; 8], u32)>', [['T', 'Vec<([u8; 8], u32)>']]),
  RuntimeVersion: struct('sp_version::RuntimeVersion', {
    spec_name: 'str',
    impl_name: 'str',
    authoring_version: 'u32',
    spec_version: 'u32',
    impl_version: 'u32',
    apis: 'ApiVersions',
    transaction_version: 'u32',
    state_version: 'u8',
  }),
  CheckNonZeroSender: struct(
    'frame_system::extensions::check_non_zero_sender::CheckNonZeroSender',
    {},
    [['T']],
  ),
  CheckSpecVersion: struct('frame_system::extensions::check_spec_version::CheckSpecVersion', {}, [
    ['T'],
  ]),
  CheckTxVersion: struct('frame_system::extensions::check_tx_version::CheckTxVersion', {}, [['T']]),
  CheckGenesis: struct('frame_system::extensions::check_genesis::CheckGenesis', {}, [['T']]),
  CheckMortality: wrapper('frame_system::extensions::check_mortality::CheckMortality', 'Era', [
    ['T'],
  ]),
  CheckNonce: wrapper('frame_system::extensions::check_nonce::CheckNonce', 'Compact<u32>', [['T']]),
  CheckMetadataHash: struct(
    'frame_metadata_hash_extension::CheckMetadataHash',
    { mode: 'MetadataHashMode' },
    [['T']],
  ),
  MetadataHashMode: enumeration('frame_metadata_hash_extension::Mode', ['Disabled', 'Enabled']),
  CheckWeight: struct('frame_system::extensions::check_weight::CheckWeight', {}, [['T']]),
};

function perClass(of: string): TypeDef {
  return struct(
    'frame_support::dispatch::PerDispatchClass',
    { normal: of, operational: of, mandatory: of },
    [['T', of]],
  );
}

/** Types over `RuntimeCall` and `RuntimeEvent`: add them once the pallets are known. */
export function runtimeTypes(runtimePath: string, extensions: readonly string[]) {
  const extra = `(${extensions.join(', ')})`;
  return {
    Runtime: struct(`${runtimePath}::Runtime`, {}),
    EventRecord: struct(
      'frame_system::EventRecord',
      { phase: 'Phase', event: 'RuntimeEvent', topics: 'Vec<H256>' },
      [
        ['E', 'RuntimeEvent'],
        ['T', 'H256'],
      ],
    ),
    UncheckedExtrinsic: wrapper(
      'sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic',
      'Bytes',
      [
        ['Address', 'MultiAddress'],
        ['Call', 'RuntimeCall'],
        ['Signature', 'MultiSignature'],
        ['Extra', extra],
      ],
    ),
  } satisfies Record<string, TypeDef>;
}
