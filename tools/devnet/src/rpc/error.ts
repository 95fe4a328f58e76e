/** An answer of the kind `{"error": {code, message, data}}`. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly code: number,
    message: string,
    readonly data?: string,
  ) {
    super(message);
  }

  /** The error member of a JSON-RPC answer. */
  toJSON(): { code: number; message: string; data?: string } {
    const { code, message, data } = this;
    return data === undefined ? { code, message } : { code, message, data };
  }
}

/** Codes of JSON-RPC itself and of Substrate's RPC crates. */
export const RpcCode = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  limit: -32005,
  /** sc-rpc `state`: unknown block and the like. */
  stateClient: 4003,
  /** sc-consensus-grandpa-rpc: not ready. */
  grandpaNotReady: 1,
  /** sc-consensus-grandpa-rpc: finality cannot be proved. */
  grandpaProveFinality: 4,
  /** phala-node-rpc-ext: every error of `pha_*`. */
  pha: 10_000,
} as const;
