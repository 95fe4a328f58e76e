import { createHash } from 'node:crypto';
import type { KeyringPair } from '@polkadot/keyring/types';
import { abortedError, BridgeError, toHex, Watched, type Hex } from '@runtime-bridge/base';
import {
  Refusal,
  TxError,
  TxErrorCode,
  type BatchOutcome,
  type BlockTxs,
  type CallFailure,
  type Head,
  type PoolStatus,
  type RuntimeVersion,
  type SignRequest,
} from '@runtime-bridge/chain-client/tx';
import type { TxCalls, TxChain } from './tx-chain.js';

/** A call, in readable form. */
export interface FakeCall {
  spec: number;
  name: string;
  args: unknown[];
}

/** A transaction, in readable form. */
export interface FakeTx {
  account: Hex;
  nonce: number;
  spec: number;
  birth: number;
  period: number;
  eraHash: Hex;
  tip: string;
  call: Hex;
}

interface FakeBlock {
  head: Head;
  txs: { hash: Hex; tx: FakeTx; outcome: BatchOutcome }[];
  nonces: ReadonlyMap<Hex, number>;
}

interface Pooled {
  hash: Hex;
  tx: FakeTx;
  tell: ((status: PoolStatus) => void)[];
}

/** What happens to a submission, instead of what would. */
export type SubmitFate =
  /** The connection breaks before the node has it. */
  | 'lostBefore'
  /** The connection breaks when the node has it. */
  | 'lostAfter'
  /** The node says that it has it, and forgets it. */
  | 'swallowed'
  | Refusal;

const encode = (value: unknown): Hex => toHex(Buffer.from(JSON.stringify(value)));
const decode = <T>(hex: Hex): T => JSON.parse(Buffer.from(hex.slice(2), 'hex').toString()) as T;
const hashOf = (bytes: Hex): Hex => `0x${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * A chain of the sender's own port: blocks, forks, finality, nonces, eras and a pool, all moved by hand. It keeps its own
 * record of what took effect.
 */
export class FakeChain implements TxChain {
  readonly genesisHash: Hex = hashOf('0x00');
  readonly bestHead: Watched<Head | undefined>;
  readonly finalizedHead: Watched<Head | undefined>;
  readonly connected = new Watched(true);
  readonly runtimeVersion = new Watched<RuntimeVersion | undefined>({
    specName: 'fake',
    specVersion: 1,
    transactionVersion: 1,
  });
  blockLimits = { maxBytes: 4_000_000, maxRefTime: 1_000_000n, maxProofSize: 0n };
  /** Why a call fails; undefined: it does not. */
  callResult: (call: FakeCall) => CallFailure | undefined = () => undefined;
  /** Why a transaction as a whole fails. */
  txResult: (tx: FakeTx) => CallFailure | undefined = () => undefined;
  /** What happens to the next submissions, in order; after that they go as they should. */
  readonly fates: SubmitFate[] = [];
  /** Called with each submission. */
  onSubmit: (tx: FakeTx, hash: Hex) => void = () => {};
  readonly pools = new Set<bigint>([1n, 2n]);
  refTimeOfCall = 1n;
  poor = false;
  /** What everybody can pay fees from. */
  spendable = 1_000_000_000_000_000n;
  readonly submissions: { hash: Hex; tx: FakeTx }[] = [];
  readonly #blocks = new Map<Hex, FakeBlock>();
  readonly #pool = new Map<Hex, Pooled>();
  readonly #watchers = new Set<(error: Error) => void>();
  #salt = 0;

  constructor() {
    const head: Head = { number: 0, hash: this.genesisHash, parentHash: hashOf('0x01') };
    this.#blocks.set(head.hash, { head, txs: [], nonces: new Map() });
    this.bestHead = new Watched<Head | undefined>(head);
    this.finalizedHead = new Watched<Head | undefined>(head);
    // Height 0 is where eras cannot well begin.
    this.author({ empty: true });
    this.finalize();
  }

  get best(): Head {
    return this.bestHead.value!;
  }

  get poolSize(): number {
    return this.#pool.size;
  }

  readonly calls: TxCalls = {
    syncOffchainMessage: (message) => this.#call('syncOffchainMessage', message),
    registerWorker: (args) => this.#call('registerWorker', args),
    addWorker: (pool, worker) => this.#call('addWorker', pool.toString(), worker),
    startComputing: (pool, worker, stake) =>
      this.#call('startComputing', pool.toString(), worker, stake.toString()),
    reclaimPoolWorker: (pool, worker) => this.#call('reclaimPoolWorker', pool.toString(), worker),
    stopComputing: (pool, worker) => this.#call('stopComputing', pool.toString(), worker),
    restartComputing: (pool, worker, stake) =>
      this.#call('restartComputing', pool.toString(), worker, stake.toString()),
    forceBatch: (calls) => this.#call('forceBatch', ...calls),
    proxy: (real, call) => this.#call('proxy', real, call),
  };

  sign(request: SignRequest): { bytes: Hex; hash: Hex } {
    const bytes = encode({
      account: toHex((request.signer as Pick<KeyringPair, 'publicKey'>).publicKey),
      nonce: request.nonce,
      spec: this.#spec,
      birth: request.era.birth,
      period: request.era.period,
      eraHash: request.eraHash,
      tip: request.tip.toString(),
      call: request.call,
    } satisfies FakeTx);
    return { bytes, hash: hashOf(bytes) };
  }

  async blockHash(number: number): Promise<Hex> {
    await this.#reach();
    const hash = this.#canonical().find((block) => block.head.number === number)?.head.hash;
    if (!hash) throw new TxError(TxErrorCode.BAD_ANSWER, 'no such block');
    return hash;
  }

  async nextNonce(account: Hex): Promise<number> {
    await this.#reach();
    let nonce = this.nonceOf(account);
    while (
      [...this.#pool.values()].some(({ tx }) => tx.account === account && tx.nonce === nonce)
    ) {
      nonce += 1;
    }
    return nonce;
  }

  async balance() {
    await this.#reach();
    return { nonce: 0, free: this.spendable, spendable: this.spendable };
  }

  async poolExists(pool: bigint): Promise<boolean> {
    await this.#reach();
    return this.pools.has(pool);
  }

  async estimate() {
    await this.#reach();
    return { weight: { refTime: this.refTimeOfCall, proofSize: 0n }, fee: 1n };
  }

  async blockTxs(hash: Hex): Promise<BlockTxs> {
    await this.#reach();
    const block = this.#blocks.get(hash);
    if (!block) throw new TxError(TxErrorCode.BAD_ANSWER, 'no such block');
    return { ...block.head, txHashes: block.txs.map((tx) => tx.hash) };
  }

  async outcome(hash: Hex, index: number): Promise<BatchOutcome> {
    await this.#reach();
    return this.#blocks.get(hash)!.txs[index]!.outcome;
  }

  async submit(
    bytes: Hex,
    onStatus: (status: PoolStatus) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#reach();
    const tx = decode<FakeTx>(bytes);
    const hash = hashOf(bytes);
    this.submissions.push({ hash, tx });
    this.onSubmit(tx, hash);
    const fate = this.fates.shift();
    if (fate === 'lostBefore') throw lost();
    if (fate === 'swallowed') {
      onStatus('ready');
      return await this.#untilLost(signal);
    }
    if (fate === 'lostAfter') {
      if (!this.#refusal(tx, hash)) this.#pool.set(hash, { hash, tx, tell: [] });
      throw lost();
    }
    const refusal = fate ?? this.#refusal(tx, hash);
    if (refusal) {
      throw new TxError(TxErrorCode.REFUSED, refusal, {
        facts: { refusal, rpcCode: 1010, rpcMessage: refusal },
      });
    }
    const tell = (status: PoolStatus) => {
      if (!signal.aborted) onStatus(status);
    };
    this.#pool.set(hash, { hash, tx, tell: [tell] });
    tell(tx.nonce === this.nonceOf(tx.account) ? 'ready' : 'future');
    await this.#untilLost(signal);
  }

  /** Makes a block on the best one, or on another, and makes it the best one if it is the highest. */
  author(options: { on?: Hex; empty?: boolean } = {}): Head {
    const parent = this.#blocks.get(options.on ?? this.best.hash)!;
    const number = parent.head.number + 1;
    const head: Head = {
      number,
      parentHash: parent.head.hash,
      hash: hashOf(encode([parent.head.hash, number, this.#salt++])),
    };
    const nonces = new Map(parent.nonces);
    const txs: FakeBlock['txs'] = [];
    const ready = options.empty ? [] : [...this.#pool.values()];
    for (let more = true; more;) {
      more = false;
      for (const { hash, tx } of ready) {
        if (txs.some((one) => one.hash === hash)) continue;
        if (tx.nonce !== (nonces.get(tx.account) ?? 0)) continue;
        if (!this.#isAlive(tx, number) || tx.spec !== this.#spec) continue;
        nonces.set(tx.account, tx.nonce + 1);
        txs.push({ hash, tx, outcome: this.#execute(tx) });
        more = true;
      }
    }
    this.#blocks.set(head.hash, { head, txs, nonces });
    if (number > this.best.number) this.setBest(head.hash);
    return head;
  }

  /** Takes another fork for the best chain. Transactions that leave it go back to the pool, unless told otherwise. */
  setBest(hash: Hex, options: { forget?: boolean } = {}): void {
    const before = this.#canonical();
    const next = this.#blocks.get(hash)!.head;
    this.bestHead.set(next);
    const kept = new Set(this.#canonical().map((block) => block.head.hash));
    const inChain = new Set(this.#canonical().flatMap((block) => block.txs.map((tx) => tx.hash)));
    for (const block of before) {
      if (kept.has(block.head.hash) || options.forget) continue;
      for (const { hash: txHash, tx } of block.txs) {
        if (!inChain.has(txHash)) this.#pool.set(txHash, { hash: txHash, tx, tell: [] });
      }
    }
    for (const [txHash, pooled] of this.#pool) {
      if (inChain.has(txHash)) {
        for (const tell of pooled.tell) tell('inBlock');
        this.#pool.delete(txHash);
      } else if (pooled.tx.nonce < this.nonceOf(pooled.tx.account)) {
        this.evict(txHash, 'usurped');
      } else if (!this.#isAlive(pooled.tx, next.number + 1)) {
        this.evict(txHash, 'invalid');
      }
    }
  }

  /** Finalises the best block that is `lag` blocks back. */
  finalize(lag = 0): void {
    const block = this.#canonical().find(({ head }) => head.number === this.best.number - lag);
    if (block && block.head.number >= (this.finalizedHead.value?.number ?? 0)) {
      this.finalizedHead.set(block.head);
    }
  }

  /** Takes a transaction out of the pool, telling who watches it. */
  evict(hash: Hex, status: PoolStatus): void {
    const pooled = this.#pool.get(hash);
    this.#pool.delete(hash);
    for (const tell of pooled?.tell ?? []) tell(status);
  }

  /** Takes all out, silently, as a node does that is restarted. */
  clearPool(): void {
    this.#pool.clear();
  }

  get pooled(): readonly Pooled[] {
    return [...this.#pool.values()];
  }

  /** Somebody else uses the account: a transaction with its next nonce. */
  foreign(account: Hex, nonce = this.nonceOf(account)): void {
    const tx: FakeTx = {
      account,
      nonce,
      spec: this.#spec,
      birth: this.best.number,
      period: 4_096,
      eraHash: this.best.hash,
      tip: '0',
      call: encode({ spec: 0, name: 'foreign', args: [this.#salt++] }),
    };
    const hash = hashOf(encode(tx));
    for (const [other, pooled] of this.#pool) {
      if (pooled.tx.account === account && pooled.tx.nonce === nonce) this.evict(other, 'usurped');
    }
    this.#pool.set(hash, { hash, tx, tell: [] });
  }

  upgrade(): void {
    this.runtimeVersion.set({
      specName: 'fake',
      specVersion: this.#spec + 1,
      transactionVersion: 1,
    });
  }

  disconnect(): void {
    this.connected.set(false);
    for (const watcher of [...this.#watchers]) watcher(lost());
  }

  nonceOf(account: Hex): number {
    return this.#blocks.get(this.best.hash)!.nonces.get(account) ?? 0;
  }

  /** Every call that took effect in the best chain, in order, by name and arguments. */
  get effects(): FakeCall[] {
    return this.#canonical().flatMap((block) =>
      block.txs.flatMap(({ tx, outcome }) =>
        outcome.error
          ? []
          : callsOf(tx).filter((_call, index) => outcome.items[index] === undefined),
      ),
    );
  }

  /** Every call in the best chain, in order, whether it took effect or not. */
  get executed(): FakeCall[] {
    return this.#canonical().flatMap((block) => block.txs.flatMap(({ tx }) => callsOf(tx)));
  }

  /** Nonces used in the best chain by an account, in order. */
  noncesUsed(account: Hex): number[] {
    return this.#canonical().flatMap((block) =>
      block.txs.filter(({ tx }) => tx.account === account).map(({ tx }) => tx.nonce),
    );
  }

  get #spec(): number {
    return this.runtimeVersion.value!.specVersion;
  }

  #call(name: string, ...args: unknown[]): Hex {
    return encode({ spec: this.#spec, name, args } satisfies FakeCall);
  }

  #execute(tx: FakeTx): BatchOutcome {
    const error = this.txResult(tx);
    if (error) return { error, items: [], fee: 1n };
    return { items: callsOf(tx).map((call) => this.callResult(call)), fee: 1n };
  }

  #isAlive(tx: FakeTx, height: number): boolean {
    const born = this.#canonical().find(({ head }) => head.number === tx.birth);
    return born?.head.hash === tx.eraHash && height > tx.birth && height < tx.birth + tx.period;
  }

  #refusal(tx: FakeTx, hash: Hex): Refusal | undefined {
    if (this.#pool.has(hash)) return Refusal.ALREADY_IMPORTED;
    if (tx.nonce < this.nonceOf(tx.account)) return Refusal.STALE;
    if (tx.spec !== this.#spec || !this.#isAlive(tx, this.best.number + 1))
      return Refusal.BAD_PROOF;
    if (this.poor) return Refusal.PAYMENT;
    const refTime = BigInt(callsOf(tx).length) * this.refTimeOfCall;
    if (refTime > this.blockLimits.maxRefTime) return Refusal.EXHAUSTS_RESOURCES;
    for (const pooled of this.#pool.values()) {
      if (pooled.tx.account === tx.account && pooled.tx.nonce === tx.nonce) {
        return Refusal.PRIORITY_TOO_LOW;
      }
    }
    return undefined;
  }

  /** The best chain, lowest block first. */
  #canonical(): FakeBlock[] {
    const chain: FakeBlock[] = [];
    for (let block = this.#blocks.get(this.best.hash); block;) {
      chain.unshift(block);
      block = this.#blocks.get(block.head.parentHash);
    }
    return chain;
  }

  async #reach(): Promise<void> {
    await Promise.resolve();
    if (!this.connected.value) throw lost();
  }

  async #untilLost(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        this.#watchers.delete(onLost);
        signal.removeEventListener('abort', onAbort);
      };
      const onLost = (error: Error) => {
        end();
        reject(error);
      };
      const onAbort = () => {
        end();
        resolve();
      };
      if (signal.aborted) throw abortedError(signal);
      this.#watchers.add(onLost);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

function callsOf(tx: FakeTx): FakeCall[] {
  let call = decode<FakeCall>(tx.call);
  if (call.name === 'proxy') call = decode<FakeCall>(call.args[1] as Hex);
  if (call.name !== 'forceBatch') return [call];
  return (call.args as Hex[]).map((one) => decode<FakeCall>(one));
}

/** The call of a transaction from outside in: `proxy(forceBatch(…))`. */
export function shapeOf(tx: FakeTx): string {
  const call = decode<FakeCall>(tx.call);
  return call.name === 'proxy' ? `proxy(${decode<FakeCall>(call.args[1] as Hex).name})` : call.name;
}

function lost(): BridgeError {
  return new BridgeError('DISCONNECTED', 'The connection is gone');
}
