import { PalletStorage } from '../../metadata/storage-item.js';
import { plainFailure } from '../errors.js';
import { handler, type Ctx, type Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';

const storage = new PalletStorage(paraCodecs, 'Timestamp');

export const now = storage.valueOr<bigint>('Now', 'u64', 0n);
const didUpdate = storage.valueOr<boolean>('DidUpdate', 'bool', false);

/** The chain's time in seconds. */
export const nowSec = (ctx: Ctx): bigint => now.get(ctx.state) / 1000n;

export const timestamp: Pallet = {
  name: 'Timestamp',
  index: 1,
  path: 'pallet_timestamp::pallet',
  storage: [now, didUpdate],
  calls: { set: [0, { now: 'Compact<u64>' }] },
  dispatch: {
    set: handler<{ now: bigint }>((ctx, origin, args) => {
      if (origin.kind !== 'none') throw plainFailure('BadOrigin');
      if (didUpdate.exists(ctx.state)) throw new Error('the timestamp was set twice in a block');
      if (args.now <= now.get(ctx.state)) throw new Error('the timestamp must grow');
      now.put(ctx.state, args.now);
      didUpdate.put(ctx.state, true);
    }),
  },
  constants: { MinimumPeriod: ['u64', 6000n] },
  onFinalize: (ctx) => {
    if (!didUpdate.take(ctx.state)) throw new Error('the block has no timestamp');
  },
};
