import { decodeAddress } from '@polkadot/util-crypto';
import { concatBytes } from '../primitives/bytes.js';
import { ScaleReader, u32 } from '../primitives/scale.js';
import { RpcCode, RpcError } from './error.js';
import { stateAt, type MethodHandler, type MethodTable, type RpcNode } from './node.js';

/** `system_*`: who the node is, how it stands, and the next nonce of an account. */
export function systemMethods(node: RpcNode): MethodTable {
  const { identity, chain } = node;
  const startingBlock = chain.best.number;
  const nextIndex: MethodHandler = (p) => {
    const account = accountOf(p.text(0, 'account'));
    const { hash } = chain.best;
    const answer = node
      .runtimeAt(hash)
      .call('AccountNonceApi_account_nonce', account, stateAt(node, hash));
    let nonce = new ScaleReader(answer).u32();
    while (node.pool?.readyProvides(concatBytes(account, u32(nonce))) === true) nonce += 1;
    return nonce;
  };
  return {
    methods: {
      system_name: () => identity.nodeName,
      system_version: () => identity.nodeVersion,
      system_chain: () => identity.chainName,
      system_chainType: () => identity.chainType,
      system_properties: () => identity.properties,
      system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
      system_peers: () => [],
      system_localPeerId: () => identity.peerId,
      system_localListenAddresses: () => [],
      system_nodeRoles: () => ['Authority'],
      system_syncState: () => ({
        startingBlock,
        currentBlock: chain.best.number,
        highestBlock: chain.best.number,
      }),
      system_accountNextIndex: nextIndex,
      account_nextIndex: nextIndex,
    },
    subscriptions: {},
  };
}

function accountOf(address: string): Uint8Array {
  try {
    const account = decodeAddress(address);
    if (account.length !== 32) throw new Error('an account has 32 bytes');
    return account;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new RpcError(RpcCode.invalidParams, 'Invalid params', text);
  }
}
