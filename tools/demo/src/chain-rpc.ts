/** The few questions that the demo asks a chain, over HTTP JSON-RPC. */
export class ChainRpc {
  readonly #url: string;

  constructor(webSocketUrl: string) {
    this.#url = webSocketUrl.replace(/^ws/, 'http');
  }

  async call<T>(method: string, ...params: unknown[]): Promise<T> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(5000),
    });
    const answer = (await response.json()) as { result?: T; error?: { message: string } };
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result as T;
  }

  async finalized(): Promise<number> {
    const hash = await this.call<string>('chain_getFinalizedHead');
    return Number((await this.call<{ number: string }>('chain_getHeader', hash)).number);
  }

  /** Signed extrinsics in one block. */
  async signedExtrinsics(height: number): Promise<number> {
    const hash = await this.call<string>('chain_getBlockHash', height);
    const { block } = await this.call<{ block: { extrinsics: string[] } }>('chain_getBlock', hash);
    return block.extrinsics.filter(isSigned).length;
  }
}

/** Whether an extrinsic is signed: the byte behind its compact length has the top bit set. */
function isSigned(hex: string): boolean {
  const first = Number.parseInt(hex.slice(2, 4), 16);
  const lengthBytes = [1, 2, 4, (first >> 2) + 5][first & 3]!;
  return Number.parseInt(hex.slice(2 + lengthBytes * 2, 4 + lengthBytes * 2), 16) >= 0x80;
}
