/** The setting that both sides of an authentication read their secret from. */
export const PSK_SETTING = 'PHALA_WALKIE_PSK';
/** How far the clocks of two peers may differ; hosts that keep time at all are far below. */
export const MAX_CLOCK_SKEW_MS = 2 * 60_000;

/** The parts of the `auth_string` of a request. */
export interface AuthStringParts {
  timeMs: number;
  /** 32 hex digits. */
  nonce: string;
  /** 64 hex digits. */
  proof: string;
}

/** Writes `1:<time in ms>:<nonce>:<proof>`. */
export function formatAuthString({ timeMs, nonce, proof }: AuthStringParts): string {
  return `1:${timeMs}:${nonce}:${proof}`;
}

/** The parts of an `auth_string`; undefined when it is none. */
export function parseAuthString(text: string): AuthStringParts | undefined {
  const match = /^1:(\d{1,15}):([0-9a-f]{32}):([0-9a-f]{64})$/.exec(text);
  if (match === null) return undefined;
  return { timeMs: Number(match[1]), nonce: match[2]!, proof: match[3]! };
}

/** Whether a time is near enough to now to be believed. */
export function isRecentEnough(timeMs: number, nowMs: number): boolean {
  return Math.abs(timeMs - nowMs) <= MAX_CLOCK_SKEW_MS;
}
