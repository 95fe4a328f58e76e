import { FaultRequestError, type FaultRequest } from './fault.js';

/** Something that faults can be put on. */
export interface FaultTarget {
  /** @throws FaultRequestError for an unknown kind or a bad parameter */
  add(request: FaultRequest): { remove(): void; count(): number };
}

/** A fault that was asked for. */
export interface FaultInForce extends FaultRequest {
  readonly id: number;
  /** How many calls it has disturbed so far. */
  readonly count: number;
}

interface Entry {
  readonly id: number;
  readonly request: FaultRequest;
  readonly added: { remove(): void; count(): number };
}

/** The faults of one process: by command line and by control port, on whatever runs there. */
export class FaultBook {
  private readonly entries: Entry[] = [];
  private lastId = 0;

  constructor(private readonly targets: () => Readonly<Record<string, FaultTarget>>) {}

  /**
   * Puts a fault in force now.
   *
   * @throws FaultRequestError for an unknown target or kind, or a bad parameter
   */
  add(request: FaultRequest): FaultInForce {
    const targets = this.targets();
    const target = Object.hasOwn(targets, request.target) ? targets[request.target] : undefined;
    if (target === undefined) {
      throw new FaultRequestError(
        `no target "${request.target}" here: ${Object.keys(targets).slice(0, 20).join(', ')}`,
      );
    }
    const added = target.add(request);
    this.lastId += 1;
    const entry = { id: this.lastId, request, added };
    this.entries.push(entry);
    return describe(entry);
  }

  /** Ends a fault; false when there is none of this id. */
  remove(id: number): boolean {
    const at = this.entries.findIndex((entry) => entry.id === id);
    const [entry] = at < 0 ? [] : this.entries.splice(at, 1);
    entry?.added.remove();
    return entry !== undefined;
  }

  /** Ends all faults. */
  clear(): void {
    for (const { added } of this.entries.splice(0)) added.remove();
  }

  list(): FaultInForce[] {
    return this.entries.map(describe);
  }
}

function describe({ id, request, added }: Entry): FaultInForce {
  return { id, ...request, count: added.count() };
}
