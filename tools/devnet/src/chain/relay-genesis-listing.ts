import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { Metadata, TypeRegistry, expandMetadata } from '@polkadot/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import type { Log } from '../log.js';
import { bytesEqual, toHex } from '../primitives/bytes.js';
import { ScaleReader } from '../primitives/scale.js';
import { storagePrefix } from '../primitives/storage-key.js';
import type { Chain } from './chain.js';
import type { Block, ChainRuntime, TransactionPool } from './types.js';

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

  private constructor(
    private readonly deps: {
      relay: Chain;
      para: Chain;
      runtime: ChainRuntime;
      pool: TransactionPool;
      sudo: KeyringPair;
      log: Log;
    },
  ) {}

  /** @param deps.sudoUri secret of the sudo account, such as `//Alice` */
  static async create(deps: {
    relay: Chain;
    para: Chain;
    runtime: ChainRuntime;
    pool: TransactionPool;
    sudoUri: string;
    log: Log;
  }): Promise<RelayGenesisListing> {
    await cryptoWaitReady();
    const { sudoUri, ...rest } = deps;
    const sudo = new Keyring({ type: 'sr25519' }).addFromUri(sudoUri);
    return new RelayGenesisListing({ ...rest, sudo });
  }

  /** Submits the extrinsic when the hash is not listed yet; call before each parachain block. */
  beforeParaBlock(relayParent: Block): void {
    const { relay, para, pool, log } = this.deps;
    const hash = relay.hashAt(this.startNumber(relayParent));
    if (hash === undefined || this.isListed(hash) || this.submittedFor === toHex(hash)) return;
    this.submittedFor = toHex(hash);
    try {
      pool.submit(this.extrinsic(hash));
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

  private extrinsic(hash: Uint8Array): Uint8Array {
    const { para, runtime, sudo } = this.deps;
    const registry = new TypeRegistry();
    const metadata = new Metadata(registry, toHex(runtime.metadata));
    registry.setMetadata(metadata, undefined, {
      CheckMqSequence: { extrinsic: {}, payload: {} },
    });
    const { tx } = expandMetadata(registry, metadata);
    const add = tx['phalaRegistry']?.['addRelaychainGenesisBlockHash'];
    const asSudo = tx['sudo']?.['sudo'];
    if (add === undefined || asSudo === undefined) throw new Error('the runtime lacks the calls');
    const state = para.state(para.best.hash);
    const nonce = new ScaleReader(
      runtime.call('AccountNonceApi_account_nonce', sudo.publicKey, state),
    ).u32();
    const genesisHash = toHex(para.genesis.hash);
    const { specVersion, transactionVersion } = runtime.version;
    return registry
      .createType('Extrinsic', asSudo(add(toHex(hash))), { version: 4 })
      .sign(sudo, {
        blockHash: genesisHash,
        genesisHash,
        nonce,
        era: registry.createType('ExtrinsicEra', '0x00'),
        tip: 0,
        runtimeVersion: { specVersion, transactionVersion } as never,
        signedExtensions: registry.signedExtensions,
      })
      .toU8a();
  }
}
