import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import './polyfill.js';
import { mdnsAnswers, readMdnsAnswers } from './mdns-2022.js';

const PEER = 'QmeiaSyhwHNJzQvp2ZqXNRKqn7JYx8XxeL7H6mHAVDd5nB';

describe('mDNS of 2022', () => {
  it('tells and reads every port of a node, IPv6 and several interfaces included', () => {
    const addresses = [
      `/ip4/10.0.0.1/tcp/4001/p2p/${PEER}`,
      `/ip4/192.168.0.1/tcp/4001/p2p/${PEER}`,
      `/ip6/fd00::2/tcp/4002/p2p/${PEER}`,
      '/dns4/example.org/tcp/1',
      '/ip4/10.0.0.1/udp/1',
    ].map((text) => multiaddr(text));
    const packets = mdnsAnswers(PEER, addresses);
    expect(packets[0]?.slice(0, 3)).toMatchObject([
      { name: 'ipfs.local', type: 'PTR', ttl: 120, data: `${PEER}.ipfs.local` },
      { name: `${PEER}.ipfs.local`, type: 'SRV', data: { priority: 10, weight: 1, port: 4001 } },
      { name: `${PEER}.ipfs.local`, type: 'TXT', data: PEER },
    ]);
    const read = packets.map((packet) => readMdnsAnswers(packet));
    expect(read.map((found) => found?.peerId.toString())).toEqual([PEER, PEER]);
    expect(read.map((found) => found?.addresses.map(String))).toEqual([
      ['/ip4/10.0.0.1/tcp/4001', '/ip4/192.168.0.1/tcp/4001'],
      ['/ip6/fd00::2/tcp/4002'],
    ]);
  });

  it('takes no notice of other answers, or of broken ones', () => {
    const [good] = mdnsAnswers(PEER, [multiaddr('/ip4/10.0.0.1/tcp/4001')]);
    expect(readMdnsAnswers([])).toBeUndefined();
    for (let i = 0; i < good!.length; i += 1) {
      expect(readMdnsAnswers(good!.filter((_, at) => at !== i))).toBeUndefined();
    }
    const broken = good!.map((answer) =>
      answer.type === 'TXT' ? { ...answer, data: 'nobody' } : answer,
    );
    expect(readMdnsAnswers(broken)).toBeUndefined();
  });
});
