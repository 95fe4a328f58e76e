import type { ProviderView } from '../runner/messages.js';

/** How far one can get now, and how far the chain is. */
export interface HeadView {
  /** Highest relay height up to which some provider serves ranges; -1 for none. */
  readonly relayHeight: number;
  /** Highest para height up to which some provider serves blocks; -1 for none. */
  readonly paraHeight: number;
  /** Highest finalised para height that anybody told of, the chain itself included; -1 for none. */
  readonly bestPara: number;
  /** How many blocks the best provider is behind that. */
  readonly providerLag: number;
  readonly paraId: number | undefined;
}

/** Nothing is known. */
export const NO_HEAD: HeadView = {
  relayHeight: -1,
  paraHeight: -1,
  bestPara: -1,
  providerLag: 0,
  paraId: undefined,
};

/** What providers and the chain say together. @param finalizedPara as the manager's own node says it */
export function headOf(
  providers: readonly ProviderView[],
  finalizedPara: number | undefined,
): HeadView {
  const highest = (of: 'relayHeight' | 'paraHeight' | 'paraTarget') =>
    providers.reduce((best, provider) => Math.max(best, provider[of]), -1);
  const paraHeight = highest('paraHeight');
  const bestPara = Math.max(paraHeight, highest('paraTarget'), finalizedPara ?? -1);
  return {
    relayHeight: highest('relayHeight'),
    paraHeight,
    bestPara,
    providerLag: bestPara - paraHeight,
    paraId: providers[0]?.paraId,
  };
}
