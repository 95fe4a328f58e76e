import { WebSocket } from 'ws';
import { fromHex, toHex } from '@runtime-bridge/base';
import {
  decodeFinalityProof,
  decodeStorageChanges,
  headerHash,
  headerNumber,
  storageKeys,
} from '@runtime-bridge/blob-codec';

/** What was read, by the fewest calls that could do. */
export interface RawResult {
  relayHeight: number;
  paraHeight: number;
  storageChanges: number;
  calls: number;
  seconds: number;
}

const PARA_ID = 2004;
const HASHES_PER_CALL = 256;

/**
 * Reads two chains to their ends and throws everything away: what the nodes and the line allow. Nothing is checked,
 * decoded only as far as the next call needs it.
 * @param inFlight calls under way on the parachain
 */
export async function rawLoop(
  urls: { relay: string; para: string },
  inFlight: number,
): Promise<RawResult> {
  const relay = await Line.open(urls.relay);
  const para = await Line.open(urls.para);
  const startedAtMs = performance.now();
  const kept: string[] = [];
  const [relayHeight, paraHeight] = await Promise.all([
    readRelay(relay),
    readPara(para, inFlight, kept),
  ]);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const calls = relay.calls + para.calls;
  relay.close();
  para.close();
  let storageChanges = 0;
  for (const hex of kept) {
    const { main, children } = decodeStorageChanges(fromHex(hex));
    storageChanges += main.length;
    for (const [, changes] of children) storageChanges += changes.length;
  }
  return { relayHeight, paraHeight, storageChanges, calls, seconds };
}

/** Per set: the proof with its headers, the first header, the para head, the next authorities; whole sets only. */
async function readRelay(line: Line): Promise<number> {
  const heads = toHex(storageKeys.parasHeads(PARA_ID));
  const finalized = await finalizedHeight(line);
  let height = 1;
  for (;;) {
    const answer = await line
      .call<string | null>('grandpa_proveFinality', [height + 1])
      .catch(() => null);
    if (answer === null) return height;
    const { unknownHeaders } = decodeFinalityProof(fromHex(answer));
    const last = unknownHeaders.at(-1);
    if (last && headerNumber(last) > finalized) return height;
    const [first] = await line.call<string[]>('chain_getBlockHash', [[height + 1]]);
    await line.call('chain_getHeader', [first]);
    const hash = last ? toHex(headerHash(last)) : first;
    await Promise.all([
      line.call('state_getReadProof', [[heads], hash]),
      line
        .call('state_getReadProof', [[toHex(storageKeys.grandpaAuthoritiesOld)], hash])
        .catch(() => {}),
    ]);
    height = last ? headerNumber(last) : height + 1;
  }
}

/** The genesis, then per block a header and the storage changes. */
async function readPara(line: Line, inFlight: number, kept: string[]): Promise<number> {
  const last = await finalizedHeight(line);
  const [genesis] = await line.call<string[]>('chain_getBlockHash', [[0]]);
  await line.call('state_getPairs', ['0x', genesis]);
  for (let from = 1; from <= last; from += HASHES_PER_CALL) {
    const count = Math.min(HASHES_PER_CALL, last - from + 1);
    const hashes = await line.call<string[]>('chain_getBlockHash', [
      Array.from({ length: count }, (_, index) => from + index),
    ]);
    const calls = hashes.flatMap((hash) => [
      () => line.call('chain_getHeader', [hash]),
      async () => kept.push(await line.call<string>('pha_getStorageChangesAt', [hash])),
    ]);
    let next = 0;
    const lane = async () => {
      while (next < calls.length) await calls[next++]!();
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
  }
  return last;
}

async function finalizedHeight(line: Line): Promise<number> {
  const head = await line.call<string>('chain_getFinalizedHead', []);
  const { number } = await line.call<{ number: string }>('chain_getHeader', [head]);
  return Number(number);
}

class Line {
  calls = 0;
  readonly #waiting = new Map<
    number,
    { resolve: (result: never) => void; reject: (error: Error) => void }
  >();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      const { id, result, error } = JSON.parse(data.toString('utf8')) as {
        id: number;
        result: never;
        error?: { message: string };
      };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    });
  }

  static async open(url: string): Promise<Line> {
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 2 ** 28 });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return new Line(socket);
  }

  call<T>(method: string, params: readonly unknown[]): Promise<T> {
    this.calls += 1;
    const id = this.calls;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  close(): void {
    this.socket.close();
  }
}
