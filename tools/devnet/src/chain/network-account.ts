import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { Metadata, TypeRegistry, expandMetadata } from '@polkadot/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { toHex } from '../primitives/bytes.js';
import { ScaleReader } from '../primitives/scale.js';
import type { Chain } from './chain.js';
import type { ChainRuntime, RuntimeVersionJson, TransactionPool } from './types.js';

type Calls = ReturnType<typeof expandMetadata>['tx'];

interface RuntimeTypes {
  registry: TypeRegistry;
  tx: Calls;
  version: RuntimeVersionJson;
}

/**
 * The account by which the dev network itself acts on the parachain: the sudo account's proxy. Its key is
 * ed25519, whose signatures are the same each time, so that a history has the same hashes each time.
 */
export class NetworkAccount {
  private nextNonce = 0;
  private types: RuntimeTypes | undefined;

  private constructor(
    private readonly deps: {
      para: Chain;
      /** The runtime in force after a block. */
      runtimeAt: (hash: Uint8Array) => ChainRuntime;
      pool: TransactionPool;
      sudo: Uint8Array;
    },
    private readonly pair: KeyringPair,
  ) {}

  /** Key pair of the account; needed for the genesis, before there is a chain. */
  static async pair(): Promise<KeyringPair> {
    await cryptoWaitReady();
    return new Keyring({ type: 'ed25519' }).addFromUri('//Devnet');
  }

  /** @param deps.sudo the account that this one may act for, which holds the sudo key */
  static create(
    deps: {
      para: Chain;
      runtimeAt: (hash: Uint8Array) => ChainRuntime;
      pool: TransactionPool;
      sudo: Uint8Array;
    },
    pair: KeyringPair,
  ): NetworkAccount {
    return new NetworkAccount(deps, pair);
  }

  /**
   * Submits a call with root's powers.
   *
   * @throws RpcError when the pool does not take it; Error when the runtime lacks the call
   */
  submitAsRoot(section: string, method: string, args: readonly unknown[]): void {
    const { para, pool, sudo } = this.deps;
    const { registry, tx, version } = this.typesNow();
    const call = callOf(tx, section, method)(...args);
    const asSudo = callOf(tx, 'sudo', 'sudo')(call);
    const asProxy = callOf(tx, 'proxy', 'proxy')({ Id: toHex(sudo) }, null, asSudo);
    const genesisHash = toHex(para.genesis.hash);
    const { specVersion, transactionVersion } = version;
    const extrinsic = registry.createType('Extrinsic', asProxy, { version: 4 }).sign(this.pair, {
      blockHash: genesisHash,
      genesisHash,
      nonce: this.nonce(),
      era: registry.createType('ExtrinsicEra', '0x00'),
      tip: 0,
      runtimeVersion: { specVersion, transactionVersion } as never,
      signedExtensions: registry.signedExtensions,
    });
    pool.submit(extrinsic.toU8a());
    this.nextNonce += 1;
  }

  /** Types and calls of the runtime that makes the next block. */
  private typesNow(): RuntimeTypes {
    const { metadata, version } = this.deps.runtimeAt(this.deps.para.best.hash);
    if (this.types?.version.specVersion === version.specVersion) return this.types;
    const registry = new TypeRegistry();
    const decoded = new Metadata(registry, toHex(metadata));
    registry.setMetadata(decoded, undefined, { CheckMqSequence: { extrinsic: {}, payload: {} } });
    this.types = { registry, tx: expandMetadata(registry, decoded).tx, version };
    return this.types;
  }

  /** The chain's nonce, or the one after what still waits in the pool. */
  private nonce(): number {
    const { para, runtimeAt, pool } = this.deps;
    const state = para.state(para.best.hash);
    const onChain = new ScaleReader(
      runtimeAt(para.best.hash).call('AccountNonceApi_account_nonce', this.pair.publicKey, state),
    ).u32();
    const waits = pool.pending().length > 0;
    this.nextNonce = waits ? Math.max(onChain, this.nextNonce) : onChain;
    return this.nextNonce;
  }
}

function callOf(tx: Calls, section: string, method: string) {
  const found = tx[section]?.[method];
  if (found === undefined) throw new Error(`the runtime lacks ${section}.${method}`);
  return found;
}
