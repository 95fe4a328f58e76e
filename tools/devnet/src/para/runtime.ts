import { DEV_ROOT_CERT } from '../attestation/index.js';
import type { ChainRuntime, RuntimeVersionJson } from '../chain/types.js';
import type { StateReader } from '../metadata/storage-item.js';
import { encodeHeader, EMPTY_ROOT, Trie, TrieDb } from '../primitives/index.js';
import { buildBlock, type BlockInput, type BuiltBlock } from './block-builder.js';
import { BlockRun, isMandatory } from './block-run.js';
import { InvalidTransaction } from './errors.js';
import { decodeExtrinsic } from './extrinsic.js';
import { devGenesis, genesisState, type ParaGenesis } from './genesis.js';
import type { RuntimeConfig } from './pallet.js';
import { blockHash } from './pallets/system.js';
import { callRuntimeApi } from './runtime-api.js';
import { paraMetadata } from './runtime-types.js';
import { checkSender, poolValidity, SignatureCache, type TxValidity } from './signed-checks.js';
import { loadSignatures } from './signature.js';
import { releaseIn, releaseOf, stateVersionOf, type Release } from './release.js';

/** Khala's own values, with the dev network's attestation root. */
export const defaultRuntimeConfig: RuntimeConfig = {
  paraId: 2004,
  attestationRoot: DEV_ROOT_CERT,
  noneAttestationEnabled: false,
  verifyPRuntime: true,
  verifyRelaychainGenesisBlockHash: true,
  checkWorkerRegisterTime: false,
};

/** The parachain's runtime: what a Khala node's Wasm is to that node. It keeps no state itself. */
export class ParaRuntime implements ChainRuntime {
  private readonly signatures = new SignatureCache();
  /** Metadata by release. */
  private readonly metadatas = new Map<Release, Uint8Array>();

  private constructor(readonly config: RuntimeConfig) {}

  /** `RuntimeMetadataPrefixed`, version 14, of the first release. */
  get metadata(): Uint8Array {
    return this.metadataOf(releaseOf());
  }

  /** Of the first release. */
  get version(): RuntimeVersionJson {
    return releaseOf().version;
  }

  /** The runtime as it is after a state's block: metadata, version and calls of its release. */
  at(state: StateReader): ChainRuntime {
    const release = releaseIn(state);
    return {
      metadata: this.metadataOf(release),
      version: release.version,
      call: (method, args, on) => this.call(method, args, on),
    };
  }

  /** Loads the signature library and makes the runtime. */
  static async create(config: Partial<RuntimeConfig> = {}): Promise<ParaRuntime> {
    await loadSignatures();
    return new ParaRuntime({ ...defaultRuntimeConfig, ...config });
  }

  /** Key-value pairs of block 0, sorted; what is not given is the dev network's. */
  genesis(genesis: Partial<ParaGenesis> = {}): [Uint8Array, Uint8Array][] {
    return genesisState({ ...devGenesis(), ...genesis }, this.config);
  }

  /** SCALE of the header of block 0. */
  genesisHeader(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array {
    const state = Trie.from(new TrieDb(), pairs);
    return encodeHeader({
      parentHash: new Uint8Array(32),
      number: 0,
      stateRoot: state.withVersion(stateVersionOf(releaseIn(state))).root(),
      extrinsicsRoot: EMPTY_ROOT,
      logs: [],
    });
  }

  /**
   * May the pool take this extrinsic (with its length prefix)? `at` is the best block, whose state
   * is given.
   * @throws BadExtrinsic for bytes that are none
   * @throws InvalidTransaction when it can never be applied from here
   */
  validate(
    extrinsic: Uint8Array,
    state: StateReader,
    at: { number: number; hash: Uint8Array },
  ): TxValidity {
    const decoded = decodeExtrinsic(extrinsic, releaseIn(state));
    if (!decoded.signed && isMandatory(decoded.call)) {
      throw new InvalidTransaction('MandatoryValidation');
    }
    // As if at the beginning of the next block: from there the best block's hash is known.
    const run = new BlockRun(state, at.number + 1, this.config);
    blockHash.put(run.state, at.number, at.hash);
    return poolValidity(run, checkSender(run, decoded, this.signatures));
  }

  /** Builds and executes the next block. */
  buildBlock(input: BlockInput): BuiltBlock {
    return buildBlock(input, this.config, this.signatures);
  }

  /** A runtime API call on a state. @throws Error for an unknown method */
  call(method: string, args: Uint8Array, state: StateReader): Uint8Array {
    const metadata = this.metadataOf(releaseIn(state));
    return callRuntimeApi(method, args, state, {
      metadata,
      validate: (...input) => this.validate(...input),
    });
  }

  private metadataOf(release: Release): Uint8Array {
    const known = this.metadatas.get(release);
    if (known) return known;
    const made = paraMetadata(this.config, release);
    this.metadatas.set(release, made);
    return made;
  }
}
