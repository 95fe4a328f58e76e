import type { DevFault } from '../control-port.js';

export type Side = 'relay' | 'para';

/** What a bridge does with a node. */
export type Answer =
  /** Set aside for wrong data, which an operator is told as an error. */
  | 'lie'
  /** Set aside because it does not deliver. */
  | 'failure'
  /** One of these two, whichever call is hit first. */
  | 'lieOrFailure'
  /** Work on it goes to another one that is further, or quicker. */
  | 'left'
  /** Kept: it does its work all the same. */
  | 'kept';

/** One kind of fault at one of two nodes of a chain. */
export interface Row {
  kind: string;
  side: Side;
  params?: Omit<DevFault, 'target' | 'kind'>;
  /** In force before the data provider starts, since it is about how things began. */
  fromStart?: boolean;
  answer: Answer;
  /** What the error that names the node is, and which check it failed; any when undefined. */
  told?: { code: string; check?: string };
}

const lie = (code: string, check?: string) => ({
  answer: 'lie' as const,
  told: { code, ...(check === undefined ? {} : { check }) },
});
const refused = (check: string) => lie('BLOCK_REFUSED', check);
const failure = (code: string) => ({ answer: 'failure' as const, told: { code } });
const left = { answer: 'left' as const };
const kept = { answer: 'kept' as const };

/**
 * Faults that both chains' nodes can have, and that are answered in the same way. They are dealt out to lanes in turn:
 * those that take long are far apart.
 */
const ofBoth: readonly Omit<Row, 'side'>[] = [
  { kind: 'latency', params: { ms: 400 }, ...kept },
  { kind: 'hang', ...left },
  { kind: 'bandwidth', params: { bytesPerSec: 100_000 }, ...kept },
  { kind: 'drop', ...failure('DISCONNECTED') },
  { kind: 'wrongBytes', answer: 'lieOrFailure' },
  { kind: 'null', ...lie('BAD_RESPONSE') },
  { kind: 'error', params: { message: 'Overloaded' }, ...failure('RPC_ERROR') },
  { kind: 'stall', ...left },
  { kind: 'stale', params: { blocks: 120 }, ...left },
  { kind: 'heightBack', params: { blocks: 5 }, ...kept },
  { kind: 'pruned', params: { keep: 0 }, ...failure('STATE_DISCARDED') },
  { kind: 'stateDiscarded', ...failure('STATE_DISCARDED') },
  { kind: 'headerField', ...lie('HEADER_HASH_MISMATCH') },
  { kind: 'brokenParent', ...lie('HEADER_HASH_MISMATCH') },
];

/** Every fault of a node, at each chain at which it makes a difference. */
export const rows: readonly Row[] = [
  ...ofBoth.flatMap((row) => [
    { ...row, side: 'relay' as const },
    { ...row, side: 'para' as const },
  ]),
  { side: 'relay', kind: 'latency', params: { ms: 12_000 }, ...left },
  { side: 'relay', kind: 'justificationOtherSet', ...refused('justification') },
  { side: 'relay', kind: 'justificationBelowThreshold', ...refused('justification') },
  { side: 'relay', kind: 'justificationDuplicateVoter', ...refused('justification') },
  { side: 'relay', kind: 'proofNodeMissing', ...refused('para head proof') },
  { side: 'relay', kind: 'otherParaHead', ...refused('para head proof') },
  { side: 'relay', kind: 'justificationOtherSet', fromStart: true, ...refused('justification') },
  { side: 'para', kind: 'withoutPha', ...failure('METHOD_UNAVAILABLE') },
  { side: 'para', kind: 'genesisPair', fromStart: true, ...refused('genesis state') },
  { side: 'para', kind: 'proofNodeMissing', fromStart: true, ...refused('validation data') },
  { side: 'para', kind: 'changeFlipped', ...refused('state root') },
  { side: 'para', kind: 'changeAdded', ...refused('state root') },
  { side: 'para', kind: 'changeDropped', ...refused('state root') },
  { side: 'para', kind: 'changeEmptyToNone', ...refused('state root') },
  { side: 'para', kind: 'changeNoneToEmpty', ...refused('state root') },
];

/** Faults that make no difference at a chain: what they are about is not asked of its nodes. */
export const withoutEffect: Readonly<Record<Side, readonly string[]>> = {
  relay: [
    'withoutPha',
    'genesisPair',
    'changeFlipped',
    'changeAdded',
    'changeDropped',
    'changeEmptyToNone',
    'changeNoneToEmpty',
  ],
  para: [
    'justificationOtherSet',
    'justificationBelowThreshold',
    'justificationDuplicateVoter',
    'otherParaHead',
  ],
};
