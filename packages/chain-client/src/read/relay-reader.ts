import { toHex } from '@runtime-bridge/base';
import { decodeFinalityProof, type FinalityProof } from '@runtime-bridge/blob-codec';
import { ChainClientErrorCode, hasCode } from '../errors.js';
import type { CallOptions } from '../rpc/endpoint.js';
import { ChainReader } from './chain-reader.js';
import { asArray, asBytes, asObject, badResponse, type AnswerOf } from './json.js';

/**
 * What a node says that has no proof for a height yet: answers, not failures.
 * Source: polkadot-sdk substrate/client/consensus/grandpa/src/finality_proof.rs, `FinalityProofError`.
 */
const NO_PROOF_YET = /not yet finalized|not covered by authority set changes/i;

/** The engine id of GRANDPA, `FRNK`. */
const GRANDPA_ENGINE = Buffer.from('FRNK');

/** Reads the relay chain. */
export class RelayReader extends ChainReader {
  /**
   * The GRANDPA justification that the node keeps with a block; undefined when it keeps none. Of several the last
   * counts, and an empty one counts as none, as in runtime-bridge 80fde2c src/data_provider/io/block.js.
   * @throws ChainClientError BLOCK_UNKNOWN
   */
  async justification(hash: Uint8Array, options?: CallOptions): Promise<Uint8Array | undefined> {
    const { value, of } = await this.ask('chain_getBlock', [toHex(hash)], options);
    if (value === null || value === undefined) throw this.blockUnknown(toHex(hash), of);
    return justificationFromJson(asObject(value, of, 'result'), of);
  }

  /**
   * What makes a height final: the justification of the last block of its authority set, or in the current set of the
   * newest block the node holds one for, and the headers after `height` up to there. Undefined when the node has no
   * justification at or after that height yet.
   * @throws ChainClientError METHOD_UNAVAILABLE, BAD_RESPONSE, RPC_ERROR when the node fails at it
   */
  async proveFinality(height: number, options?: CallOptions): Promise<FinalityProof | undefined> {
    try {
      const { value, of } = await this.ask('grandpa_proveFinality', [height], options);
      if (value === null || value === undefined) return undefined;
      const bytes = asBytes(value, of, 'result');
      try {
        return decodeFinalityProof(bytes);
      } catch (error) {
        throw badResponse(of, 'result', error);
      }
    } catch (error) {
      const isAnswer =
        hasCode(error, ChainClientErrorCode.RPC_ERROR) &&
        NO_PROOF_YET.test(String(error.facts['rpcMessage'] ?? error.message));
      if (isAnswer) return undefined;
      throw error;
    }
  }
}

/**
 * Takes the GRANDPA justification out of the JSON of a block. Engines are arrays of byte values, hex or text, the
 * justification itself an array or hex, depending on the node's version; nodes before 2021 have one justification
 * without an engine.
 */
export function justificationFromJson(
  block: Record<string, unknown>,
  of: AnswerOf,
): Uint8Array | undefined {
  const old = block['justification'];
  if (old !== undefined && old !== null) return nonEmpty(asBytes(old, of, 'justification'));
  const list = block['justifications'];
  if (list === undefined || list === null) return undefined;
  let found: Uint8Array | undefined;
  for (const entry of asArray(list, of, 'justifications')) {
    const [engine, bytes] = asArray(entry, of, 'justifications');
    if (!isGrandpa(engine, of)) continue;
    found = asBytes(bytes, of, 'justifications');
  }
  return found && nonEmpty(found);
}

function isGrandpa(engine: unknown, of: AnswerOf): boolean {
  if (engine === 'FRNK') return true;
  return GRANDPA_ENGINE.equals(asBytes(engine, of, 'justifications.engine', 4));
}

function nonEmpty(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === 0 ? undefined : bytes;
}
