import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { Metadata, TypeRegistry, expandMetadata } from '@polkadot/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { toHex } from '../primitives/bytes.js';
import { ScaleReader } from '../primitives/scale.js';
import type { Chain } from './chain.js';
import type { ChainRuntime, TransactionPool } from './types.js';

/**
 * The account by which the dev network itself acts on the parachain: the sudo account's proxy. Its key is
 * ed25519, whose signatures are the same each time, so that a history has the same hashes each time.
 */
export class NetworkAccount {
  private nextNonce = 0;
  private readonly tx: ReturnType<typeof expandMetadata>['tx'];

  private constructor(
    private readonly deps: {
      para: Chain;
      runtime: ChainRuntime;
      pool: TransactionPool;
      sudo: Uint8Array;
    },
    private readonly pair: KeyringPair,
    private readonly registry: TypeRegistry,
  ) {
    const metadata = new Metadata(registry, toHex(deps.runtime.metadata));
    registry.setMetadata(metadata, undefined, {
      CheckMqSequence: { extrinsic: {}, payload: {} },
    });
    this.tx = expandMetadata(registry, metadata).tx;
  }

  /** Key pair of the account; needed for the genesis, before there is a chain. */
  static async pair(): Promise<KeyringPair> {
    await cryptoWaitReady();
    return new Keyring({ type: 'ed25519' }).addFromUri('//Devnet');
  }

  /** @param deps.sudo the account that this one may act for, which holds the sudo key */
  static create(
    deps: { para: Chain; runtime: ChainRuntime; pool: TransactionPool; sudo: Uint8Array },
    pair: KeyringPair,
  ): NetworkAccount {
    return new NetworkAccount(deps, pair, new TypeRegistry());
  }

  /**
   * Submits a call with root's powers.
   *
   * @throws RpcError when the pool does not take it; Error when the runtime lacks the call
   */
  submitAsRoot(section: string, method: string, args: readonly unknown[]): void {
    const { para, runtime, pool, sudo } = this.deps;
    const call = this.call(section, method)(...args);
    const asSudo = this.call('sudo', 'sudo')(call);
    const asProxy = this.call('proxy', 'proxy')({ Id: toHex(sudo) }, null, asSudo);
    const genesisHash = toHex(para.genesis.hash);
    const { specVersion, transactionVersion } = runtime.version;
    const extrinsic = this.registry
      .createType('Extrinsic', asProxy, { version: 4 })
      .sign(this.pair, {
        blockHash: genesisHash,
        genesisHash,
        nonce: this.nonce(),
        era: this.registry.createType('ExtrinsicEra', '0x00'),
        tip: 0,
        runtimeVersion: { specVersion, transactionVersion } as never,
        signedExtensions: this.registry.signedExtensions,
      });
    pool.submit(extrinsic.toU8a());
    this.nextNonce += 1;
  }

  private call(section: string, method: string) {
    const found = this.tx[section]?.[method];
    if (found === undefined) throw new Error(`the runtime lacks ${section}.${method}`);
    return found;
  }

  /** The chain's nonce, or the one after what still waits in the pool. */
  private nonce(): number {
    const { para, runtime, pool } = this.deps;
    const state = para.state(para.best.hash);
    const onChain = new ScaleReader(
      runtime.call('AccountNonceApi_account_nonce', this.pair.publicKey, state),
    ).u32();
    const waits = pool.pending().length > 0;
    this.nextNonce = waits ? Math.max(onChain, this.nextNonce) : onChain;
    return this.nextNonce;
  }
}
