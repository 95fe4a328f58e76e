/** How much an alert matters. */
export type AlertSeverity = 'info' | 'warning' | 'critical';

/** What can be wrong. Names are part of the interface: webhooks and settings name them. */
export const AlertKind = {
  /** A worker is in S_ERROR and stays there, or returns there. */
  WORKER_ERROR: 'worker_error',
  /** A worker's height stood still while the chain moved on. */
  WORKER_STALLED: 'worker_stalled',
  /** The chain counts a worker as unresponsive: it earns nothing and is slashed. */
  WORKER_UNRESPONSIVE: 'worker_unresponsive',
  /** A worker cools down though nobody ordered it. */
  WORKER_COOLING_DOWN: 'worker_cooling_down',
  /** Many workers that were active are no longer. */
  FLEET_SHRINKING: 'fleet_shrinking',
  /** There is no data provider. */
  PROVIDER_MISSING: 'provider_missing',
  /** A data provider is behind the finalised head. */
  PROVIDER_LAGGING: 'provider_lagging',
  /** The finalised head that the parachain node tells stands still, or cannot be read. */
  CHAIN_STANDING: 'chain_standing',
  /** A transaction was asked for long ago and there is no outcome. */
  QUEUE_STUCK: 'queue_stuck',
  /** The account that pays for transactions has little left. */
  BALANCE_LOW: 'balance_low',
} as const;
export type AlertKind = (typeof AlertKind)[keyof typeof AlertKind];

/** What an alert is about. */
export interface AlertSubject {
  readonly workerUuid?: string;
  readonly workerName?: string;
  /** Decimal text. */
  readonly pid?: string;
  readonly peerId?: string;
}

/** What a rule says of one subject at one moment. */
export interface Finding {
  readonly kind: AlertKind;
  /** Tells subjects of one kind apart. */
  readonly subject: string;
  /** `unknown` neither begins nor ends an incident. */
  readonly verdict: 'bad' | 'good' | 'unknown';
  readonly severity: AlertSeverity;
  readonly message: string;
  readonly remedy: string;
  /** How long it has to be bad, not counting what is unknown in between as better, before it is told. */
  readonly holdMs: number;
  readonly about: AlertSubject;
}

/** An incident. */
export interface Alert {
  readonly id: string;
  readonly kind: AlertKind;
  readonly subject: string;
  readonly severity: AlertSeverity;
  readonly message: string;
  readonly remedy: string;
  readonly about: AlertSubject;
  /** Ms since 1970. */
  readonly firedMs: number;
  /** Ms since 1970; undefined while it is on. */
  readonly clearedMs?: number | undefined;
}
