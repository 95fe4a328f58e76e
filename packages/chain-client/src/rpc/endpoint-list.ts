import { ChainClientError, ChainClientErrorCode } from '../errors.js';

/**
 * Splits a comma list of endpoints.
 * @throws ChainClientError BAD_ENDPOINT naming the entry
 */
export function parseEndpoints(list: string): string[] {
  const endpoints = list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (endpoints.length === 0) throw badEndpoint(list);
  for (const endpoint of endpoints) {
    if (!URL.canParse(endpoint) || !/^wss?:$/.test(new URL(endpoint).protocol)) {
      throw badEndpoint(endpoint);
    }
  }
  return endpoints;
}

function badEndpoint(entry: string): ChainClientError {
  return new ChainClientError(
    ChainClientErrorCode.BAD_ENDPOINT,
    `Not a WebSocket URL: '${entry}'. Write ws://host:port or wss://host, several separated by commas`,
    { facts: { endpoint: entry } },
  );
}
