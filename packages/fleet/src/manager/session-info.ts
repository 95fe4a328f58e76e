import type { WorkerFacts } from '@runtime-bridge/chain-client/tx';

/**
 * The text of `session_info_json` as tools of 2022 read it: the session in human form (camelCase keys, thousands
 * separators, `v` and `ve` as decimals, `raw` the plain form) and `runtimeInfo`, or `runtimeInfo` alone when there is no
 * session. Two spaces of indentation. Source: Phala-Network/runtime-bridge 80fde2c src/lifecycle/runner/worker.js.
 */
export function sessionInfoJson(
  facts: WorkerFacts | undefined,
  runtimeInfo: Record<string, unknown> | undefined,
): string {
  const session = facts?.session?.json ?? {};
  return JSON.stringify({ ...session, ...(runtimeInfo ? { runtimeInfo } : {}) }, plain, 2);
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
