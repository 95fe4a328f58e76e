/** What a pRuntime says of itself in `GET /get_info`; heights are the next ones that it expects. */
export interface WorkerInfo {
  initialized: boolean;
  registered: boolean;
  /** Hex without 0x. */
  publicKey: string | undefined;
  relayNext: number;
  paraNext: number;
  blockNext: number;
  pendingMessages: number;
}

const TIMEOUT_MS = 5000;

/**
 * Asks a worker. The answer is a wrapper `{status, payload, signature}` whose payload is JSON text
 * (phala-blockchain 40ffcd1be, crates/phactory/src/bin_api_service.rs).
 * @throws Error when it does not answer or says no
 */
export async function readWorkerInfo(endpoint: string): Promise<WorkerInfo> {
  const response = await fetch(`${endpoint}/get_info`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const wrapper = (await response.json()) as { status?: string; payload?: string };
  if (wrapper.status !== 'ok' || wrapper.payload === undefined) {
    throw new Error(`Worker refuses: ${wrapper.payload ?? response.status}`);
  }
  const info = JSON.parse(wrapper.payload) as Record<string, unknown>;
  return {
    initialized: info['initialized'] === true,
    registered: info['registered'] === true,
    publicKey: typeof info['public_key'] === 'string' ? info['public_key'] : undefined,
    relayNext: Number(info['headernum']),
    paraNext: Number(info['para_headernum']),
    blockNext: Number(info['blocknum']),
    pendingMessages: Number(info['pending_messages']),
  };
}
