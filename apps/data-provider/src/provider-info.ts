import type { StoreHeights, Targets } from '@runtime-bridge/block-store';
import { DataProviderStatus } from '@runtime-bridge/walkie-protocol';

/** What the info is made of. */
export interface InfoFacts {
  /** Undefined until there is a genesis. */
  chain: { paraId: number; relayGenesisHeight: number } | undefined;
  heights: StoreHeights | undefined;
  targets: Targets;
  blobServerPort: number;
}

/** A provider within this many blocks of both targets counts as idle. */
const IDLE_WITHIN_BLOCKS = 3;

/** The answer of GetDataProviderInfo. Heights that are not known are -1. */
export interface ProviderInfo {
  status: DataProviderStatus;
  paraId: number;
  parentStartHeader: number;
  parentTarget: number;
  parentFetchedHeight: number;
  parentProcessedHeight: number;
  parentCommittedHeight: number;
  paraTarget: number;
  paraFetchedHeight: number;
  paraProcessedHeight: number;
  paraCommittedHeight: number;
  blobServerPort: number;
}

/** What the provider says of itself. A target that is not known keeps it from being idle. */
export function providerInfo(facts: InfoFacts): ProviderInfo {
  const { chain, heights, targets, blobServerPort } = facts;
  const relay = { target: targets.relay, built: heights?.built ?? -1 };
  const para = { target: targets.para, stored: heights?.para ?? -1 };
  const isIdle =
    isNear(relay.built, relay.target) && isNear(para.stored, para.target) && chain !== undefined;
  return {
    status: isIdle ? DataProviderStatus.S_IDLE : DataProviderStatus.S_SYHCHING,
    paraId: chain?.paraId ?? -1,
    parentStartHeader: chain?.relayGenesisHeight ?? -1,
    parentTarget: relay.target,
    parentFetchedHeight: heights?.relay ?? -1,
    parentProcessedHeight: relay.built,
    parentCommittedHeight: heights?.sealed ?? -1,
    paraTarget: para.target,
    paraFetchedHeight: para.stored,
    paraProcessedHeight: para.stored,
    paraCommittedHeight: para.stored,
    blobServerPort,
  };
}

function isNear(height: number, target: number): boolean {
  return target >= 0 && height >= 0 && target - height < IDLE_WITHIN_BLOCKS;
}
