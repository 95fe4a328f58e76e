import { createHmac, timingSafeEqual } from 'node:crypto';

/** Headers of a notice. */
export const noticeHeaders = {
  /** `alert.fired`, `alert.cleared`, `worker.states` or `test`. */
  event: 'x-runtime-bridge-event',
  /** Stays the same when a notice is sent again. */
  delivery: 'x-runtime-bridge-delivery',
  /** Seconds since 1970 at which this try was made. */
  timestamp: 'x-runtime-bridge-timestamp',
  /** `v1=` and HMAC-SHA256 of `<timestamp>.<body>` with the secret, in hex. */
  signature: 'x-runtime-bridge-signature',
} as const;

/** The signature of a notice. */
export function signNotice(secret: string, timestampSec: number, body: string): string {
  const hmac = createHmac('sha256', secret).update(`${timestampSec}.${body}`).digest('hex');
  return `v1=${hmac}`;
}

/**
 * Whether a notice is of somebody who knows the secret, and not an old one sent again.
 * @param nowSec seconds since 1970
 * @param maxAgeSec how far its time may be from now
 */
export function isGenuineNotice(
  secret: string,
  notice: { timestamp: string; signature: string; body: string },
  nowSec: number,
  maxAgeSec = 300,
): boolean {
  const timestampSec = Number(notice.timestamp);
  if (!(Math.abs(nowSec - timestampSec) <= maxAgeSec)) return false;
  const right = Buffer.from(signNotice(secret, timestampSec, notice.body));
  const given = Buffer.from(notice.signature);
  return right.length === given.length && timingSafeEqual(right, given);
}
