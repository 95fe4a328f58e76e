import { DispatchFailure } from './errors.js';
import type { Ctx, Origin, Pallet, PostInfo, RuntimeConfig } from './pallet.js';
import { pallets } from './pallets/index.js';
import { releaseIn, type Release } from './release.js';
import { runtimeCodecs } from './runtime-types.js';
import { StateOverlay } from './state-overlay.js';
import type { RuntimeCall, Weight } from './values.js';
import type { StateReader } from '../metadata/storage-item.js';

const byName: ReadonlyMap<string, Pallet> = new Map(pallets.map((p) => [p.name, p]));

/** When an event happened. */
export type Phase =
  { type: 'ApplyExtrinsic'; value: number } | { type: 'Initialization' | 'Finalization' };

/** What the pallets of one block work on: its state so far and its events. */
export class BlockRun implements Ctx {
  readonly state: StateOverlay;
  readonly release: Release;
  /** Encoded `EventRecord`s in order. */
  readonly events: Uint8Array[] = [];
  phase: Phase = { type: 'Initialization' };

  constructor(
    base: StateReader,
    readonly number: number,
    readonly config: RuntimeConfig,
  ) {
    this.state = new StateOverlay(base);
    this.release = releaseIn(base);
  }

  deposit(pallet: string, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.events.push(
      runtimeCodecs.encode('EventRecord', {
        phase: this.phase,
        event: { type: pallet, value: { type: event, ...fields } },
        topics: [],
      }),
    );
  }

  error(pallet: string, name: string): DispatchFailure {
    const found = byName.get(pallet);
    const at = found?.errors?.indexOf(name) ?? -1;
    if (!found || at < 0) throw new Error(`no error ${pallet}.${name}`);
    return new DispatchFailure(
      { type: 'Module', value: { index: found.index, error: Uint8Array.of(at, 0, 0, 0) } },
      `${pallet}.${name}`,
    );
  }

  dispatch(call: RuntimeCall, origin: Origin): PostInfo {
    if (origin.kind === 'signed' && !origin.filters.every((allows) => allows(call))) {
      throw this.error('System', 'CallFiltered');
    }
    const run = byName.get(call.type)?.dispatch?.[call.value.type];
    if (!run) throw new Error(`${call.type}.${call.value.type} is declared but not made`);
    return this.transactional(() => run(this, origin, call.value) ?? {});
  }

  /** Runs something that leaves neither changes nor events behind when it throws. */
  transactional<T>(run: () => T): T {
    const mark = this.state.mark();
    const eventsBefore = this.events.length;
    try {
      return run();
    } catch (e) {
      this.state.rollback(mark);
      this.events.length = eventsBefore;
      throw e;
    }
  }
}

/** What a call weighs before it runs. */
export function callWeight(call: RuntimeCall): Weight {
  const weigh = byName.get(call.type)?.weights?.[call.value.type];
  return weigh ? weigh(call.value, callWeight) : { refTime: 0n, proofSize: 0n };
}

/** Calls that only a block's author may put into a block. */
export function isMandatory(call: RuntimeCall): boolean {
  return (
    (call.type === 'Timestamp' && call.value.type === 'set') ||
    (call.type === 'ParachainSystem' && call.value.type === 'set_validation_data')
  );
}
