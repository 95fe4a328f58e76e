import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { peerIdFromString } from '@libp2p/peer-id';
import { messageOf } from '@runtime-bridge/base';
import { WalkieError, WalkieErrorCode } from './errors.js';

/**
 * A multiaddr from its text.
 * @throws WalkieError BAD_ADDRESS
 */
export function parseMultiaddr(text: string): Multiaddr {
  try {
    const address = multiaddr(text);
    if (address.getComponents().length === 0) throw new Error('it is empty');
    return address;
  } catch (error) {
    throw new WalkieError(
      WalkieErrorCode.BAD_ADDRESS,
      `'${text}' is no multiaddr: ${messageOf(error)}`,
      { facts: { address: text }, cause: error },
    );
  }
}

/** The peer id at the end of a multiaddr, in base58. */
export function peerIdOfAddress(address: Multiaddr): string | undefined {
  const value = address.getComponents().findLast(({ name }) => name === 'p2p')?.value;
  return value === undefined ? undefined : peerIdFromString(value).toString();
}

/** The IP or name that a multiaddr begins with; an IPv4 address in IPv6 clothes is given as IPv4. */
export function hostOfAddress(address: string | Multiaddr): string | undefined {
  let parsed: Multiaddr;
  try {
    parsed = typeof address === 'string' ? multiaddr(address) : address;
  } catch {
    return undefined;
  }
  for (const { name, value } of parsed.getComponents()) {
    if (value === undefined || !HOST_PROTOCOLS.has(name)) continue;
    return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(value)?.[1] ?? value;
  }
  return undefined;
}

const HOST_PROTOCOLS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6']);

/** Where a peer can be found before anybody is discovered. */
export interface BootNode {
  peerId: string;
  address: string;
}

/**
 * Splits boot nodes into usable ones and others. Without `/p2p/<peer id>` an entry cannot be used: the connection could
 * not be checked against anybody. 2022's guide puts plain listen addresses there, so that is no reason to stop.
 */
export function parseBootNodes(texts: readonly string[]): {
  nodes: BootNode[];
  ignored: { entry: string; reason: string }[];
} {
  const nodes: BootNode[] = [];
  const ignored: { entry: string; reason: string }[] = [];
  for (const entry of texts) {
    try {
      const address = parseMultiaddr(entry);
      const peerId = peerIdOfAddress(address);
      if (peerId === undefined) ignored.push({ entry, reason: 'it has no /p2p/<peer id>' });
      else nodes.push({ peerId, address: address.toString() });
    } catch (error) {
      ignored.push({ entry, reason: messageOf(error) });
    }
  }
  return { nodes, ignored };
}
