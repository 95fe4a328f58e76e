import { concatBytes, toHex, utf8 } from '../primitives/index.js';
import { RequestDecodeFault, RuntimeFault } from './faults.js';
import { infoJson, sortedJson } from './info-json.js';
import type { Phactory } from './phactory.js';
import {
  decodeBlocks,
  decodeSyncCombinedRequest,
  decodeSyncHeaderRequest,
  decodeSyncParaHeaderRequest,
} from './requests.js';

type Payload = Parameters<typeof sortedJson>[0];

/** Prefix of signed RPC answers in 2.x: origin `Reserved`, content type `RpcResponse`. */
const SIGNED_RPC_RESPONSE = Uint8Array.of(0xff, 0x01);

/** Routes under `/bin_api`, with what they do to a SCALE body. */
const ROUTES: Readonly<Record<string, (phactory: Phactory, body: Uint8Array) => Payload>> = {
  sync_header: (phactory, body) => {
    const { headers, authoritySetChange } = phactory.decoded(body, decodeSyncHeaderRequest);
    return { synced_to: phactory.syncHeaders(headers, authoritySetChange) };
  },
  sync_para_header: (phactory, body) => {
    const { headers, proof } = phactory.decoded(body, decodeSyncParaHeaderRequest);
    return { synced_to: phactory.syncParaHeaders(headers, proof) };
  },
  sync_combined_headers: (phactory, body) => {
    const { relaySyncedTo, paraSyncedTo } = phactory.syncCombined(
      phactory.decoded(body, decodeSyncCombinedRequest),
    );
    return { relaychain_synced_to: relaySyncedTo, parachain_synced_to: paraSyncedTo };
  },
  dispatch_block: (phactory, body) => ({
    dispatched_to: phactory.dispatch(phactory.decoded(body, decodeBlocks)),
  }),
};

/** Is there such a route? */
export function isBinApiRoute(name: string): boolean {
  return Object.hasOwn(ROUTES, name);
}

/**
 * Answers a call of `/bin_api`: always a wrapper with a payload that is JSON text itself, signed by the
 * worker once it has an identity (phala-blockchain 40ffcd1be crates/phactory/src/bin_api_service.rs).
 *
 * @throws EnclavePanic where the enclave dies.
 */
export function callBinApi(phactory: Phactory, route: string, body: Uint8Array): string {
  return wrap(phactory, () => {
    const run = ROUTES[route];
    if (run === undefined) throw new RuntimeFault('Action not found');
    return run(phactory, body);
  });
}

/** Answers `/get_info` in the same wrapper. */
export function callGetInfo(phactory: Phactory): string {
  return wrap(phactory, () => infoJson(phactory.info(), phactory.machineId, phactory.behaviour));
}

/** The wrapper around a transport's own error: plain text, no signature. */
export function binApiTransportError(text: string): string {
  return JSON.stringify({ status: 'error', payload: text });
}

function wrap(phactory: Phactory, run: () => Payload): string {
  let status = 'ok';
  let result: Payload;
  try {
    result = run();
  } catch (error) {
    status = 'error';
    if (error instanceof RuntimeFault) result = { message: error.message };
    else if (error instanceof RequestDecodeFault) {
      result = { message: 'Decode input parameter failed' };
    } else throw error;
  }
  const payload = sortedJson(result);
  return JSON.stringify({ payload, signature: sign(phactory, payload), status });
}

function sign(phactory: Phactory, payload: string): string | null {
  const { identity, behaviour } = phactory;
  if (identity === undefined) return null;
  const bytes = utf8(payload);
  const signed =
    behaviour.signsPayload === 'wrapped' ? concatBytes(SIGNED_RPC_RESPONSE, bytes) : bytes;
  return toHex(identity.sign(signed)).slice(2);
}
