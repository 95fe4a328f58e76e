/** Messages kept per worker. */
const MAX_MESSAGES = 100;
/** A message is a sentence; what pRuntime says may be a page. */
const MAX_TEXT = 1_000;

/** What a worker says of itself, the newest last; bounded. */
export class MessageLog {
  readonly #messages: string[] = [];
  #lastText = '';

  /** The newest message, empty before the first. */
  get last(): string {
    return this.#messages.at(-1) ?? '';
  }

  /** All that are kept. */
  get all(): readonly string[] {
    return this.#messages;
  }

  /**
   * Adds a message, `[ISO time with offset] text`, unless it repeats the newest.
   * @returns its text as it was added, undefined when it was not
   */
  add(text: string, nowMs: number): string | undefined {
    const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
    if (short === this.#lastText) return undefined;
    this.#lastText = short;
    this.#messages.push(`[${isoWithOffset(nowMs)}] ${short}`);
    if (this.#messages.length > MAX_MESSAGES) this.#messages.shift();
    return short;
  }
}

/** Local time to the second with its offset from UTC, such as `2022-01-01T00:00:00+00:00`. */
export function isoWithOffset(
  nowMs: number,
  offsetMinutes = -new Date(nowMs).getTimezoneOffset(),
): string {
  const local = new Date(nowMs + offsetMinutes * 60_000).toISOString().slice(0, 19);
  const sign = offsetMinutes < 0 ? '-' : '+';
  const distance = Math.abs(offsetMinutes);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${local}${sign}${two(Math.floor(distance / 60))}:${two(distance % 60)}`;
}
