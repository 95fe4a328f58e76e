import { randomBytes } from 'node:crypto';
import { SingleFlight } from '@runtime-bridge/base';
import { formatAuthString, PSK_SETTING } from './auth-string.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import { AuthStatus, AuthType, type AuthResponse } from './gen/prb/message_pb.js';
import type { ProofClaim, SharedSecret } from './shared-secret.js';

/** Responders remember a proof for ten minutes. */
const RENEW_AFTER_MS = 5 * 60_000;
const NONCE_BYTES = 16;
/** Peers whose proof is remembered. */
const MAX_PROVEN = 1024;

/** Who is at the other end, as far as a proof needs it. */
export interface Responder {
  /** Base58 peer id, proven by the connection. */
  peerId: string;
  bridgeIdentity: string;
}

/** Proves to other peers that this node knows the shared secret, and has them prove it too. */
export class AuthClient {
  /** By base58 peer id: when to prove it again. */
  readonly #renewMs = new Map<string, number>();
  readonly #flights = new SingleFlight<string, void>();
  #lastMs = 0;

  constructor(
    private readonly options: { secret: SharedSecret; peerId: string },
    private readonly collaborators: { clock: { now(): number } },
  ) {}

  /** Whether a peer and this node have proved themselves to each other lately. */
  isProven(peerId: string): boolean {
    return (this.#renewMs.get(peerId) ?? 0) > this.collaborators.clock.now();
  }

  /** The next call to a peer proves itself again, for example because the peer was restarted. */
  forget(peerId: string): void {
    this.#renewMs.delete(peerId);
  }

  /**
   * Proves this node to a peer and the peer to this node. At one time once per peer.
   * @param ask sends an `auth_string` by `Auth`
   * @throws WalkieError UNAUTHORIZED when either side does not know the secret
   */
  prove(
    responder: Responder,
    ask: (authString: string, signal: AbortSignal) => Promise<AuthResponse>,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#flights.do(
      responder.peerId,
      (askSignal) => this.#prove(responder, (text) => ask(text, askSignal)),
      signal,
    );
  }

  async #prove(
    responder: Responder,
    ask: (authString: string) => Promise<AuthResponse>,
  ): Promise<void> {
    const { secret, peerId } = this.options;
    const nowMs = this.collaborators.clock.now();
    // Each proof is younger than the last, also within one millisecond.
    this.#lastMs = Math.max(nowMs, this.#lastMs + 1);
    const claim: ProofClaim = {
      side: 'caller',
      caller: peerId,
      responder: responder.peerId,
      bridgeIdentity: responder.bridgeIdentity,
      timeMs: this.#lastMs,
      nonce: randomBytes(NONCE_BYTES).toString('hex'),
    };
    const answer = await ask(formatAuthString({ ...claim, proof: secret.prove(claim) })).catch(
      (error: unknown) => {
        if (!(error instanceof WalkieError) || error.code !== WalkieErrorCode.NOT_FOUND)
          throw error;
        throw unproven(
          responder.peerId,
          `it has no shared secret. Set ${PSK_SETTING} there too, or do without it here`,
          error,
        );
      },
    );
    const isProven =
      answer.status === AuthStatus.AS_GRANTED &&
      answer.type === AuthType.AT_PSK &&
      secret.verify({ ...claim, side: 'responder' }, answer.authString);
    if (!isProven) {
      throw unproven(responder.peerId, `it does not know the ${PSK_SETTING} of this side`);
    }
    if (this.#renewMs.size >= MAX_PROVEN) this.#renewMs.clear();
    this.#renewMs.set(responder.peerId, nowMs + RENEW_AFTER_MS);
  }
}

function unproven(peer: string, reason: string, cause?: unknown): WalkieError {
  return new WalkieError(
    WalkieErrorCode.UNAUTHORIZED,
    `${peer} is not asked to change anything: ${reason}`,
    { facts: { peer }, cause },
  );
}
