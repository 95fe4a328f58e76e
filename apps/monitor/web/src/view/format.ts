const MS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
/** Stands where something is not known. */
export const UNKNOWN = '–';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** A count or height with separators: `1,234`. */
export function formatCount(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : whole.format(value);
}

/** A rate; below 10 with one decimal. */
export function formatRate(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return Math.abs(value) < 10 ? oneDecimal.format(value) : whole.format(value);
}

/** `1 worker`, `2 workers`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** A span in at most two units: `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function formatSpan(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  const span = Math.max(0, ms);
  if (span < MS.minute) return `${Math.floor(span / MS.second)} s`;
  if (span < MS.hour) return `${Math.floor(span / MS.minute)} min`;
  if (span < MS.day) {
    const minutes = Math.floor((span % MS.hour) / MS.minute);
    return `${Math.floor(span / MS.hour)} h${minutes === 0 ? '' : ` ${minutes} min`}`;
  }
  const hours = Math.floor((span % MS.day) / MS.hour);
  return `${Math.floor(span / MS.day)} d${hours === 0 ? '' : ` ${hours} h`}`;
}

/** How long ago: `just now`, `5 min ago`. */
export function formatAgo(thenMs: number | null | undefined, nowMs: number): string {
  if (thenMs === null || thenMs === undefined) return UNKNOWN;
  const span = nowMs - thenMs;
  return span < 5 * MS.second ? 'just now' : `${formatSpan(span)} ago`;
}

/** A moment in the reader's time zone: `2026-11-22 13:40:42`. */
export function formatTime(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return UNKNOWN;
  const time = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/** The beginning and end of a long id, account or hash. */
export function shortId(id: string, head = 6, tail = 4): string {
  return id.length <= head + tail + 1 ? id : `${id.slice(0, head)}…${id.slice(-tail)}`;
}

/** MiB as `512 MiB` or `1.5 GiB`. */
export function formatMib(mib: number | null | undefined): string {
  if (mib === null || mib === undefined) return UNKNOWN;
  return mib < 1_024 ? `${whole.format(mib)} MiB` : `${oneDecimal.format(mib / 1_024)} GiB`;
}

/** A decimal text such as `3000.12345678` with separators and at most so many decimals, cut off. */
export function formatDecimal(text: string | null | undefined, maxDecimals = 2): string {
  if (text === null || text === undefined || text === '') return UNKNOWN;
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) return text;
  const [, integer = '', fraction = ''] = match;
  const cut = fraction.slice(0, maxDecimals).replace(/0+$/, '');
  return `${integer.replace(/\B(?=(\d{3})+$)/g, ',')}${cut === '' ? '' : `.${cut}`}`;
}

/** A part of a whole in percent, rounded down, so that 100 means all of it; undefined when not known. */
export function percentOf(
  done: number | null | undefined,
  all: number | null | undefined,
): number | undefined {
  if (done === null || done === undefined || all === null || all === undefined) return undefined;
  if (all <= 0) return undefined;
  return Math.min(100, Math.max(0, Math.floor((done / all) * 100)));
}

/** The text of a message without the `[time]` that managers put before it. */
export function withoutStamp(message: string): string {
  return message.replace(/^\[\d{4}-\d\d-\d\dT[^\]]*\]\s*/, '');
}

/** A multiaddr over TCP as host and port; another one as it is, without its peer id. */
export function formatAddress(multiaddr: string): string {
  const match = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)/.exec(multiaddr);
  if (match === null) return multiaddr.replace(/\/p2p\/.*$/, '');
  const [, host = '', port = ''] = match;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
