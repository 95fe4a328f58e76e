import type { u128, u32 } from '@polkadot/types';
import type { Codec, IExtrinsic } from '@polkadot/types/types';

/** An extrinsic as far as it is used here. */
export type Extrinsic = IExtrinsic;

/** System.Account; what is locked has had three names. */
export interface FrameSystemAccountInfo extends Codec {
  readonly nonce: u32;
  readonly data: {
    readonly free: u128;
    readonly frozen?: u128;
    readonly feeFrozen?: u128;
    readonly miscFrozen?: u128;
  };
}
