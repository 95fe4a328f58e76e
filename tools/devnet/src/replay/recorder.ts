import type { Log } from '../log.js';
import { fromHex, toHex } from '../primitives/bytes.js';
import { decodeHeader } from '../primitives/header.js';
import { ScaleReader } from '../primitives/scale.js';
import { RelayKey, storagePrefix } from '../primitives/storage-key.js';
import { keyOf, type Recording } from './recording.js';
import { RpcCaller } from './rpc-caller.js';

/** What to record. */
export interface RecordOptions {
  relayUrl: string;
  paraUrl: string;
  paraId: number;
  /** First relay block; undefined: the one that a bridge starts at. */
  from: number | undefined;
  /** Relay blocks. */
  count: number;
}

interface HeaderJson {
  number: string;
  digest: { logs: string[] };
}

const Key = {
  validationData: toHex(storagePrefix('ParachainSystem', 'ValidationData')),
  parachainId: toHex(storagePrefix('ParachainInfo', 'ParachainId')),
  setId: toHex(RelayKey.grandpaCurrentSetId),
  authoritiesOld: toHex(RelayKey.grandpaAuthoritiesOld),
  authorities: toHex(RelayKey.grandpaAuthorities),
};
/** How a consensus item of GRANDPA begins; the scheduled change is among them. */
const GRANDPA_LOG = '0x0446524e4b';
const IN_FLIGHT = 16;
const LOG_BLOCKS = 500;

/**
 * Asks two nodes for everything that a bridge asks, from the chain's start or from a block on, and keeps the
 * answers.
 *
 * @throws Error with the node's text when it does not answer, or does not have a block
 */
export async function record(options: RecordOptions, deps: { log: Log }): Promise<Recording> {
  const [relay, para] = [await Tape.open(options.relayUrl), await Tape.open(options.paraUrl)];
  try {
    const start = await recordStart(para);
    const first = options.from ?? start - 1;
    const last = first + options.count - 1;
    const heads = toHex(RelayKey.parasHeads(options.paraId));
    await inParallel(first, last, async (number) => {
      await recordRelayBlock(relay, number, heads, number === first);
      if (number % LOG_BLOCKS === 0) deps.log('recorded', { relayBlock: number });
    });
    const firstPara = await headAt(relay, heads, first);
    const lastPara = await headAt(relay, heads, last);
    await inParallel(firstPara, lastPara, async (number) => {
      const hash = await recordBlock(para, number);
      if (number > 0) await para.call('pha_getStorageChangesAt', [hash]);
    });
    return {
      relay: { first, last, answers: relay.answers },
      para: { first: firstPara, last: lastPara, answers: para.answers },
    };
  } finally {
    relay.close();
    para.close();
  }
}

/** Genesis and block 1 of the parachain; the relay block that block 1 was built on. */
async function recordStart(para: Tape): Promise<number> {
  const genesis = await recordBlock(para, 0);
  await para.call('state_getPairs', ['0x', genesis]);
  const block1 = await recordBlock(para, 1);
  await para.call('state_getReadProof', [[Key.validationData], block1]);
  await para.call('state_getStorage', [Key.parachainId, block1]);
  const data = await para.call<string>('state_getStorage', [Key.validationData, block1]);
  const reader = new ScaleReader(fromHex(data));
  reader.bytes();
  return reader.u32();
}

async function recordRelayBlock(
  relay: Tape,
  number: number,
  heads: string,
  isFirst: boolean,
): Promise<void> {
  const hash = await recordBlock(relay, number);
  const header = await relay.call<HeaderJson>('chain_getHeader', [hash]);
  await relay.call('state_getReadProof', [[heads], hash]);
  await relay.call('state_getStorage', [heads, hash]);
  await relay.optional('grandpa_proveFinality', [number]);
  const changesSet = header.digest.logs.some((log) => log.startsWith(GRANDPA_LOG));
  if (!changesSet && !isFirst) return;
  const old = await relay.call<string | null>('state_getStorage', [Key.authoritiesOld, hash]);
  const key = old === null ? Key.authorities : Key.authoritiesOld;
  await relay.call('state_getReadProof', [[key], hash]);
  await relay.call('state_getReadProof', [[key, Key.setId], hash]);
}

async function recordBlock(tape: Tape, number: number): Promise<string> {
  const hash = await tape.call<string | null>('chain_getBlockHash', [number]);
  if (hash === null) throw new Error(`the node has no block ${number}`);
  await tape.call('chain_getHeader', [hash]);
  await tape.call('chain_getBlock', [hash]);
  return hash;
}

async function headAt(relay: Tape, heads: string, number: number): Promise<number> {
  const hash = await relay.call<string>('chain_getBlockHash', [number]);
  const value = await relay.call<string | null>('state_getStorage', [heads, hash]);
  if (value === null) throw new Error(`relay block ${number} holds no head of the parachain`);
  return decodeHeader(new ScaleReader(fromHex(value)).bytes()).number;
}

async function inParallel(
  first: number,
  last: number,
  run: (number: number) => Promise<void>,
): Promise<void> {
  let next = first;
  const lane = async () => {
    while (next <= last) await run(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** Calls a node and keeps each answer; what is kept is not asked again. */
class Tape {
  readonly answers = new Map<string, unknown>();

  private constructor(private readonly caller: RpcCaller) {}

  static async open(url: string): Promise<Tape> {
    return new Tape(await RpcCaller.open(url));
  }

  async call<T>(method: string, params: readonly unknown[]): Promise<T> {
    const key = keyOf(method, params);
    if (this.answers.has(key)) return this.answers.get(key) as T;
    const result = await this.caller.call<T>(method, params);
    this.answers.set(key, result);
    return result;
  }

  /** A call that the node may refuse; the refusal is not kept. */
  async optional(method: string, params: readonly unknown[]): Promise<void> {
    await this.call(method, params).catch(() => undefined);
  }

  close(): void {
    this.caller.close();
  }
}
