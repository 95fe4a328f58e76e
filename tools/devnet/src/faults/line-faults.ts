import { RpcCode, RpcError } from '../rpc/error.js';
import type { NodeFaultKind } from './node-fault.js';

const MAX_MS = 3_600_000;
const everything = () => true;
const isSubscription = (method: string) => /ubscribe/.test(method);

/** Faults of the line between a node and its client, and of a node that is not well. */
export const LINE_FAULTS: Readonly<Record<string, NodeFaultKind>> = {
  latency: {
    description: 'every answer and notification comes ms later',
    make: (params) => {
      const ms = params.integer('ms', 500, 0, MAX_MS);
      return {
        concerns: everything,
        call: async (_call, next) => {
          await delay(ms);
          return next();
        },
        notification: ({ result }) => ({ result, afterMs: ms }),
      };
    },
  },
  bandwidth: {
    description: 'all answers together pass at bytesPerSec',
    make: (params) => {
      const bytesPerSec = params.integer('bytesPerSec', 65_536, 1, 1e12);
      let freeAtMs = 0;
      return {
        concerns: everything,
        call: async (_call, next) => {
          const result = await next();
          const bytes = (JSON.stringify(result) ?? '').length;
          const startMs = Math.max(Date.now(), freeAtMs);
          freeAtMs = startMs + (bytes / bytesPerSec) * 1000;
          await delay(freeAtMs - Date.now());
          return result;
        },
      };
    },
  },
  drop: {
    description: 'the connection breaks instead of an answer',
    make: () => ({
      concerns: everything,
      call: async (call) => {
        call.drop();
        return never();
      },
    }),
  },
  hang: {
    description: 'calls are taken and never answered',
    make: () => ({ concerns: everything, call: never, notification: () => undefined }),
  },
  wrongBytes: {
    description: 'one bit of every hex text in an answer is flipped',
    make: () => ({
      concerns: (method) => !isSubscription(method) && method !== 'rpc_methods',
      call: async (_call, next) => flipHex(await next()),
      notification: ({ result }) => ({ result: flipHex(result) }),
    }),
  },
  null: {
    description: 'reads are answered with null',
    make: () => ({
      concerns: (method) => /^(chain|state|pha|grandpa)_(get|query|prove)/.test(method),
      call: async () => null,
    }),
  },
  error: {
    description: 'calls are refused with code and message',
    make: (params) => {
      const code = params.integer('code', RpcCode.internal, -32_768, 100_000);
      const message = params.text('message', 'Internal error');
      return {
        concerns: everything,
        call: async () => {
          throw new RpcError(code, message);
        },
      };
    },
  },
  withoutPha: {
    description: 'the node has no pha_* methods',
    make: () => ({
      concerns: (method) => method.startsWith('pha_') || method === 'rpc_methods',
      call: async (call, next) => {
        if (call.method !== 'rpc_methods') {
          throw new RpcError(RpcCode.methodNotFound, 'Method not found');
        }
        const { methods, ...rest } = (await next()) as { methods: string[] };
        return { ...rest, methods: methods.filter((name) => !name.startsWith('pha_')) };
      },
    }),
  },
};

function never(): Promise<never> {
  return new Promise(() => undefined);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

function flipHex(value: unknown): unknown {
  if (typeof value === 'string') {
    if (!/^0x[0-9a-f]{2,}$/.test(value)) return value;
    const last = Number.parseInt(value.slice(-1), 16) ^ 1;
    return `${value.slice(0, -1)}${last.toString(16)}`;
  }
  if (Array.isArray(value)) return value.map(flipHex);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, flipHex(one)]));
}
