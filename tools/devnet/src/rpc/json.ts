import type { Block } from '../chain/types.js';
import { fromHex, toHex, type Hex } from '../primitives/bytes.js';
import { Engine, decodeHeader, encodeDigestItem } from '../primitives/header.js';
import { RpcCode, RpcError } from './error.js';

/** A header as `chain_getHeader` answers it. */
export interface HeaderJson {
  parentHash: Hex;
  number: Hex;
  stateRoot: Hex;
  extrinsicsRoot: Hex;
  digest: { logs: Hex[] };
}

/** JSON of an encoded header. */
export function headerJson(encoded: Uint8Array): HeaderJson {
  const header = decodeHeader(encoded);
  return {
    parentHash: toHex(header.parentHash),
    number: `0x${header.number.toString(16)}`,
    stateRoot: toHex(header.stateRoot),
    extrinsicsRoot: toHex(header.extrinsicsRoot),
    digest: { logs: header.logs.map((item) => toHex(encodeDigestItem(item))) },
  };
}

/** A block as `chain_getBlock` answers it; justifications as serde writes `Vec<([u8; 4], Vec<u8>)>`. */
export function blockJson(block: Block): unknown {
  return {
    block: {
      header: headerJson(block.header),
      extrinsics: block.extrinsics.map(toHex),
    },
    justifications:
      block.justification === undefined ? null : [[[...Engine.grandpa], [...block.justification]]],
  };
}

function invalid(what: string): RpcError {
  return new RpcError(RpcCode.invalidParams, 'Invalid params', what);
}

/** Reads positional parameters; every method throws RpcError -32602. */
export class Params {
  constructor(private readonly values: readonly unknown[]) {}

  /** Hex of any length. */
  bytes(index: number, name: string): Uint8Array {
    const value = this.values[index];
    if (typeof value !== 'string' || !value.startsWith('0x'))
      throw invalid(`${name}: hex expected`);
    try {
      return fromHex(value);
    } catch {
      throw invalid(`${name}: hex expected`);
    }
  }

  /** 32 bytes of hex. */
  hash(index: number, name: string): Uint8Array {
    const bytes = this.bytes(index, name);
    if (bytes.length !== 32) throw invalid(`${name}: 32 bytes expected, ${bytes.length} given`);
    return bytes;
  }

  /** 32 bytes of hex, or undefined when absent or null. */
  optionalHash(index: number, name: string): Uint8Array | undefined {
    return this.has(index) ? this.hash(index, name) : undefined;
  }

  /** Hex, or undefined when absent or null. */
  optionalBytes(index: number, name: string): Uint8Array | undefined {
    return this.has(index) ? this.bytes(index, name) : undefined;
  }

  /** A number or a hex quantity, up to u32. */
  number(index: number, name: string): number {
    return blockNumber(this.values[index], name);
  }

  text(index: number, name: string): string {
    const value = this.values[index];
    if (typeof value !== 'string') throw invalid(`${name}: text expected`);
    return value;
  }

  /** A list of hex keys. */
  keys(index: number, name: string): Uint8Array[] {
    const value = this.values[index];
    if (!Array.isArray(value)) throw invalid(`${name}: list expected`);
    const list = new Params(value);
    return value.map((_, i) => list.bytes(i, name));
  }

  has(index: number): boolean {
    return this.values[index] !== undefined && this.values[index] !== null;
  }

  /** All of them, as they came. */
  all(): readonly unknown[] {
    return this.values;
  }

  raw(index: number): unknown {
    return this.values[index];
  }
}

/** A block number as number or hex quantity. */
export function blockNumber(value: unknown, name: string): number {
  const number =
    typeof value === 'string' && /^0x[0-9a-fA-F]{1,16}$/.test(value) ? Number(value) : value;
  if (
    typeof number !== 'number' ||
    !Number.isInteger(number) ||
    number < 0 ||
    number > 0xffffffff
  ) {
    throw invalid(`${name}: block number expected`);
  }
  return number;
}
