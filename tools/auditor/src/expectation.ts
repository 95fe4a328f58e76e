/** What an operator asked for one worker. */
export interface Expectation {
  /** Base URL of the pRuntime. */
  endpoint: string;
  poolId: bigint;
  /** In units of 10^-12 PHA. */
  stake: bigint;
}

/**
 * Reads `endpoint,poolId,stake`.
 * @throws Error that says what is wrong
 */
export function parseExpectation(text: string): Expectation {
  const [endpoint, poolId, stake, ...rest] = text.split(',');
  if (!endpoint || !URL.canParse(endpoint)) throw new Error(`No URL of a worker: ${text}`);
  if (!isDigits(poolId) || !isDigits(stake) || rest.length > 0) {
    throw new Error(`Expected endpoint,pool id,stake: ${text}`);
  }
  return { endpoint: endpoint.replace(/\/+$/, ''), poolId: BigInt(poolId), stake: BigInt(stake) };
}

function isDigits(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text);
}
