/** A peer as `/ptp/discover` tells it. */
export interface DiscoveredPeer {
  peerId: string;
  hostname: string;
}

/** The parts of the answers that the demo reads; 64-bit numbers are strings. */
export interface DataProviderInfo {
  status?: string;
  parentTarget?: number;
  parentFetchedHeight?: number;
  paraTarget?: number;
  paraFetchedHeight?: number;
}

export interface WorkerState {
  status?: string;
  lastMessage?: string;
  paraBlockDispatchedTo?: number;
  worker?: { uuid?: string; name?: string; endpoint?: string };
}

const TIMEOUT_MS = 15_000;

/** The monitor's JSON API, as an operator's script would use it. */
export class MonitorApi {
  constructor(readonly url: string) {}

  discover(): Promise<{ dataProviders: DiscoveredPeer[]; lifecycleManagers: DiscoveredPeer[] }> {
    return this.#request('/ptp/discover', undefined) as Promise<{
      dataProviders: DiscoveredPeer[];
      lifecycleManagers: DiscoveredPeer[];
    }>;
  }

  /** @throws Error with the peer's own text when it refuses */
  async call(peerId: string, method: string, body: object = {}): Promise<Record<string, unknown>> {
    const answer = (await this.#request(`/ptp/proxy/${peerId}/${method}`, body)) as {
      hasError?: boolean;
      error?: { message?: string };
      data?: Record<string, unknown>;
    };
    if (answer.hasError === true)
      throw new Error(`${method}: ${answer.error?.message ?? 'failed'}`);
    return answer.data ?? {};
  }

  async dataProviderInfo(peerId: string): Promise<DataProviderInfo> {
    return await this.call(peerId, 'GetDataProviderInfo');
  }

  async workerStates(peerId: string): Promise<WorkerState[]> {
    const data = (await this.call(peerId, 'GetWorkerStatus')) as { workerStates?: WorkerState[] };
    return data.workerStates ?? [];
  }

  async #request(path: string, body: object | undefined): Promise<unknown> {
    const response = await fetch(this.url + path, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined
        ? {}
        : {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          }),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 500)
      throw new Error(`${path}: HTTP ${response.status} ${text}`);
    return JSON.parse(text) as unknown;
  }
}
