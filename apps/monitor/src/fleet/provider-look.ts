import type { Clock } from '@runtime-bridge/base';
import {
  DataProviderStatus,
  type DataProviderInfo,
  type Peer,
  type Walkie,
} from '@runtime-bridge/walkie-protocol';
import type { ChainProgress, ProviderRow } from '../api/index.js';
import type { FleetStore } from './fleet-store.js';
import type { HeightHistories } from './height-history.js';
import type { PeerStatus } from './peer-status.js';
import { heightOf, twoDigits } from './worker-facts.js';

/** So near to the head a provider is at it. */
const AT_HEAD_BLOCKS = 3;
const TIMEOUT_MS = 10_000;
const NOTHING: ChainProgress = {
  target: null,
  fetched: null,
  done: null,
  perMinute: null,
  etaSec: null,
};

/** What a look at a data provider needs. */
export interface ProviderLookCollaborators {
  walkie: Walkie;
  clock: Clock;
  store: FleetStore;
  status: PeerStatus;
  /** By peer id and chain: target, fetched and done in place of the three heights. */
  progress: HeightHistories<string>;
  /** Heads by chain identity: relay head, nothing, para head. */
  heads: HeightHistories<string>;
}

/** Looks at one data provider: how far it is, how fast, and what it knows of the heads. */
export class ProviderLook {
  constructor(private readonly collaborators: ProviderLookCollaborators) {}

  async look(peer: Peer, signal: AbortSignal): Promise<void> {
    const { walkie, clock, status, store } = this.collaborators;
    const startedMs = clock.now();
    const info = await walkie
      .client(peer.peerId)
      .call('GetDataProviderInfo', {}, { signal, timeoutMs: TIMEOUT_MS });
    status.answered(clock.now() - startedMs);
    status.recovered(peer);
    store.set('providers', {
      ...status.row(peer, true),
      state: stateOf(info),
      paraId: info.paraId > 0 ? info.paraId : null,
      relay: this.#progress(`${peer.peerId}/relay`, {
        target: info.parentTarget,
        fetched: info.parentFetchedHeight,
        done: Math.max(info.parentProcessedHeight, info.parentCommittedHeight),
      }),
      para: this.#progress(`${peer.peerId}/para`, {
        target: info.paraTarget,
        fetched: info.paraFetchedHeight,
        done: Math.max(info.paraProcessedHeight, info.paraCommittedHeight),
      }),
    });
    updateHeads(this.collaborators, peer.chainIdentity);
  }

  /** Shows what it was at, and that it does not answer now or is not there. */
  show(peer: Peer, isThere: boolean): void {
    const { store, status } = this.collaborators;
    const old = store.rows('providers').get(peer.peerId);
    store.set('providers', {
      state: 'unknown',
      paraId: null,
      relay: NOTHING,
      para: NOTHING,
      ...old,
      ...status.row(peer, isThere),
    });
  }

  #progress(
    key: string,
    heights: { target: number; fetched: number; done: number },
  ): ChainProgress {
    const { progress, clock } = this.collaborators;
    const target = heightOf(heights.target);
    const fetched = heightOf(heights.fetched);
    const done = heightOf(heights.done);
    const nowMs = clock.now();
    progress.add(key, nowMs, { relayHeader: target, paraHeader: fetched, paraBlock: done });
    const rate = progress.perMinute(key, nowMs, 3);
    const targetRate = progress.perMinute(key, nowMs, 1) ?? 0;
    const lag = target === null || done === null ? undefined : target - done;
    const gain = rate === undefined ? undefined : rate - targetRate;
    return {
      target,
      fetched,
      done,
      perMinute: rate === undefined ? null : twoDigits(rate),
      etaSec: etaOf(lag, gain),
    };
  }
}

function etaOf(lag: number | undefined, gainPerMinute: number | undefined): number | null {
  if (lag === undefined) return null;
  if (lag <= AT_HEAD_BLOCKS) return 0;
  if (gainPerMinute === undefined || gainPerMinute < 0.1) return null;
  return Math.ceil(twoDigits((lag * 60) / gainPerMinute));
}

function stateOf({ status }: DataProviderInfo): ProviderRow['state'] {
  if (status === DataProviderStatus.S_IDLE) return 'idle';
  return status === DataProviderStatus.S_SYHCHING ? 'syncing' : 'unknown';
}

/** Puts together what all providers of a chain know of its heads. A departed one counts no more. */
export function updateHeads(
  { store, heads, clock }: Pick<ProviderLookCollaborators, 'store' | 'heads' | 'clock'>,
  chainIdentity: string,
): void {
  const nowMs = clock.now();
  const ofChain = [...store.rows('providers').values()].filter(
    (row) => row.chainIdentity === chainIdentity && row.isThere,
  );
  const best = (targets: (number | null)[]) =>
    targets.reduce<number | null>(
      (max, target) => (target !== null && (max === null || target > max) ? target : max),
      null,
    );
  const old = store.rows('chains').get(chainIdentity);
  const relay = best(ofChain.map((row) => row.relay.target)) ?? old?.relay ?? null;
  const para = best(ofChain.map((row) => row.para.target)) ?? old?.para ?? null;
  const hasGrown = para !== null && (old?.para == null || para > old.para);
  store.set('chains', {
    chainIdentity,
    relay,
    para,
    grewMs: hasGrown ? nowMs : (old?.grewMs ?? null),
  });
  heads.add(chainIdentity, nowMs, { relayHeader: relay, paraHeader: null, paraBlock: para });
}
