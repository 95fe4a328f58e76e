import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { IMethod } from '@polkadot/types/types';

import { makeDevIasReport, type DevReportOptions } from '../attestation/index.js';
import { blake2b256, concatBytes, scale, toHex, utf8 } from '../primitives/index.js';
import type { Outcome, TestChain } from './chain.test.kit.js';
import { paraCodecs } from './types.js';

/** Relay block that test workers were initialised with. */
export const RELAY_GENESIS = new Uint8Array(32).fill(0xdd);

/** What to change about a registration. */
export interface RegisterOptions {
  version?: 1 | 2;
  operator?: Uint8Array | undefined;
  genesisBlockHash?: Uint8Array;
  paraId?: number;
  /** Changes to the attestation report; null: none is given (version 2). */
  report?: Partial<DevReportOptions> | null;
  signer?: KeyringPair;
}

/** What makes calls for a chain, ours or a recorded one. */
export type CallSource = Pick<TestChain, 'pairs' | 'timestampMs' | 'call'>;

const pairOf = (name: string): KeyringPair =>
  new Keyring({ type: 'sr25519' }).addFromUri(`//worker/${name}`);

/** Key of the worker with this name. */
export const workerKey = (name: string): Uint8Array => pairOf(name).publicKey;

/** A worker's key and what it says; on-chain state is the chain's business. */
export class WorkerCalls {
  readonly pair: KeyringPair;
  sequence = 0n;

  constructor(
    private readonly source: CallSource,
    name: string,
  ) {
    this.pair = pairOf(name);
  }

  get key(): Uint8Array {
    return this.pair.publicKey;
  }

  /** The call that registers this worker. */
  registration(options: RegisterOptions = {}): IMethod {
    const chain = this.source;
    const version = options.version ?? 1;
    const operator = 'operator' in options ? options.operator : chain.pairs.Alice.publicKey;
    const info = {
      version: 1,
      machineId: new Uint8Array(16).fill(1),
      pubkey: this.key,
      ecdhPubkey: this.key,
      genesisBlockHash: options.genesisBlockHash ?? RELAY_GENESIS,
      features: [4, 1],
      operator,
      paraId: options.paraId ?? 2004,
      maxConsensusVersion: 0,
    };
    const type = version === 1 ? 'WorkerRegistrationInfo' : 'WorkerRegistrationInfoV2';
    const encoded = paraCodecs.encode(type, info);
    const report = makeDevIasReport({
      reportData: blake2b256(encoded),
      timestampMs: chain.timestampMs,
      ...options.report,
    });
    const attestation = {
      SgxIas: {
        raReport: toHex(report.raReport),
        signature: toHex(report.signature),
        rawSigningCert: toHex(report.rawSigningCert),
      },
    };
    // polkadot.js takes plain bytes as already encoded.
    const shown = {
      ...info,
      machineId: toHex(info.machineId),
      operator: info.operator ? toHex(info.operator) : null,
    };
    return version === 1
      ? chain.call('phalaRegistry', 'registerWorker', shown, attestation)
      : chain.call(
          'phalaRegistry',
          'registerWorkerV2',
          shown,
          options.report === null ? null : attestation,
        );
  }

  /** The call that brings a message of this worker to the chain. */
  message(
    topic: string,
    payload: Uint8Array,
    options: { sequence?: bigint; signature?: Uint8Array; sender?: unknown } = {},
  ): IMethod {
    const sequence = options.sequence ?? this.sequence++;
    const message = {
      sender: { type: 'Worker', value: this.key } as const,
      destination: utf8(topic),
      payload,
    };
    const signed = concatBytes(paraCodecs.encode('Message', message), scale.u64(sequence));
    return this.source.call('phalaMq', 'syncOffchainMessage', {
      message: {
        sender: options.sender ?? { Worker: this.key },
        destination: toHex(message.destination),
        payload: toHex(payload),
      },
      sequence,
      signature: toHex(options.signature ?? this.pair.sign(signed)),
    });
  }

  /** The call that reports a benchmark. */
  benchReport(startTime: number, iterations: number): IMethod {
    return this.message(
      '^phala/registry/event',
      paraCodecs.encode('RegistryEvent', {
        type: 'BenchReport',
        startTime: BigInt(startTime),
        iterations: BigInt(iterations),
      }),
    );
  }

  /** The call that answers a heartbeat challenge. */
  heartbeat(challengeTime: number, iterations: number): IMethod {
    return this.message(
      'phala/mining/report',
      paraCodecs.encode('WorkingReportEvent', {
        type: 'Heartbeat',
        sessionId: 0,
        challengeBlock: 1,
        challengeTime: BigInt(challengeTime),
        iterations: BigInt(iterations),
      }),
    );
  }
}

/** A worker on a chain in memory. */
export class TestWorker extends WorkerCalls {
  constructor(
    private readonly chain: TestChain,
    name: string,
  ) {
    super(chain, name);
  }

  register(options: RegisterOptions = {}): Outcome {
    return this.chain.run(this.registration(options), options.signer ?? this.chain.pairs.Alice);
  }

  /** Registers and gets a score of `6 × perSecond`. */
  registerWithScore(perSecond = 100, options: RegisterOptions = {}): void {
    const { chain } = this;
    expectOk(this.register(options));
    const startedMs = chain.timestampMs;
    chain.blocks(1);
    // The next block comes 12 s after this one.
    const seconds = (chain.timestampMs + 12_000 - startedMs) / 1000;
    expectOk(chain.run(this.benchReport(startedMs, perSecond * seconds), chain.pairs.Ferdie));
  }
}

/** Throws unless the transaction was applied with success. */
export function expectOk(outcome: Outcome): Outcome {
  if (outcome.result !== 'ok') throw new Error(`not ok: ${outcome.result}`);
  return outcome;
}
