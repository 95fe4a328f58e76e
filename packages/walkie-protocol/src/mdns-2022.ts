import { hostname } from 'node:os';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import type { PeerId } from '@libp2p/interface';
import type { Logger } from '@runtime-bridge/base';
import createMulticastDns, {
  type MulticastDNS,
  type QueryPacket,
  type ResponsePacket,
} from 'multicast-dns';

/**
 * Name under which nodes of 2022 ask for each other; today's ask for `_p2p._udp.local`.
 * js-libp2p-mdns v0.18.0 src/index.js, src/query.js.
 */
const SERVICE = 'ipfs.local';
const QUERY_INTERVAL_MS = 10_000;
const TTL_SEC = 120;

type Answer = NonNullable<ResponsePacket['answers']>[number];

/** What the discovery works with. */
export interface Mdns2022Collaborators {
  /** Where this node listens, without wildcards. */
  addresses: () => readonly Multiaddr[];
  onPeer: (peerId: PeerId, addresses: Multiaddr[]) => void;
  logger: Logger;
}

/** Finds nodes of 2022 by multicast in the local network, and is found by them. */
export class Mdns2022 {
  #mdns: MulticastDNS | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: { peerId: string },
    private readonly collaborators: Mdns2022Collaborators,
  ) {}

  /** Never fails: without multicast, peers are met through boot nodes. */
  start(): void {
    const mdns = createMulticastDns();
    mdns.on('error', (error: Error) =>
      this.collaborators.logger.warn('Peers of 2022 cannot be found by multicast', {}, error),
    );
    mdns.on('query', (query) => this.#answer(query));
    mdns.on('response', (response) => this.#read(response));
    const ask = () => mdns.query({ questions: [{ name: SERVICE, type: 'PTR' }] });
    mdns.on('ready', ask);
    this.#timer = setInterval(ask, QUERY_INTERVAL_MS);
    this.#timer.unref();
    this.#mdns = mdns;
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    const mdns = this.#mdns;
    this.#mdns = undefined;
    if (mdns === undefined) return Promise.resolve();
    mdns.removeAllListeners('query');
    mdns.removeAllListeners('response');
    return new Promise((resolve) => mdns.destroy(() => resolve()));
  }

  #answer({ questions = [] }: QueryPacket): void {
    if (!questions.some(({ name, type }) => name === SERVICE && type === 'PTR')) return;
    for (const answers of mdnsAnswers(this.options.peerId, this.collaborators.addresses())) {
      this.#mdns?.respond({ answers });
    }
  }

  #read({ answers = [] }: ResponsePacket): void {
    const found = readMdnsAnswers(answers);
    if (found === undefined || found.peerId.toString() === this.options.peerId) return;
    this.collaborators.onPeer(found.peerId, found.addresses);
  }
}

/** The answers that tell where a node listens: one packet per port, for a packet has but one. */
export function mdnsAnswers(peerId: string, addresses: readonly Multiaddr[]): Answer[][] {
  const byPort = new Map<number, Answer[]>();
  for (const address of addresses) {
    const [ip, transport] = address.getComponents();
    if (transport?.name !== 'tcp' || ip?.value === undefined) continue;
    if (ip.name !== 'ip4' && ip.name !== 'ip6') continue;
    const port = Number(transport.value);
    const hosts = byPort.get(port) ?? [];
    hosts.push({
      name: hostname(),
      type: ip.name === 'ip4' ? 'A' : 'AAAA',
      class: 'IN',
      ttl: TTL_SEC,
      data: ip.value,
    });
    byPort.set(port, hosts);
  }
  const name = `${peerId}.${SERVICE}`;
  return [...byPort].map(([port, hosts]) => [
    { name: SERVICE, type: 'PTR', class: 'IN', ttl: TTL_SEC, data: name },
    {
      name,
      type: 'SRV',
      class: 'IN',
      ttl: TTL_SEC,
      data: { priority: 10, weight: 1, port, target: hostname() },
    },
    { name, type: 'TXT', class: 'IN', ttl: TTL_SEC, data: peerId },
    ...hosts,
  ]);
}

/** Who answered and where it listens; undefined when it is no such answer. Anybody in the network may send one. */
export function readMdnsAnswers(
  answers: readonly Answer[],
): { peerId: PeerId; addresses: Multiaddr[] } | undefined {
  let isOurs = false;
  let text: string | undefined;
  let port: number | undefined;
  const hosts: string[] = [];
  for (const answer of answers) {
    if (answer.type === 'PTR' && answer.name === SERVICE) isOurs = true;
    else if (answer.type === 'SRV') port = answer.data.port;
    else if (answer.type === 'TXT') text = textOf(answer.data);
    else if (answer.type === 'A') hosts.push(`/ip4/${answer.data}`);
    else if (answer.type === 'AAAA') hosts.push(`/ip6/${answer.data}`);
  }
  if (!isOurs || text === undefined || port === undefined || hosts.length === 0) return undefined;
  try {
    return {
      peerId: peerIdFromString(text),
      addresses: [...new Set(hosts)].map((host) => multiaddr(`${host}/tcp/${port}`)),
    };
  } catch {
    return undefined;
  }
}

function textOf(data: string | Buffer | readonly (string | Buffer)[]): string | undefined {
  const first = typeof data === 'string' || Buffer.isBuffer(data) ? data : data[0];
  return first?.toString();
}
