import { PalletStorage } from '../../metadata/storage-item.js';
import { DispatchFailure } from '../errors.js';
import { ensure, signedHandler, type Ctx, type Origin, type Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountId, DispatchResult, MultiAddress, RuntimeCall, Weight } from '../values.js';
import { lookup } from './balances.js';

const PALLET = 'Sudo';
const storage = new PalletStorage(paraCodecs, PALLET);

/** The account that may do everything. */
export const sudoKey = storage.value<AccountId>('Key', 'AccountId');

function ensureSudo(ctx: Ctx, who: AccountId): void {
  const key = sudoKey.get(ctx.state);
  ensure(ctx, key !== undefined && Buffer.compare(key, who) === 0, PALLET, 'RequireSudo');
}

function run(ctx: Ctx, call: RuntimeCall, origin: Origin): DispatchResult {
  try {
    ctx.dispatch(call, origin);
    return { ok: undefined };
  } catch (e) {
    if (e instanceof DispatchFailure) return { err: e.error };
    throw e;
  }
}

/** Sudo pays nothing when it succeeds, whatever the inner call did. */
const FREE = { paysFee: false };

export const sudo: Pallet = {
  name: PALLET,
  index: 99,
  path: 'pallet_sudo::pallet',
  storage: [sudoKey],
  calls: {
    sudo: [0, { call: 'RuntimeCall' }],
    sudo_unchecked_weight: [1, { call: 'RuntimeCall', weight: 'Weight' }],
    set_key: [2, { new: 'MultiAddress' }],
    sudo_as: [3, { who: 'MultiAddress', call: 'RuntimeCall' }],
  },
  dispatch: {
    sudo: signedHandler<{ call: RuntimeCall }>((ctx, who, { call }) => {
      ensureSudo(ctx, who);
      ctx.deposit(PALLET, 'Sudid', { sudoResult: run(ctx, call, { kind: 'root' }) });
      return FREE;
    }),
    sudo_unchecked_weight: signedHandler<{ call: RuntimeCall }>((ctx, who, { call }) => {
      ensureSudo(ctx, who);
      ctx.deposit(PALLET, 'Sudid', { sudoResult: run(ctx, call, { kind: 'root' }) });
      return FREE;
    }),
    set_key: signedHandler<{ new: MultiAddress }>((ctx, who, args) => {
      ensureSudo(ctx, who);
      const next = lookup(args.new);
      ctx.deposit(PALLET, 'KeyChanged', { oldSudoer: sudoKey.get(ctx.state) });
      sudoKey.put(ctx.state, next);
      return FREE;
    }),
    sudo_as: signedHandler<{ who: MultiAddress; call: RuntimeCall }>((ctx, who, args) => {
      ensureSudo(ctx, who);
      const origin: Origin = { kind: 'signed', who: lookup(args.who), filters: [] };
      ctx.deposit(PALLET, 'SudoAsDone', { sudoResult: run(ctx, args.call, origin) });
      return FREE;
    }),
  },
  weights: {
    sudo: (args, of) => of((args as { call: RuntimeCall }).call),
    sudo_unchecked_weight: (args) => (args as { weight: Weight }).weight,
    sudo_as: (args, of) => of((args as { call: RuntimeCall }).call),
  },
  events: {
    Sudid: [0, { sudo_result: 'DispatchResult' }],
    KeyChanged: [1, { old_sudoer: 'Option<AccountId>' }],
    SudoAsDone: [2, { sudo_result: 'DispatchResult' }],
  },
  errors: ['RequireSudo'],
};
