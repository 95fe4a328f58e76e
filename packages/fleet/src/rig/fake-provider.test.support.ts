import { create, toBinary } from '@bufbuild/protobuf';
import { concatBytes } from '@runtime-bridge/base';
import {
  compactLength,
  composeBlocks,
  composeCombinedHeaders,
  encodeAuthorityList,
  encodeGenesisInfo,
  encodeHeaderToSync,
  parseBlobKey,
} from '@runtime-bridge/blob-codec';
import { GenesisSchema, ParentBlockSchema, RangeMetaSchema } from '@runtime-bridge/walkie-protocol';

import type { ProviderView } from '../runner/messages.js';
import type { BlobConnection } from '../sync/blob-fetcher.js';
import {
  BAD_PROOF,
  GENESIS_RELAY,
  GOOD_PROOF,
  header,
  JUSTIFIED_EVERY,
  numbers,
  PARA_ID,
  paraHeadAt,
} from './scripted-chains.test.support.js';

const AUTHORITY = { id: new Uint8Array(32).fill(5), weight: 1n };
const LIST = encodeAuthorityList([AUTHORITY]);
/** Nodes that hold the list as each era does, behind its length. */
const NEW_AUTHORITIES = concatBytes([compactLength(LIST.length), LIST]);
const OLD_AUTHORITIES = concatBytes([compactLength(LIST.length + 1), Uint8Array.of(1), LIST]);

/** Both chains as a data provider serves them, scripted. */
export class FakeProvider {
  relayHeight = GENESIS_RELAY + 8;
  /** Blobs made of rows here are wrong. */
  lies = false;
  down = false;
  /** The relay chain has no `:grandpa_authorities`. */
  newRelay = false;
  served = 0;

  constructor(readonly peerId: string) {}

  view(paraTarget?: number): ProviderView {
    const paraHeight = paraHeadAt(this.relayHeight);
    return {
      peerId: this.peerId,
      host: this.peerId,
      port: 8012,
      paraId: PARA_ID,
      relayTarget: this.relayHeight,
      relayHeight: this.relayHeight,
      paraTarget: paraTarget ?? paraHeight,
      paraHeight,
    };
  }

  connection(): BlobConnection {
    return {
      get: async (key) => {
        await Promise.resolve();
        if (this.down) throw new Error('connection refused');
        this.served += 1;
        return this.#blob(key);
      },
      close: async () => undefined,
    };
  }

  #blob(text: string): Uint8Array | undefined {
    const key = parseBlobKey(text);
    switch (key?.kind) {
      case 'genesis':
        return toBinary(
          GenesisSchema,
          create(GenesisSchema, {
            paraId: PARA_ID,
            bridgeGenesisInfo: encodeGenesisInfo({
              header: header(GENESIS_RELAY),
              authoritySet: { authorities: [AUTHORITY], setId: 0n },
              proof: [this.newRelay ? NEW_AUTHORITIES : OLD_AUTHORITIES],
            }),
            genesisState: Uint8Array.of(0),
          }),
        );
      case 'rangeByParentBlock': {
        if (key.relayHeight > this.relayHeight) return undefined;
        const next = Math.ceil(key.relayHeight / JUSTIFIED_EVERY) * JUSTIFIED_EVERY;
        const end = Math.min(next, this.relayHeight);
        const before = paraHeadAt(key.relayHeight - 1);
        const head = paraHeadAt(end);
        return toBinary(
          RangeMetaSchema,
          create(RangeMetaSchema, {
            parentStartBlock: key.relayHeight,
            parentStopBlock: end,
            paraStartBlock: head > before ? before + 1 : -1,
            paraStopBlock: head > before ? head : -1,
          }),
        );
      }
      case 'drySyncHeader': {
        if (key.relayEnd > this.relayHeight) return undefined;
        if (key.paraEnd >= 0 && key.paraEnd !== paraHeadAt(key.relayEnd)) return undefined;
        const relay = numbers(key.relayStart, key.relayEnd);
        const para = key.paraEnd < 0 ? [] : numbers(key.paraStart, key.paraEnd);
        return composeCombinedHeaders({
          relayHeaders: relay.map((number) =>
            encodeHeaderToSync(
              header(number),
              number === key.relayEnd ? Uint8Array.of(7) : undefined,
            ),
          ),
          paraHeaders: para.map(header),
          proof: para.length === 0 ? [] : [this.lies ? BAD_PROOF : GOOD_PROOF],
        });
      }
      case 'dryParaBlock':
        if (key.number > paraHeadAt(this.relayHeight)) return undefined;
        return composeBlocks([{ header: header(key.number), storageChanges: Uint8Array.of(0, 0) }]);
      case 'parent': {
        if (key.number > this.relayHeight || key.number <= GENESIS_RELAY) return undefined;
        return toBinary(
          ParentBlockSchema,
          create(ParentBlockSchema, {
            number: key.number,
            paraNumber: paraHeadAt(key.number),
            paraProof: GOOD_PROOF,
          }),
        );
      }
      default:
        return undefined;
    }
  }
}
