import { isAbortError, isBridgeError } from '@runtime-bridge/base';
import { BlockStoreError, refused, type Refused } from '../errors.js';

/**
 * Runs a check. Whatever it throws becomes the refusal of a block, so that an error always names chain, block, check
 * and endpoint.
 * @throws BlockStoreError BLOCK_REFUSED
 */
export function checked<T>(about: Refused, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw asRefusal(about, error);
  }
}

/** The same for a check that waits for something. */
export async function checkedAsync<T>(about: Refused, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw asRefusal(about, error);
  }
}

function asRefusal(about: Refused, error: unknown): unknown {
  if (isAbortError(error) || error instanceof BlockStoreError) return error;
  // Anything but a coded error is a fault of ours, not of the node.
  if (!isBridgeError(error)) return error;
  return refused(about, error.message, error);
}
