/** Where a run reads and writes. */
export interface Terminal {
  out: (line: string) => void;
  err: (line: string) => void;
  /** Whether a person looks at it. */
  isTty: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  readFile: (path: string) => Promise<string>;
  writeFile: (path: string, text: string) => Promise<void>;
  /** Aborted when the user wants it to end. */
  signal: AbortSignal;
}

/** JSON of anything that a command shows: bigints as text, exact. */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, one: unknown) => (typeof one === 'bigint' ? one.toString() : one),
    2,
  );
}
