import { FinalityProofError, type GrandpaFinality } from '../grandpa/finality.js';
import { threshold } from '../grandpa/authorities.js';
import { toHex } from '../primitives/bytes.js';
import { RpcCode, RpcError } from './error.js';
import type { MethodTable } from './node.js';

/** `grandpa_*` of a relay node. */
export function grandpaMethods(finality: GrandpaFinality): MethodTable {
  return {
    methods: {
      grandpa_proveFinality: (p) => {
        try {
          const proof = finality.proveFinality(p.number(0, 'block'));
          return proof === undefined ? null : toHex(proof);
        } catch (error) {
          if (!(error instanceof FinalityProofError)) throw error;
          throw new RpcError(
            RpcCode.grandpaProveFinality,
            `GRANDPA prove finality rpc failed: ${error.message}`,
          );
        }
      },
      grandpa_roundState: () => {
        const { setId, round, totalWeight } = finality.roundState();
        const votes = { currentWeight: 0, missing: [] };
        return {
          setId: Number(setId),
          best: {
            round: Number(round),
            totalWeight,
            thresholdWeight: threshold(totalWeight),
            prevotes: votes,
            precommits: votes,
          },
          background: [],
        };
      },
    },
    subscriptions: {
      grandpa_subscribeJustifications: {
        notification: 'grandpa_justifications',
        unsubscribe: 'grandpa_unsubscribeJustifications',
        start: (_p, subscriber) =>
          subscriber.onEnd(
            finality.onJustification((justification) => subscriber.send(toHex(justification))),
          ),
      },
    },
  };
}
