import type { Codec, Registry } from '@polkadot/types/types';
import { remedyOf } from './remedies.js';

/** Why a call did not take effect, in the runtime's own words. */
export interface CallFailure {
  /** Pallet in camelCase; missing for errors that are not a pallet's. */
  pallet?: string;
  /** Name of the error, such as `InsufficientFreeStake` or `BadOrigin`. */
  name: string;
  /** Documentation of the error in the metadata. */
  docs: string;
  /** What an operator can do about it, where we know. */
  remedy?: string;
}

interface DispatchErrorLike extends Codec {
  readonly isModule?: boolean;
  readonly asModule?: { readonly index: Codec; readonly error: Codec };
  readonly type?: string;
}

/** Names a DispatchError by the metadata of the runtime that raised it. */
export function readDispatchError(value: Codec, registry: Registry): CallFailure {
  const error = value as DispatchErrorLike;
  if (error.isModule && error.asModule) {
    try {
      const meta = registry.findMetaError(error.asModule as never);
      return failure({
        pallet: meta.section,
        name: meta.name,
        docs: meta.docs.join(' ').trim(),
      });
    } catch {
      return failure({
        name: `Module(${error.asModule.index.toString()}, ${error.asModule.error.toString()})`,
        docs: 'An error that the metadata does not know',
      });
    }
  }
  const inner = (value as unknown as { inner?: Codec }).inner?.toString() ?? '';
  const type = error.type ?? value.toString();
  // Arithmetic and token errors carry the error proper inside.
  return failure({ name: type, docs: inner === 'null' ? '' : inner });
}

/** One line for logs and messages. */
export function describeFailure(error: CallFailure): string {
  const name = error.pallet === undefined ? error.name : `${error.pallet}.${error.name}`;
  return error.docs === '' ? name : `${name}: ${error.docs}`;
}

function failure(error: CallFailure): CallFailure {
  const remedy = remedyOf(error.pallet, error.name);
  return remedy === undefined ? error : { ...error, remedy };
}
