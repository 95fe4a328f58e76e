import { BridgeError, sleep, toHex, type Watched } from '@runtime-bridge/base';

import type { BlobLibrary, Genesis } from './blob-library.js';
import type { HeadView } from './head.js';
import type { RelayEra } from './relay-era.js';

/** How long to wait before a provider is asked again. */
const RETRY_MS = 2_000;

/** Where workers begin, in few words. */
export interface GenesisStart {
  /** Hash of the relay header that workers begin behind; hex without prefix, as pRuntime writes it. */
  readonly relayHash: string;
  readonly relayEra: RelayEra;
}

/** Where workers begin, for all workers of a runner; waits for a data provider as long as it takes. */
export class GenesisKeeper {
  readonly #library: BlobLibrary;
  readonly #head: Watched<HeadView>;
  /** Small, so kept; the genesis itself is large and stays in the blob cache only. */
  #start: GenesisStart | undefined;

  constructor(collaborators: { library: BlobLibrary; head: Watched<HeadView> }) {
    this.#library = collaborators.library;
    this.#head = collaborators.head;
  }

  /** @param say told what it waits for */
  async get(signal: AbortSignal, say: (text: string) => void): Promise<Genesis> {
    for (;;) {
      if (this.#head.value.paraId === undefined) say('Waiting for a data provider...');
      const { paraId } = await this.#head.until((head) => head.paraId !== undefined, signal);
      try {
        const genesis = await this.#library.genesis(paraId!, { signal });
        if (genesis) {
          const { relayHash, relayEra } = genesis;
          this.#start = { relayHash: toHex(relayHash).slice(2), relayEra };
          return genesis;
        }
        say('Waiting for the genesis from a data provider...');
      } catch (error) {
        if (signal.aborted) throw error;
        say(`Waiting for the genesis from a data provider: ${BridgeError.from(error).message}`);
      }
      await sleep(RETRY_MS, signal);
    }
  }

  /** What is small of it. @param say told what it waits for */
  async start(signal: AbortSignal, say: (text: string) => void): Promise<GenesisStart> {
    if (this.#start === undefined) await this.get(signal, say);
    return this.#start!;
  }
}
