import { faultOf, type Fault } from '@runtime-bridge/chain-client';
import { BlockStoreError, BlockStoreErrorCode, Check } from '../errors.js';

/** What an error of a step says of the endpoint that it was done with. */
export function stepFaultOf(error: unknown): Fault | undefined {
  if (!(error instanceof BlockStoreError)) return faultOf(error);
  switch (error.code) {
    case BlockStoreErrorCode.BLOCK_REFUSED:
      // Of two that disagree, nobody can tell which one lies: neither is believed until they agree.
      return error.facts['check'] === Check.SECOND_OPINION ? undefined : 'lie';
    case BlockStoreErrorCode.NODE_STALLED:
      return 'stalled';
    case BlockStoreErrorCode.NODE_UNSUITABLE:
      return 'failure';
    case BlockStoreErrorCode.STORE_LOCKED:
    case BlockStoreErrorCode.STORE_CORRUPT:
    case BlockStoreErrorCode.STORE_OF_OTHER_CHAIN:
    case BlockStoreErrorCode.STORE_TOO_NEW:
    case BlockStoreErrorCode.STORE_WRITE_FAILED:
    case BlockStoreErrorCode.DISK_FULL:
    case BlockStoreErrorCode.FILE_DAMAGED:
    case BlockStoreErrorCode.FILE_EXISTS:
    case BlockStoreErrorCode.FILE_UNUSABLE:
    case BlockStoreErrorCode.OUT_OF_ORDER:
      return undefined;
  }
}
