import {
  systemClock,
  Watched,
  type Clock,
  type Hex,
  type Logger,
  type MetricsRegister,
} from '@runtime-bridge/base';
import { isConnectionError } from './block-follower.js';
import type { TxChain } from './tx-chain.js';

/** An account that signs and pays. */
export interface AccountStatus {
  account: Hex;
  /** What fees can be paid from, in the smallest unit; undefined before the node has told. */
  spendable: bigint | undefined;
  /** Whether that is less than it should be. */
  isLow: boolean;
  /** Fees of all its finalised transactions since the journal began, in the smallest unit. */
  fees: bigint;
}

interface Account {
  spendable: bigint | undefined;
  isLow: boolean;
  fees: bigint;
}

/** Keeps an eye on what the accounts that pay have left, and on what they have paid. */
export class AccountWatch {
  readonly #options: { minBalance: bigint; everyMs: number };
  readonly #chain: TxChain;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #accounts = new Map<Hex, Account>();
  readonly #added = new Watched(0);

  constructor(
    options: { /** In the smallest unit; 0 never warns. */ minBalance: bigint; everyMs: number },
    collaborators: { chain: TxChain; logger: Logger; metrics: MetricsRegister; clock?: Clock },
  ) {
    this.#options = options;
    this.#chain = collaborators.chain;
    this.#logger = collaborators.logger;
    this.#clock = collaborators.clock ?? systemClock;
    collaborators.metrics.gauge({
      name: 'runtime_bridge_tx_sender_balance_units',
      help: 'What an operator account can pay fees from, in the smallest unit',
      labels: ['account'],
      collect: (gauge) => {
        for (const { account, spendable } of this.accounts) {
          if (spendable !== undefined) gauge.set(Number(spendable), { account });
        }
      },
    });
  }

  get accounts(): AccountStatus[] {
    return [...this.#accounts].map(([account, state]) => ({ account, ...state }));
  }

  /** Fees that were paid before this process began. */
  restore(fees: ReadonlyMap<Hex, bigint>): void {
    for (const [account, paid] of fees) this.#of(account).fees = paid;
  }

  /** From now on this account is asked about. */
  watch(account: Hex): void {
    this.#of(account);
    this.#added.update((value) => value + 1);
  }

  /** A finalised transaction cost this much. */
  paid(account: Hex, fee: bigint): void {
    this.#of(account).fees += fee;
  }

  /** Asks again and again until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const seen = this.#added.value;
      await this.#chain.connected.until((value) => value, signal);
      for (const [account, state] of this.#accounts) await this.#look(account, state, signal);
      const timer = new AbortController();
      const either = AbortSignal.any([signal, timer.signal]);
      const waits = [
        this.#clock.sleep(this.#options.everyMs, either),
        this.#added.until((value) => value !== seen, either),
      ];
      try {
        await Promise.race(waits);
      } finally {
        timer.abort();
        await Promise.allSettled(waits);
      }
    }
  }

  async #look(account: Hex, state: Account, signal: AbortSignal): Promise<void> {
    try {
      state.spendable = (await this.#chain.balance(account, undefined, { signal })).spendable;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!isConnectionError(error)) {
        this.#logger.debug('Balance of an account is unknown', { account }, error);
      }
      return;
    }
    const { spendable } = state;
    const { minBalance } = this.#options;
    const isLow = spendable < minBalance;
    if (isLow === state.isLow) return;
    state.isLow = isLow;
    const facts = { account, spendable, minBalance };
    if (isLow) this.#logger.warn('Operator account runs out of money for fees', facts);
    else this.#logger.info('Operator account has enough money for fees again', facts);
  }

  #of(account: Hex): Account {
    let state = this.#accounts.get(account);
    if (!state) {
      state = { spendable: undefined, isLow: false, fees: 0n };
      this.#accounts.set(account, state);
    }
    return state;
  }
}
