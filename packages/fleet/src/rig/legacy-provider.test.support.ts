import { create, toBinary } from '@bufbuild/protobuf';
import {
  composeBlocks,
  composeCombinedHeaders,
  encodeAuthorityList,
  encodeGenesisInfo,
  encodeHeaderToSync,
  encodeStorageProof,
} from '@runtime-bridge/blob-codec';
import {
  GenesisSchema,
  ParaBlockSchema,
  ParentBlockSchema,
  RangeMetaSchema,
} from '@runtime-bridge/walkie-protocol/schema';

import type { ProviderView } from '../runner/messages.js';
import type { BlobConnection } from '../sync/blob-fetcher.js';
import { FakeProvider } from './fake-provider.test.support.js';
import {
  GENESIS_RELAY,
  GOOD_PROOF,
  header,
  JUSTIFIED_EVERY,
  numbers,
  PARA_ID,
  paraHeadAt,
} from './scripted-chains.test.support.js';

/** Relay blocks between two changes of the authority set. */
const WINDOW = 40;
const AUTHORITY = { id: new Uint8Array(32).fill(5), weight: 1n };
const LIST = encodeAuthorityList([AUTHORITY]);

interface Range {
  start: number;
  stop: number;
  paraStart: number;
  paraStop: number;
}

/**
 * A data provider of 2022: it has rows under the keys that it wrote, and nothing under any other. Ranges are known by their
 * first relay block alone and end with the next justified one; a window's blob begins where the window does; nothing is
 * composed (Phala-Network/runtime-bridge 80fde2c src/data_provider/{blob.js,make_blob.ts}).
 */
export class LegacyProvider extends FakeProvider {
  /** Keys that were asked for and are not there. */
  readonly missed: string[] = [];

  override view(): ProviderView {
    return { ...super.view(), relayHeight: this.#committed };
  }

  override connection(): BlobConnection {
    return {
      get: async (key) => {
        await Promise.resolve();
        this.served += 1;
        const value = this.#row(key);
        if (value === undefined) this.missed.push(key);
        return value;
      },
      close: async () => undefined,
    };
  }

  /** Last relay block of the last range. */
  get #committed(): number {
    return Math.floor(this.relayHeight / JUSTIFIED_EVERY) * JUSTIFIED_EVERY;
  }

  #row(key: string): Uint8Array | undefined {
    const [kind, ...words] = key.split(':');
    const number = Number(words[0]);
    switch (kind) {
      case 'genesis':
        return toBinary(
          GenesisSchema,
          create(GenesisSchema, {
            paraId: PARA_ID,
            bridgeGenesisInfo: encodeGenesisInfo({
              header: header(GENESIS_RELAY),
              authoritySet: { authorities: [AUTHORITY], setId: 0n },
              proof: [Uint8Array.of((LIST.length + 1) << 2, 1, ...LIST)],
            }),
            genesisState: Uint8Array.of(0),
          }),
        );
      case 'rangeByParentBlock':
        return this.#meta(number);
      case 'drySyncHeader':
        return this.#ranges().some((range) => key === dryKey(range)) ? blobOf(words) : undefined;
      case 'blobRange':
        return this.#windows().some((window) => key === windowKey(window))
          ? blobOf(words)
          : undefined;
      case 'dryParaBlock':
        if (number > paraHeadAt(this.#committed)) return undefined;
        return composeBlocks([{ header: header(number), storageChanges: Uint8Array.of(0, 0) }]);
      case 'para':
        if (number > paraHeadAt(this.#committed)) return undefined;
        return toBinary(
          ParaBlockSchema,
          create(ParaBlockSchema, { number, header: header(number) }),
        );
      case 'parent':
        if (number <= GENESIS_RELAY || number > this.#committed) return undefined;
        return toBinary(
          ParentBlockSchema,
          create(ParentBlockSchema, {
            number,
            paraNumber: paraHeadAt(number),
            paraProof: encodeStorageProof([GOOD_PROOF]),
          }),
        );
      default:
        return undefined;
    }
  }

  #meta(start: number): Uint8Array | undefined {
    const range = this.#ranges().find((one) => one.start === start);
    if (!range) return undefined;
    const window = this.#windows().find((one) => one.start <= start && start <= one.stop);
    return toBinary(
      RangeMetaSchema,
      create(RangeMetaSchema, {
        parentStartBlock: range.start,
        parentStopBlock: range.stop,
        paraStartBlock: range.paraStart,
        paraStopBlock: range.paraStop,
        drySyncHeaderReqKey: dryKey(range),
        blobParentStopBlock: window?.stop ?? -1,
        blobParaStopBlock: window?.paraStop ?? -1,
        blobSyncHeaderReqKey: window ? windowKey(window) : '',
      }),
    );
  }

  #ranges(): Range[] {
    const stops = numbers(GENESIS_RELAY + 1, this.#committed).filter(
      (relay) => relay % JUSTIFIED_EVERY === 0,
    );
    return stops.map((stop, index) => rangeOf((stops[index - 1] ?? GENESIS_RELAY) + 1, stop));
  }

  #windows(): Range[] {
    const stops = numbers(GENESIS_RELAY + 1, this.#committed).filter(
      (relay) => relay % WINDOW === 0,
    );
    return stops.map((stop, index) => rangeOf((stops[index - 1] ?? GENESIS_RELAY) + 1, stop));
  }
}

function rangeOf(start: number, stop: number): Range {
  const [first, last] = [paraHeadAt(start - 1) + 1, paraHeadAt(stop)];
  return last < first
    ? { start, stop, paraStart: -1, paraStop: -1 }
    : { start, stop, paraStart: first, paraStop: last };
}

function dryKey({ start, stop, paraStart, paraStop }: Range): string {
  return `drySyncHeader:${start}:${stop}:${paraStart}:${paraStop}`;
}

function windowKey({ start, stop, paraStart, paraStop }: Range): string {
  return `blobRange:${start}:${stop}:${paraStart}:${paraStop}:SyncHeaderReq`;
}

function blobOf(words: readonly string[]): Uint8Array {
  const [start, stop, paraStart, paraStop] = words.map(Number) as [number, number, number, number];
  const para = paraStop < 0 ? [] : numbers(paraStart, paraStop);
  return composeCombinedHeaders({
    relayHeaders: numbers(start, stop).map((relay) =>
      encodeHeaderToSync(header(relay), relay === stop ? Uint8Array.of(7) : undefined),
    ),
    paraHeaders: para.map(header),
    proof: para.length === 0 ? [] : [GOOD_PROOF],
  });
}
