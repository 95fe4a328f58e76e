import { networkInterfaces } from 'node:os';
import { PSK_SETTING } from './auth-string.js';
import type { Caller } from './channel.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import type { Method } from './methods.js';
import { hostOfAddress } from './addresses.js';

/** Says who may call what. */
export interface AccessPolicy {
  /** @throws WalkieError UNAUTHORIZED, its message naming the setting that would allow the call */
  check(method: Method, caller: Caller): void;
}

/** Who may call methods that change something. Reading is open to everybody, as in 2022. */
export interface AccessOptions {
  /** Base58 ids of peers that may, wherever they are. @default none */
  allowedPeers?: readonly string[];
  /** Everybody may, as in 2022. @default false */
  allowUnauthenticated?: boolean;
  /** Addresses of this host as plain IP texts, asked at each check. @default those of its network interfaces */
  hostAddresses?: () => readonly string[];
}

/**
 * The policy of the bridge: reading is open; changing is for callers on this host (loopback, or one of its own
 * addresses), for peers on the list and for those that have proved to know the shared secret.
 */
export function createAccessPolicy(options: AccessOptions = {}): AccessPolicy {
  const allowedPeers = new Set(options.allowedPeers);
  const hostAddresses = options.hostAddresses ?? interfaceAddresses;
  return {
    check(method, caller) {
      if (!method.changes || options.allowUnauthenticated === true) return;
      if (caller.isAuthenticated === true || allowedPeers.has(caller.peerId)) return;
      const host = hostOfAddress(caller.remoteAddress);
      if (host !== undefined && (isLoopback(host) || hostAddresses().includes(host))) return;
      throw new WalkieError(
        WalkieErrorCode.UNAUTHORIZED,
        `${method.name} is not allowed from ${host ?? 'an unknown host'}: call it from this host, ` +
          `give both sides the same ${PSK_SETTING}, ` +
          `or put ${caller.peerId} in PHALA_WALKIE_ALLOWED_PEERS here`,
        { facts: { method: method.name, peer: caller.peerId, address: caller.remoteAddress } },
      );
    },
  };
}

function isLoopback(host: string): boolean {
  return host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}
