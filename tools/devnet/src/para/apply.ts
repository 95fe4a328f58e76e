import { callWeight, type BlockRun } from './block-run.js';
import { DispatchFailure, InvalidTransaction } from './errors.js';
import type { Extrinsic } from './extrinsic.js';
import type { PostInfo } from './pallet.js';
import {
  BASE_BLOCK_REF_TIME,
  BASE_EXTRINSIC_REF_TIME,
  MAX_NORMAL_LENGTH,
  MAX_NORMAL_REF_TIME,
  mutateAccount,
} from './pallets/system.js';
import { inclusionFee, settleFee, totalFee, withdrawFee } from './pallets/transaction-payment.js';
import { checkBeforeDispatch, checkSender, type SignatureCache } from './signed-checks.js';
import type { DispatchError, DispatchResult } from './values.js';

/** Applies a block's extrinsics one after the other and keeps count of the block's limits. */
export class ExtrinsicApplier {
  private index = 0;
  private refTime = BASE_BLOCK_REF_TIME;
  private lengthBytes = 0;

  constructor(
    private readonly run: BlockRun,
    private readonly signatures: SignatureCache,
  ) {}

  /** Applies what the author of the block says. @throws Error when the chain refuses it */
  inherent(extrinsic: Extrinsic): void {
    const { run } = this;
    run.phase = { type: 'ApplyExtrinsic', value: this.index };
    run.dispatch(extrinsic.call, { kind: 'none' });
    run.deposit('System', 'ExtrinsicSuccess', {
      dispatchInfo: {
        weight: callWeight(extrinsic.call),
        class: { type: 'Mandatory' },
        paysFee: { type: 'Yes' },
      },
    });
    this.index++;
    this.lengthBytes += extrinsic.encoded.length;
  }

  /**
   * Applies a transaction. A call that fails is applied, too: it is paid for and has its events.
   * @throws InvalidTransaction; then the block is as if the transaction had not been tried
   */
  signed(extrinsic: Extrinsic): DispatchResult {
    const { run } = this;
    const phase = run.phase;
    const checked = checkSender(run, extrinsic, this.signatures);
    const { who, signed, weight } = checked;
    const refTime = this.refTime + weight.refTime + BASE_EXTRINSIC_REF_TIME;
    const lengthBytes = this.lengthBytes + extrinsic.encoded.length;
    if (refTime > MAX_NORMAL_REF_TIME || lengthBytes > MAX_NORMAL_LENGTH) {
      throw new InvalidTransaction('ExhaustsResources');
    }
    run.phase = { type: 'ApplyExtrinsic', value: this.index };
    let error: DispatchError | undefined;
    try {
      run.transactional(() => {
        checkBeforeDispatch(run, checked);
        mutateAccount(run, who, (account) => account.nonce++);
        withdrawFee(run, who, checked.fee);
        let post: PostInfo = {};
        try {
          post = run.dispatch(extrinsic.call, { kind: 'signed', who, filters: [] });
        } catch (e) {
          if (!(e instanceof DispatchFailure)) throw e;
          error = e.error;
        }
        const paysFee = post.paysFee ?? true;
        const due = paysFee
          ? totalFee(inclusionFee(extrinsic.encoded.length, weight)) + signed.tip
          : 0n;
        settleFee(run, who, { taken: checked.fee, actual: due, tip: paysFee ? signed.tip : 0n });
        const dispatchInfo = {
          weight: {
            refTime: weight.refTime + BASE_EXTRINSIC_REF_TIME,
            proofSize: weight.proofSize,
          },
          class: { type: 'Normal' },
          paysFee: { type: paysFee ? 'Yes' : 'No' },
        };
        if (error) run.deposit('System', 'ExtrinsicFailed', { dispatchError: error, dispatchInfo });
        else run.deposit('System', 'ExtrinsicSuccess', { dispatchInfo });
      });
    } catch (e) {
      run.phase = phase;
      throw e;
    }
    this.index++;
    this.refTime = refTime;
    this.lengthBytes = lengthBytes;
    return error ? { err: error } : { ok: undefined };
  }
}
