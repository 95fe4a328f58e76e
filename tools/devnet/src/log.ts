/** A log line: a constant message and flat facts. */
export type Log = (message: string, facts?: Readonly<Record<string, unknown>>) => void;

/** Says nothing. */
export const silentLog: Log = () => undefined;

/** Writes `time message key=value …` lines. */
export function lineLog(write: (line: string) => void, name: string, now = () => new Date()): Log {
  return (message, facts = {}) => {
    const tail = Object.entries(facts)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${format(value)}`)
      .join('');
    write(`${now().toISOString()} [${name}] ${message}${tail}\n`);
  };
}

function format(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /\s/.test(text) ? JSON.stringify(text) : text;
}
