import type { Counter, MetricsRegister } from '@runtime-bridge/base';

/** What is counted about transactions. */
export interface SenderMetrics {
  /** Transactions by what became of them: `sent`, `included`, `retracted`, `finalized`, `expired`, `refused`. */
  readonly transactions: Counter;
  /** Jobs by outcome: `done`, `failed`, `retried`. */
  readonly jobs: Counter;
  /** Fees of finalised transactions, in the smallest unit, by account. */
  readonly fees: Counter;
}

/** Makes the metrics of a sender; the gauges ask when they are scraped. */
export function createSenderMetrics(
  register: MetricsRegister,
  now: () => { waiting: number; inFlight: number; open: number },
): SenderMetrics {
  register.gauge({
    name: 'runtime_bridge_tx_sender_jobs_waiting_count',
    help: 'Jobs that wait for a transaction',
    collect: (gauge) => gauge.set(now().waiting),
  });
  register.gauge({
    name: 'runtime_bridge_tx_sender_transactions_open_count',
    help: 'Transactions that are neither finalised nor expired',
    labels: ['state'],
    collect: (gauge) => {
      const { inFlight, open } = now();
      gauge.set(inFlight, { state: 'in_flight' });
      gauge.set(open - inFlight, { state: 'in_block' });
    },
  });
  return {
    transactions: register.counter({
      name: 'runtime_bridge_tx_sender_transactions_total',
      help: 'Transactions, by what became of them',
      labels: ['event'],
    }),
    jobs: register.counter({
      name: 'runtime_bridge_tx_sender_jobs_total',
      help: 'Jobs, by outcome',
      labels: ['outcome'],
    }),
    fees: register.counter({
      name: 'runtime_bridge_tx_sender_fees_total',
      help: 'Fees paid, in the smallest unit',
      labels: ['account'],
    }),
  };
}
