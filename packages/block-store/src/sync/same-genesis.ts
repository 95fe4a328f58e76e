import { isAbortError, toHex, type Clock, type Logger } from '@runtime-bridge/base';
import {
  ChainReader,
  faultOf,
  type JsonRpcClient,
  type RpcCaller,
} from '@runtime-bridge/chain-client';
import { Check, refused } from '../errors.js';

/** A block that every node of a chain must have. */
export interface AnchorBlock {
  chain: 'relay' | 'para';
  number: number;
  /** Its hash, as the genesis that is about to be stored has it. */
  hash: string;
}

/** How long the other nodes have for connecting, before the store is begun without having asked them. */
const CONNECT_MS = 3_000;
const LOOK_EVERY_MS = 100;

/**
 * Asks the other nodes of a chain for a block of the genesis. One that answers with another block that it can show is of
 * another chain, or the first one is: nobody can tell which, so that nothing is stored before the operator has.
 * @throws BlockStoreError BLOCK_REFUSED with check `second opinion`
 */
export async function expectOneGenesis(
  anchor: AnchorBlock,
  collaborators: { client: JsonRpcClient; clock: Clock; logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, logger } = collaborators;
  // Peers to copy from are asked for nothing before there is a genesis.
  const nodes = () => client.endpoints.filter(({ url }) => /^wss?:/.test(url));
  if (nodes().length < 2) return;
  const since = clock.now();
  while (nodes().some((status) => !status.connected)) {
    if (clock.now() - since >= CONNECT_MS) break;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  await Promise.all(
    client.usable.map(async (rpc) => {
      const hash = await hashOn(rpc, anchor.number, signal).catch((error: unknown) => {
        if (isAbortError(error)) throw error;
        const fault = faultOf(error);
        if (fault === 'lie') client.blame(rpc.url, fault, error);
        logger.debug('No second opinion on the genesis', { endpoint: rpc.url }, error);
        return undefined;
      });
      if (hash === undefined || hash === anchor.hash) return;
      throw refused(
        {
          chain: anchor.chain,
          block: anchor.number,
          check: Check.SECOND_OPINION,
          endpoint: rpc.url,
        },
        `its hash there is ${hash}, and ${anchor.hash} on another endpoint: they are of different chains`,
      );
    }),
  );
}

/** The hash of a block whose header the node can show. */
async function hashOn(rpc: RpcCaller, number: number, signal: AbortSignal): Promise<string> {
  const reader = new ChainReader({ rpc });
  const { hash } = await reader.header(await reader.blockHash(number, { signal }), { signal });
  return toHex(hash);
}
