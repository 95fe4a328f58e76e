import type { Clock, Logger, Service } from '@runtime-bridge/base';
import { PeerEndpoint, type BlockStore } from '@runtime-bridge/block-store';
import { BlobClient } from '@runtime-bridge/walkie-protocol';

/** What copying from other data providers takes. */
export interface CopyPeersCollaborators {
  store: BlockStore;
  logger: Logger;
  clock: Clock;
}

/** Host and port of a blob server: `10.0.0.7:8012`, `provider.example:8012` or `[::1]:8012`. */
export function parseBlobAddress(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:/\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** Other data providers whose stores are copied from, over their blob servers, before nodes are asked. */
export class CopyPeers implements Service {
  readonly name = 'copy peers';
  readonly relay: readonly PeerEndpoint[];
  readonly para: readonly PeerEndpoint[];
  readonly #clients: readonly BlobClient[];

  /** @param addresses as {@link parseBlobAddress} takes them; others are left out */
  constructor(addresses: readonly string[], collaborators: CopyPeersCollaborators) {
    const { store, logger, clock } = collaborators;
    const peers = addresses
      .map((text) => ({ url: `prb://${text}`, address: parseBlobAddress(text) }))
      .flatMap(({ url, address }) =>
        address ? [{ url, client: new BlobClient(address, { logger }) }] : [],
      );
    const endpoints = (kind: 'relay' | 'para') =>
      peers.map(
        ({ url, client }) =>
          new PeerEndpoint(
            { url, kind },
            {
              blobs: (key, signal) => client.get(key, { signal }),
              storedHeight: () => store.heights.value?.[kind],
              logger,
              clock,
            },
          ),
      );
    this.#clients = peers.map(({ client }) => client);
    this.relay = endpoints('relay');
    // Another one comes first, so that two peers share the work while both are in good standing.
    const [first, ...others] = endpoints('para');
    this.para = first ? [...others, first] : [];
  }

  /** The endpoints are started by the clients of the chains. */
  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}
