import { Watched, sleep, toHex, fromHex } from '@runtime-bridge/base';
import {
  ChainClientError,
  ChainClientErrorCode,
  type CallOptions,
  type RpcEndpoint,
  type SubscriptionRequest,
} from '@runtime-bridge/chain-client';
import type { FakeBlock, FakeChains } from './fake-chains.test.support.js';

/** Changes an answer, or throws instead of it. */
export type Tamper = (method: string, params: readonly unknown[], answer: unknown) => unknown;

export interface FakeNodeOptions {
  url: string;
  kind: 'relay' | 'para';
  /** Methods that the node does not have. */
  missing?: readonly string[];
  tamper?: Tamper;
  /** Milliseconds that an answer takes. */
  delayMs?: number;
}

/** A node of a fake chain, answering in the same process. */
export class FakeNode implements RpcEndpoint {
  readonly connected = new Watched(true);
  readonly lastError = undefined;
  readonly finalized: Watched<number>;
  calls = new Map<string, number>();
  tamper: Tamper | undefined;
  /** Announces justifications by subscription too. */
  readonly #chains: FakeChains;
  readonly #options: FakeNodeOptions;

  constructor(options: FakeNodeOptions, chains: FakeChains, finalized: Watched<number>) {
    this.#options = options;
    this.#chains = chains;
    this.finalized = finalized;
    this.tamper = options.tamper;
  }

  get url(): string {
    return this.#options.url;
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async call(method: string, params: readonly unknown[], options: CallOptions = {}) {
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    await sleep(this.#options.delayMs ?? 0, options.signal);
    const answer = this.#answer(method, params);
    return this.tamper ? this.tamper(method, params, answer) : answer;
  }

  async subscribe(
    request: SubscriptionRequest,
    onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#options.missing?.includes(request.method)) throw this.#missing(request.method);
    const tell = () => {
      const height = this.#head();
      const item =
        request.method === 'chain_subscribeFinalizedHeads'
          ? this.#blocks[height]!.json
          : toHex(this.#chains.justification(height));
      onItem(this.tamper ? this.tamper(request.method, [], item) : item);
    };
    if (request.method === 'chain_subscribeFinalizedHeads') tell();
    const stop = this.finalized.subscribe(tell);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    stop();
  }

  /** The finalised height on this node: of a para node, the head that the finalised relay block holds. */
  #head(): number {
    const relay = this.finalized.value;
    return this.#options.kind === 'relay' ? relay : this.#chains.paraHeadAt(relay);
  }

  get #blocks(): FakeBlock[] {
    return this.#options.kind === 'relay' ? this.#chains.relay : this.#chains.para;
  }

  #block(hash: unknown): FakeBlock {
    const block = this.#blocks.find(
      (one) => toHex(one.hash) === hash && one.number <= this.#head(),
    );
    if (!block) {
      throw this.#error(ChainClientErrorCode.RPC_ERROR, `UnknownBlock: ${String(hash)}`);
    }
    return block;
  }

  #answer(method: string, params: readonly unknown[]): unknown {
    if (this.#options.missing?.includes(method)) throw this.#missing(method);
    const chains = this.#chains;
    const isRelay = this.#options.kind === 'relay';
    switch (method) {
      case 'chain_getBlockHash': {
        const one = (height: number) => {
          const block = height <= this.#head() || height === 1 ? this.#blocks[height] : undefined;
          return block ? toHex(block.hash) : null;
        };
        const [heights] = params;
        return Array.isArray(heights) ? (heights as number[]).map(one) : one(heights as number);
      }
      case 'chain_getFinalizedHead':
        return toHex(this.#blocks[this.#head()]!.hash);
      case 'chain_getHeader': {
        const block = this.#blocks.find((candidate) => toHex(candidate.hash) === params[0]);
        return block?.json ?? null;
      }
      case 'chain_getBlock': {
        const block = this.#block(params[0]);
        const keeps = isRelay && chains.keepsJustification(block.number);
        return {
          block: { header: block.json, extrinsics: [] },
          justifications: keeps
            ? [[[70, 82, 78, 75], [...chains.justification(block.number)]]]
            : null,
        };
      }
      case 'state_getStorage': {
        const value = this.#block(params[1] ?? toHex(this.#blocks[this.#head()]!.hash)).state.get(
          String(params[0]),
        );
        return value ? toHex(value) : null;
      }
      case 'state_getReadProof': {
        const hash = params[1];
        // Para block 1 is asked for before it is final.
        const block = this.#blocks.find((one) => toHex(one.hash) === hash) ?? this.#block(hash);
        const proof = block.trie.prove((params[0] as string[]).map((key) => fromHex(key)));
        return { at: hash, proof: proof.map((node) => toHex(node)) };
      }
      case 'grandpa_proveFinality': {
        const proof = chains.finalityProof(Number(params[0]), this.finalized.value);
        if (!proof) throw this.#error(ChainClientErrorCode.RPC_ERROR, 'Block not yet finalized');
        return toHex(proof);
      }
      case 'pha_getStorageChangesAt':
        return toHex(chains.changesOf(this.#block(params[0]).number));
      case 'pha_getStorageChanges': {
        const { changes } = this.#block(params[0]);
        return [
          {
            mainStorageChanges: changes.map(([key, value]) => [
              toHex(key),
              value === null ? null : toHex(value),
            ]),
            childStorageChanges: [],
          },
        ];
      }
      case 'state_getPairs':
        return [...this.#blocks[0]!.state].map(([key, value]) => [key, toHex(value)]);
      case 'state_getKeysPaged': {
        const [, count, after] = params as [string, number, string | null];
        const keys = [...this.#blocks[0]!.state.keys()].sort();
        return keys.filter((key) => after === null || key > after).slice(0, count);
      }
      case 'state_queryStorageAt': {
        const { state } = this.#blocks[0]!;
        const changes = (params[0] as string[]).map((key) => [key, toHex(state.get(key)!)]);
        return [{ block: params[1], changes }];
      }
      default:
        throw this.#missing(method);
    }
  }

  #missing(method: string): ChainClientError {
    return this.#error(ChainClientErrorCode.METHOD_UNAVAILABLE, `Method not found: ${method}`);
  }

  #error(code: ChainClientErrorCode, message: string): ChainClientError {
    return new ChainClientError(code, message, {
      facts: { endpoint: this.url, rpcMessage: message },
    });
  }
}
