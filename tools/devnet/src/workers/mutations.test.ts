import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesEqual, scale, toHex, utf8 } from '../primitives/index.js';
import { behaviourOf, type PruntimeVersion } from './behaviour.js';
import { callBinApi } from './bin-api.js';
import { ChainStorageFactory } from './chain-storage.js';
import { SignatureVerifier } from './ed25519.js';
import { machineOf } from './identity.js';
import { Phactory } from './phactory.js';
import { decodeGenesisInfo, decodeStorageState } from './requests.js';
import { VolatileStore } from './sealed-store.js';
import { SampleChain, blockToDispatch, voterSet } from './testing/sample-chain.js';

/** Relay 1..4 with a set change at 3; para 1..4 with several kinds of change. */
function sampleChain(): SampleChain {
  const chain = new SampleChain();
  for (let n = 1; n <= 4; n++) {
    chain.addPara([
      [utf8(`value ${n}`), new Uint8Array(60).fill(n)],
      [utf8(`value ${n - 1}`), undefined],
      [utf8('empty'), new Uint8Array()],
      [utf8('number'), scale.u32(n)],
    ]);
    chain.addRelay(n === 3 ? { nextSet: voterSet(1n) } : {});
  }
  return chain;
}

const chain = sampleChain();
const shared = {
  signatures: new SignatureVerifier(),
  storages: new ChainStorageFactory(),
  nowMs: Date.now,
};

function newPhactory(version: PruntimeVersion): Phactory {
  const phactory = new Phactory(
    {
      behaviour: behaviourOf(version),
      machine: machineOf('mutations', 0),
      checkpointBlocks: 1000,
      checkpointIntervalMs: 0,
    },
    { shared, store: new VolatileStore(), onCheckpointError: () => undefined },
  );
  const encodedGenesisState = chain.genesisState();
  phactory.init({
    skipRa: true,
    isParachain: true,
    genesis: decodeGenesisInfo(chain.genesisInfo()),
    genesisState: decodeStorageState(encodedGenesisState),
    encodedGenesisState,
    operator: undefined,
    debugSetKey: undefined,
    attestationProvider: undefined,
  });
  return phactory;
}

const heights = (phactory: Phactory): [number, number, number] => {
  const { headernum, paraHeadernum, blocknum } = phactory.info();
  return [headernum, paraHeadernum, blocknum];
};

function call(phactory: Phactory, route: string, body: Uint8Array): string {
  return (JSON.parse(callBinApi(phactory, route, body)) as { status: string }).status;
}

function changedAt(bytes: Uint8Array, position: number, difference: number): Uint8Array {
  const out = bytes.slice();
  out[position] = (out[position] ?? 0) ^ difference;
  return out;
}

const anyDifference = fc.integer({ min: 1, max: 255 });

describe.each(['0.2.6', '0.2.7', '2.x'] as const)(
  'a changed byte in what a %s worker gets',
  (version) => {
    const firstPara = behaviourOf(version).firstParaHeader;
    const combined = chain.combined({ relay: [1, 3], para: [firstPara, 3], change: true });
    const relayLength = chain.relayHeaders(1, 3).length;
    // A justification is read from the front and what follows it is ignored, as in pRuntime (phala-blockchain 40ffcd1be
    // crates/phactory/src/light_validation/justification.rs): one that only claims to be longer says the same.
    const justificationStart = relayLength - chain.justification(3).length;
    const isJustificationLength = (position: number) =>
      position >= justificationStart - 2 && position < justificationStart;
    const changeLength = 1 + chain.authoritySetChange(3).length;

    it('never moves a height that the byte speaks for', () => {
      const h0 = heights(newPhactory(version));
      let refused = 0;
      fc.assert(
        fc.property(fc.nat(combined.length - 1), anyDifference, (position, difference) => {
          const phactory = newPhactory(version);
          const body = changedAt(combined, position, difference);
          const status = call(phactory, 'sync_combined_headers', body);
          const [h, q, b] = heights(phactory);
          const isIgnored =
            version !== '0.2.6' && position >= relayLength && position < relayLength + changeLength;
          // Never a height that no true header has.
          expect([h0[0], 4]).toContain(h);
          expect([h0[1], 4]).toContain(q);
          expect(b).toBe(1);
          if (position < relayLength && !isJustificationLength(position))
            expect(h, `byte ${position}`).toBe(h0[0]);
          if (!isIgnored) expect(q, `byte ${position}`).toBe(h0[1]);
          if (status === 'error') refused++;
        }),
        { numRuns: 400, examples: [[472, 6]] },
      );
      expect(refused).toBeGreaterThan(200);
    });

    it('leaves the worker able to take the true bytes afterwards', () => {
      const relayOnly = combined.subarray(0, relayLength);
      fc.assert(
        fc.property(fc.nat(relayOnly.length - 1), anyDifference, (position, difference) => {
          const phactory = newPhactory(version);
          call(phactory, 'sync_combined_headers', changedAt(combined, position, difference));
          expect(call(phactory, 'sync_combined_headers', combined)).toBe('ok');
          expect(heights(phactory)).toEqual([4, 4, 1]);
        }),
        { numRuns: 60 },
      );
    });

    it('gives another state root, or none, when it is in a block’s changes', () => {
      const block = chain.paraAt(1);
      const body = scale.vec([blockToDispatch(block)]);
      const changesAt = 1 + block.header.length;
      fc.assert(
        fc.property(
          fc.integer({ min: changesAt, max: body.length - 1 }),
          anyDifference,
          (position, difference) => {
            const phactory = newPhactory(version);
            call(phactory, 'sync_combined_headers', combined);
            const before = phactory.info().stateRoot;
            const changed = changedAt(body, position, difference);
            const status = call(phactory, 'dispatch_block', changed);
            const root = phactory.info().stateRoot;
            if (status === 'ok') {
              // A change of what was absent anyway, or of a key set to what it was: the same state.
              expect(root).toBe(toHex(block.state.root()).slice(2));
              expect(bytesEqual(changed, body)).toBe(false);
            } else {
              expect(root).toBe(before);
              expect(heights(phactory)[2]).toBe(1);
            }
          },
        ),
        { numRuns: 200 },
      );
    });
  },
);
