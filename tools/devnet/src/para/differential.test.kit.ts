import type { EventRecord } from '@polkadot/types/interfaces';

import {
  concatBytes,
  fromHex,
  startsWith,
  storagePrefix,
  toHex,
  twox128,
  utf8,
} from '../primitives/index.js';
import { TestChain } from './chain.test.kit.js';
import { devAccounts, devGenesis, type DevName } from './genesis.js';
import type { RuntimeConfig } from './pallet.js';
import { poolAccount } from './pallets/base-pool.js';
import { RecordedChain } from './recorded-runtime.test.kit.js';
import { StateOverlay } from './state-overlay.js';
import {
  SCENARIO_START_MS,
  type Round,
  type Side,
  type Step,
} from './differential-steps.test.kit.js';
import { WorkerCalls } from './worker.test.kit.js';

/** What the recorded runtime fixes in its source (khala-parachain runtime/rhala/src/lib.rs). */
export const RHALA_CONFIG: Partial<RuntimeConfig> = {
  noneAttestationEnabled: true,
  verifyPRuntime: false,
  verifyRelaychainGenesisBlockHash: false,
  checkWorkerRegisterTime: true,
};

/** What a step came to: its result, and its events with their data. */
export interface StepOutcome {
  result: string;
  events: string[];
}

const SLOT_MS = 12_000;
/**
 * How a fee is taken, given back and handed to the treasury differs with weights and pallets; that one was
 * paid is compared.
 */
const FEE_MOVES = new Set(['balances.Withdraw', 'balances.Deposit', 'treasury.Deposit']);
/** Events whose data is an amount of fee or a weight. */
const WITHOUT_DATA = new Set([
  'transactionPayment.TransactionFeePaid',
  'system.ExtrinsicSuccess',
  'system.ExtrinsicFailed',
]);

function withWorkers(source: Omit<Side, 'worker' | 'poolAccount'>): Side {
  const workers = new Map<string, WorkerCalls>();
  const dev = devAccounts();
  // Made once each; calls are made with the chain's time at that moment.
  const side: Side = {
    get timestampMs() {
      return source.timestampMs;
    },
    pairs: source.pairs,
    call: (...args) => source.call(...args),
    worker: (name) => {
      const made = workers.get(name) ?? new WorkerCalls(side, name);
      workers.set(name, made);
      return made;
    },
    poolAccount: (pid) => toHex(poolAccount(pid, pid === 1n ? dev.Bob : dev.Alice)),
  };
  return side;
}

const MODULE_ERROR = /\{"Module":\{"index":"(\d+)","error":"0x([0-9a-f]{2})000000"\}\}/g;

/** An event with its data, pallets' errors by their names. */
function render(chain: Pick<RecordedChain, 'registry'>, { event }: EventRecord): string[] {
  const name = `${event.section}.${event.method}`;
  if (FEE_MOVES.has(name)) return [];
  if (WITHOUT_DATA.has(name)) return [name];
  const data = JSON.stringify(event.data.toHuman()).replace(
    MODULE_ERROR,
    (_, pallet: string, error: string) => {
      const at = Uint8Array.of(Number(pallet), Number.parseInt(error, 16));
      const found = chain.registry.findMetaError(at);
      return `"${found.section}.${found.name}"`;
    },
  );
  return [`${name} ${data}`];
}

/** One of the two chains, and how it makes the scenario's blocks. */
export interface ComparedChain {
  round(round: Round): Promise<Map<string, StepOutcome>>;
  /** All values of a pallet by hex key, its storage version aside. */
  values(pallet: string): ReadonlyMap<string, string>;
}

class Nonces {
  private readonly next = new Map<DevName, number>();

  take(step: Step): number {
    const nonce = this.next.get(step.signer) ?? 0;
    if (!step.isInvalid) this.next.set(step.signer, nonce + 1);
    return nonce + (step.nonceOffset ?? 0);
  }
}

/** Our parachain, with the recorded chain's settings. */
export async function ourSide(
  attestationRoot: Uint8Array,
): Promise<ComparedChain & { chain: TestChain }> {
  const chain = await TestChain.create({ pools: [] }, { ...RHALA_CONFIG, attestationRoot });
  chain.timestampMs = SCENARIO_START_MS;
  const side = withWorkers(chain);
  const nonces = new Nonces();
  return {
    chain,
    round: async ({ steps, patch, afterMs = SLOT_MS }) => {
      if (patch) chain.patch(patch);
      const built = chain.block(
        steps.map((step) => {
          const options = { nonce: nonces.take(step), ...versionOf(step) };
          return chain.sign(step.call(side), chain.pairs[step.signer], options);
        }),
        afterMs,
      );
      if (steps[0]?.isInvalid) {
        const result = `invalid ${built.dropped[0]?.reason ?? 'not'}`;
        return new Map([[steps[0].name, { result, events: [] }]]);
      }
      return outcomes(chain, steps);
    },
    values: (pallet) => {
      const entries = [...chain.state.entries(twox128(utf8(pallet)))];
      return withoutVersion(entries.map(([k, v]) => [toHex(k), toHex(v)]));
    },
  };
}

/** The recorded runtime on its own genesis, with our accounts, lists and parameters put in. */
export async function recordedSide(fixtures: string): Promise<ComparedChain> {
  const chain = await RecordedChain.load({
    chainSpec: `${fixtures}/chainspec/rhala.json`,
    metadata: `${fixtures}/metadata/rhala-1241.v14.scale`,
    startMs: SCENARIO_START_MS,
  });
  const ours = await TestChain.create({ ...devGenesis(), pools: [] }, RHALA_CONFIG);
  chain.write(
    [...ours.state.entries()]
      .filter(([key]) => !KEPT.some((prefix) => startsWith(key, prefix)))
      .map(([key, value]) => [key, asThere(key, value)]),
  );
  const side = withWorkers(chain);
  const nonces = new Nonces();
  return {
    round: async ({ steps, patch, afterMs = SLOT_MS }) => {
      if (patch) {
        const overlay = new StateOverlay(chain);
        patch(overlay);
        chain.write(overlay.changes());
      }
      const extrinsics = steps.map((step) => {
        const options = { nonce: nonces.take(step), ...versionOf(step) };
        return chain.sign(step.call(side), chain.pairs[step.signer], options);
      });
      const [first] = steps;
      const [only] = extrinsics;
      if (first?.isInvalid && only) {
        const result = (await chain.probe(only, afterMs)) ?? 'invalid not';
        await chain.block([], afterMs);
        return new Map([[first.name, { result, events: [] }]]);
      }
      await chain.block(extrinsics, afterMs);
      return outcomes(chain, steps);
    },
    values: (pallet) => withoutVersion([...chain.values(twox128(utf8(pallet)))]),
  };
}

/** frame_support's `:__STORAGE_VERSION__:`, which only migrations read; our pallets have none. */
const STORAGE_VERSION = toHex(twox128(utf8(':__STORAGE_VERSION__:'))).slice(2);

function withoutVersion(entries: readonly (readonly [string, string])[]): Map<string, string> {
  return new Map(entries.filter(([key]) => !key.endsWith(STORAGE_VERSION)));
}

/** What of the recorded genesis stays. */
const KEPT = [
  fromHex('0x3a636f6465'),
  storagePrefix('System', 'LastRuntimeUpgrade'),
  storagePrefix('ParachainInfo', 'ParachainId'),
];

/** The recorded runtime's account data has `fee_frozen` where Khala 1251 has the flags. */
function asThere(key: Uint8Array, value: Uint8Array): Uint8Array {
  if (!startsWith(key, storagePrefix('System', 'Account'))) return value;
  return concatBytes(value.subarray(0, value.length - 16), new Uint8Array(16));
}

function versionOf({ specVersion }: Step): { specVersion?: number } {
  return specVersion === undefined ? {} : { specVersion };
}

function outcomes(
  chain: Pick<RecordedChain, 'events' | 'outcome' | 'registry'>,
  steps: readonly Step[],
): Map<string, StepOutcome> {
  const events = chain.events();
  return new Map(
    steps.map(({ name }, index) => {
      const { result } = chain.outcome(index + 2);
      const own = events.filter(
        ({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.toNumber() === index + 2,
      );
      return [name, { result, events: own.flatMap((one) => render(chain, one)) }];
    }),
  );
}

/** Only what one of two outcomes has; events that the other lacks altogether by name alone. */
export function onlyIn(outcome: StepOutcome, other: StepOutcome): string[] {
  const lines = (of: StepOutcome) => [of.result, ...of.events];
  const nameOf = (line: string) => line.split(' ')[0] ?? line;
  const there = new Set(lines(other));
  const names = new Set(lines(other).map(nameOf));
  return lines(outcome)
    .filter((line) => !there.has(line))
    .map((line) => (names.has(nameOf(line)) ? line : nameOf(line)));
}
