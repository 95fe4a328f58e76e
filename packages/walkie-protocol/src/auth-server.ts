import { isRecentEnough, MAX_CLOCK_SKEW_MS, parseAuthString, PSK_SETTING } from './auth-string.js';
import type { Caller } from './channel.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import { AuthStatus, AuthType, type AuthRequest } from './gen/prb/message_pb.js';
import type { ResponseInit } from './methods.js';
import type { ProofClaim, SharedSecret } from './shared-secret.js';

/** A caller proves itself again after this. */
const GRANT_MS = 10 * 60_000;

/** Whom an auth server answers for. */
export interface AuthServerOptions {
  secret: SharedSecret;
  /** Base58 peer id of this node. */
  peerId: string;
  bridgeIdentity: string;
  /** Grants remembered at once; only who knows the secret can fill them. */
  maxGrants: number;
}

/** Answers `Auth`, and remembers who has proved to know the shared secret. */
export class AuthServer {
  /** By peer id: the latest time that a proof of it was made for, and until when it counts. In order of grant. */
  readonly #grants = new Map<string, { provenMs: number; untilMs: number }>();

  constructor(
    private readonly options: AuthServerOptions,
    private readonly collaborators: { clock: { now(): number } },
  ) {}

  /** Whether a peer has proved itself lately. */
  isGranted(peerId: string): boolean {
    const grant = this.#grants.get(peerId);
    return grant !== undefined && grant.untilMs > this.collaborators.clock.now();
  }

  /**
   * Checks a proof and answers with this node's own.
   * @throws WalkieError UNAUTHORIZED
   */
  handle(request: AuthRequest, { peerId: caller }: Caller): ResponseInit<'Auth'> {
    const { secret, peerId, bridgeIdentity } = this.options;
    if (request.type !== AuthType.AT_PSK) throw refused('only AT_PSK is served', caller);
    const parts = parseAuthString(request.authString);
    if (parts === undefined) throw refused('its text is malformed', caller);
    const { timeMs, nonce, proof } = parts;
    const claim: ProofClaim = {
      side: 'caller',
      caller,
      responder: peerId,
      bridgeIdentity,
      timeMs,
      nonce,
    };
    if (!secret.verify(claim, proof)) {
      throw refused('it was made with another secret, or for another peer or bridge', caller);
    }
    const nowMs = this.collaborators.clock.now();
    if (!isRecentEnough(timeMs, nowMs)) {
      const seconds = Math.round((timeMs - nowMs) / 1000);
      const allowed = MAX_CLOCK_SKEW_MS / 1000;
      throw refused(
        `its time differs by ${seconds} s (${allowed} allowed): set the clocks`,
        caller,
      );
    }
    const earlier = this.#grants.get(caller);
    // Each proof of a peer is younger than the one before.
    if (earlier !== undefined && timeMs <= earlier.provenMs) {
      throw refused('it was used before', caller);
    }
    this.#grant(caller, { provenMs: timeMs, untilMs: nowMs + GRANT_MS });
    return {
      status: AuthStatus.AS_GRANTED,
      type: AuthType.AT_PSK,
      peerId,
      authString: secret.prove({ ...claim, side: 'responder' }),
    };
  }

  #grant(peerId: string, grant: { provenMs: number; untilMs: number }): void {
    this.#grants.delete(peerId);
    this.#grants.set(peerId, grant);
    if (this.#grants.size <= this.options.maxGrants) return;
    for (const oldest of this.#grants.keys()) {
      this.#grants.delete(oldest);
      break;
    }
  }
}

function refused(reason: string, peer: string): WalkieError {
  return new WalkieError(
    WalkieErrorCode.UNAUTHORIZED,
    `Proof of ${PSK_SETTING} refused: ${reason}`,
    { facts: { peer } },
  );
}
