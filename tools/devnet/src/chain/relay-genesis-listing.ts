import type { Log } from '../log.js';
import { bytesEqual, toHex } from '../primitives/bytes.js';
import { ScaleReader } from '../primitives/scale.js';
import { storagePrefix } from '../primitives/storage-key.js';
import type { Chain } from './chain.js';
import type { NetworkAccount } from './network-account.js';
import type { Block } from './types.js';

const Key = {
  allowList: storagePrefix('PhalaRegistry', 'RelaychainGenesisBlockHashAllowList'),
  validationData: storagePrefix('ParachainSystem', 'ValidationData'),
};

/**
 * Has the relay block that workers are initialised with (the one before the relay parent of parachain
 * block 1) put on the registry's list. Its hash cannot be in the parachain's genesis, which that block
 * commits to; on Khala governance added it later, here the sudo key does, by an extrinsic like any other.
 */
export class RelayGenesisListing {
  private submittedFor: string | undefined;

  constructor(
    private readonly deps: {
      relay: Chain;
      para: Chain;
      account: NetworkAccount;
      log: Log;
    },
  ) {}

  /** Submits the extrinsic when the hash is not listed yet; call before each parachain block. */
  beforeParaBlock(relayParent: Block): void {
    const { relay, para, account, log } = this.deps;
    const hash = relay.hashAt(this.startNumber(relayParent));
    if (hash === undefined || this.isListed(hash) || this.submittedFor === toHex(hash)) return;
    this.submittedFor = toHex(hash);
    try {
      account.submitAsRoot('phalaRegistry', 'addRelaychainGenesisBlockHash', [toHex(hash)]);
      log('relay genesis hash goes to the registry', { hash: toHex(hash), at: para.best.number });
    } catch (error) {
      log('relay genesis hash was not taken', { error: String(error) });
    }
  }

  /** The trusted start's height: relay parent of parachain block 1, minus 1. */
  private startNumber(relayParent: Block): number {
    const { para } = this.deps;
    const first = para.hashAt(1);
    const data = first && para.state(first).get(Key.validationData);
    if (data === undefined) return relayParent.number - 1;
    const reader = new ScaleReader(data);
    reader.bytes();
    return reader.u32() - 1;
  }

  private isListed(hash: Uint8Array): boolean {
    const { para } = this.deps;
    const list = para.state(para.best.hash).get(Key.allowList);
    if (list === undefined) return false;
    return new ScaleReader(list).vec((r) => r.take(32), 32).some((one) => bytesEqual(one, hash));
  }
}
