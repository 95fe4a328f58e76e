import { TypeRegistry } from '@polkadot/types';
import type { Hex } from '@runtime-bridge/base';

type Def = Record<string, unknown>;
interface FieldDecl {
  name?: string;
  type: number;
}

/** Name, index and fields of a variant. */
type Case = readonly [name: string, index: number, fields?: readonly FieldDecl[]];

/** Builds the portable types of metadata V14; a type is known by its number. */
class Types {
  readonly #types: { path: string[]; params: unknown[]; def: Def; docs: string[] }[] = [];

  add(def: Def, path = '', params: unknown[] = []): number {
    this.#types.push({ path: path === '' ? [] : path.split('::'), params, def, docs: [] });
    return this.#types.length - 1;
  }

  /** A number for a type that is described later, because it holds itself. */
  reserve(path: string): number {
    return this.add({ Tuple: [] }, path);
  }

  fill(id: number, def: Def): void {
    this.#types[id]!.def = def;
  }

  primitive = (name: string) => this.add({ Primitive: name });
  vec = (type: number) => this.add({ Sequence: { type } });
  array = (len: number, type: number) => this.add({ Array: { len, type } });
  tuple = (...types: number[]) => this.add({ Tuple: types });
  compact = (type: number) => this.add({ Compact: { type } });
  struct = (path: string, fields: Record<string, number>) =>
    this.add({ Composite: { fields: fieldsOf(fields) } }, path);
  wrapper = (path: string, type: number) =>
    this.add({ Composite: { fields: [{ type, docs: [] }] } }, path);
  option = (type: number) =>
    this.add(
      variants([
        ['None', 0, []],
        ['Some', 1, [{ type }]],
      ]),
      'Option',
      [{ name: 'T', type }],
    );
  result = (ok: number, err: number) =>
    this.add(
      variants([
        ['Ok', 0, [{ type: ok }]],
        ['Err', 1, [{ type: err }]],
      ]),
      'Result',
      [
        { name: 'T', type: ok },
        { name: 'E', type: err },
      ],
    );
  enumOf = (path: string, ...cases: Case[]) => this.add(variants(cases), path);

  get portable() {
    return this.#types.map((type, id) => ({ id, type }));
  }
}

function fieldsOf(fields: Record<string, number>) {
  return Object.entries(fields).map(([name, type]) => ({ name, type, docs: [] }));
}

function variants(cases: readonly Case[], docs?: string) {
  return {
    Variant: {
      variants: cases.map(([name, index, fields = []]) => ({
        name,
        index,
        fields: fields.map((field) => ({ ...field, docs: [] })),
        docs: docs === undefined ? [] : [docs],
      })),
    },
  };
}

/** Pallet indices that are not those of any real chain. */
export const index = { system: 7, utility: 11, proxy: 13, mq: 17, stakePool: 19, payment: 23 };

/**
 * Metadata of a small runtime of our own: the calls, errors and events that the bridge deals with, under indices of its
 * own, and a registry that has only the older registration when told so.
 */
export function ownMetadata(options: { withV2?: boolean } = {}): Hex {
  const t = new Types();
  const u8 = t.primitive('U8');
  const u16 = t.primitive('U16');
  const u32 = t.primitive('U32');
  const u64 = t.primitive('U64');
  const u128 = t.primitive('U128');
  const nothing = t.tuple();
  const bytes = t.vec(u8);
  const b4 = t.array(4, u8);
  const b32 = t.array(32, u8);
  const b64 = t.array(64, u8);
  const account = t.wrapper('sp_core::crypto::AccountId32', b32);
  const hash = t.wrapper('primitive_types::H256', b32);
  const publicKey = t.wrapper('sp_core::sr25519::Public', b32);
  const address = t.add(
    variants([['Id', 0, [{ type: account }]]]),
    'sp_runtime::multiaddress::MultiAddress',
    [
      { name: 'AccountId', type: account },
      { name: 'AccountIndex', type: nothing },
    ],
  );
  const signature = t.enumOf(
    'sp_runtime::MultiSignature',
    ['Ed25519', 0, [{ type: b64 }]],
    ['Sr25519', 1, [{ type: b64 }]],
  );
  const proxyType = t.enumOf('own::ProxyType', ['Any', 0], ['StakePoolManager', 5]);

  const call = t.reserve('own::RuntimeCall');
  const callOf = (path: string, ...cases: (readonly [string, number, Record<string, number>])[]) =>
    t.add(
      variants(cases.map(([name, at, fields]) => [name, at, fieldsOf(fields)])),
      `${path}::pallet::Call`,
    );
  const systemCall = callOf('frame_system', ['remark', 0, { remark: bytes }]);
  const utilityCall = callOf('pallet_utility', ['force_batch', 2, { calls: t.vec(call) }]);
  const proxyCall = callOf('pallet_proxy', [
    'proxy',
    1,
    { real: address, force_proxy_type: t.option(proxyType), call },
  ]);
  const origin = t.enumOf(
    'phala_mq::types::MessageOrigin',
    ['Pallet', 0, [{ type: bytes }]],
    ['Worker', 2, [{ type: publicKey }]],
  );
  const message = t.struct('phala_mq::types::Message', {
    sender: origin,
    destination: bytes,
    payload: bytes,
  });
  const signedMessage = t.struct('phala_mq::types::SignedMessage', {
    message,
    sequence: u64,
    signature: bytes,
  });
  const mqCall = callOf('phala_pallets::mq', [
    'sync_offchain_message',
    4,
    { signed_message: signedMessage },
  ]);
  const registryCall = callOf(
    'phala_pallets::registry',
    ['register_worker', 3, { pruntime_info: u32, attestation: u8 }],
    ...(options.withV2 === false
      ? []
      : [['register_worker_v2', 9, { pruntime_info: u64, attestation: t.option(u8) }] as const]),
  );
  const worker = { pid: u64, worker: publicKey };
  const stakePoolCall = callOf(
    'phala_pallets::stake_pool_v2',
    ['add_worker', 0, { pid: u64, pubkey: publicKey }],
    ['start_computing', 1, { ...worker, stake: u128 }],
    ['stop_computing', 2, worker],
    ['restart_computing', 3, { ...worker, stake: u128 }],
  );
  const calls: [string, number, number][] = [
    ['System', index.system, systemCall],
    ['Utility', index.utility, utilityCall],
    ['Proxy', index.proxy, proxyCall],
    ['PhalaMq', index.mq, mqCall],
    ['PhalaRegistry', 29, registryCall],
    ['PhalaStakePoolv2', index.stakePool, stakePoolCall],
  ];
  t.fill(call, variants(calls.map(([name, at, type]) => [name, at, [{ type }]])));

  const stakePoolError = t.add(
    variants([['InsufficientFreeStake', 16, []]], 'There is not enough free stake.'),
    'phala_pallets::stake_pool_v2::pallet::Error',
  );
  const proxyError = t.add(variants([['NotProxy', 2, []]]), 'pallet_proxy::pallet::Error');
  const moduleError = t.struct('sp_runtime::ModuleError', { index: u8, error: b4 });
  const dispatchError = t.enumOf(
    'sp_runtime::DispatchError',
    ['Other', 0],
    ['CannotLookup', 1],
    ['BadOrigin', 2],
    ['Module', 3, [{ type: moduleError }]],
  );
  const weight = t.struct('sp_weights::weight_v2::Weight', {
    ref_time: t.compact(u64),
    proof_size: t.compact(u64),
  });
  const info = t.struct('frame_support::dispatch::DispatchInfo', { weight });
  const eventOf = (path: string, ...cases: (readonly [string, number, Record<string, number>])[]) =>
    t.add(
      variants(cases.map(([name, at, fields]) => [name, at, fieldsOf(fields)])),
      `${path}::pallet::Event`,
    );
  const systemEvent = eventOf(
    'frame_system',
    ['ExtrinsicSuccess', 0, { dispatch_info: info }],
    ['ExtrinsicFailed', 1, { dispatch_error: dispatchError, dispatch_info: info }],
  );
  const utilityEvent = eventOf(
    'pallet_utility',
    ['BatchCompleted', 1, {}],
    ['BatchCompletedWithErrors', 2, {}],
    ['ItemCompleted', 3, {}],
    ['ItemFailed', 4, { error: dispatchError }],
  );
  const proxyEvent = eventOf('pallet_proxy', [
    'ProxyExecuted',
    0,
    { result: t.result(nothing, dispatchError) },
  ]);
  const paymentEvent = eventOf('pallet_transaction_payment', [
    'TransactionFeePaid',
    0,
    { who: account, actual_fee: u128, tip: u128 },
  ]);
  const events: [string, number, number][] = [
    ['System', index.system, systemEvent],
    ['Utility', index.utility, utilityEvent],
    ['Proxy', index.proxy, proxyEvent],
    ['TransactionPayment', index.payment, paymentEvent],
  ];
  const event = t.add(
    variants(events.map(([name, at, type]) => [name, at, [{ type }]])),
    'own::RuntimeEvent',
  );
  const phase = t.enumOf(
    'frame_system::Phase',
    ['ApplyExtrinsic', 0, [{ type: u32 }]],
    ['Finalization', 1],
  );
  const record = t.add(
    { Composite: { fields: fieldsOf({ phase, event, topics: t.vec(hash) }) } },
    'frame_system::EventRecord',
    [
      { name: 'E', type: event },
      { name: 'T', type: hash },
    ],
  );
  const accountData = t.struct('pallet_balances::AccountData', {
    free: u128,
    reserved: u128,
    frozen: u128,
    flags: u128,
  });
  const accountInfo = t.struct('frame_system::AccountInfo', {
    nonce: u32,
    consumers: u32,
    providers: u32,
    sufficients: u32,
    data: accountData,
  });
  const lengths = t.struct('frame_support::dispatch::PerDispatchClass', {
    normal: u32,
    operational: u32,
    mandatory: u32,
  });
  const blockLength = t.struct('frame_system::limits::BlockLength', { max: lengths });
  const perClass = t.struct('frame_system::limits::WeightsPerClass', {
    base_extrinsic: weight,
    max_extrinsic: t.option(weight),
  });
  const classes = t.struct('own::PerClass', { normal: perClass });
  const blockWeights = t.struct('frame_system::limits::BlockWeights', { per_class: classes });

  const runtime = t.struct('own::Runtime', {});
  const extrinsic = t.add(
    { Composite: { fields: [{ type: bytes, docs: [] }] } },
    'sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic',
    [
      { name: 'Address', type: address },
      { name: 'Call', type: call },
      { name: 'Signature', type: signature },
      { name: 'Extra', type: nothing },
    ],
  );
  const compactNonce = t.compact(u32);
  const compactTip = t.compact(u128);
  const eventRecords = t.vec(record);
  const era = t.add({ Composite: { fields: [{ type: u16, docs: [] }] } }, 'own::Era');
  const extension = (identifier: string, type: number, additionalSigned: number) => ({
    identifier,
    type,
    additionalSigned,
  });
  const plain = (name: string, type: number) => ({
    name,
    modifier: 'Default',
    type: { Plain: type },
    fallback: '0x00',
    docs: [],
  });
  const map = (name: string, hasher: string, key: number, value: number) => ({
    name,
    modifier: 'Optional',
    type: { Map: { hashers: [hasher], key, value } },
    fallback: '0x00',
    docs: [],
  });
  const pallet = (
    name: string,
    at: number,
    parts: {
      calls?: number;
      event?: number;
      errors?: number;
      items?: unknown[];
      constants?: unknown[];
    },
  ) => ({
    name,
    index: at,
    storage: parts.items ? { prefix: name, items: parts.items } : null,
    calls: parts.calls === undefined ? null : { type: parts.calls },
    events: parts.event === undefined ? null : { type: parts.event },
    errors: parts.errors === undefined ? null : { type: parts.errors },
    constants: parts.constants ?? [],
  });
  const constant = (name: string, type: number, value: Hex) => ({ name, type, value, docs: [] });
  const pallets = [
    pallet('System', index.system, {
      calls: systemCall,
      event: systemEvent,
      items: [
        plain('Events', eventRecords),
        map('Account', 'Blake2_128Concat', account, accountInfo),
      ],
      constants: [
        constant('BlockLength', blockLength, '0x400d0300400d0300400d0300'),
        // base 1, 2; at most 1000, 500
        constant('BlockWeights', blockWeights, '0x040801a10fd107'),
        constant('SS58Prefix', u16, '0x1e00'),
      ],
    }),
    pallet('Utility', index.utility, { calls: utilityCall, event: utilityEvent }),
    pallet('Proxy', index.proxy, { calls: proxyCall, event: proxyEvent, errors: proxyError }),
    pallet('TransactionPayment', index.payment, { event: paymentEvent }),
    pallet('PhalaMq', index.mq, { calls: mqCall }),
    pallet('PhalaRegistry', 29, { calls: registryCall }),
    pallet('PhalaStakePoolv2', index.stakePool, { calls: stakePoolCall, errors: stakePoolError }),
  ];
  const registry = new TypeRegistry();
  const body = registry.createType('MetadataV14', {
    lookup: { types: t.portable },
    pallets,
    extrinsic: {
      type: extrinsic,
      version: 4,
      signedExtensions: [
        extension('CheckSpecVersion', nothing, u32),
        extension('CheckTxVersion', nothing, u32),
        extension('CheckGenesis', nothing, hash),
        extension('CheckMortality', era, hash),
        extension('CheckNonce', compactNonce, nothing),
        extension('CheckWeight', nothing, nothing),
        extension('CheckMqSequence', nothing, nothing),
        extension('ChargeTransactionPayment', compactTip, nothing),
      ],
    },
    type: runtime,
  });
  // 'meta' and the version
  return `0x6d6574610e${body.toHex().slice(2)}`;
}
