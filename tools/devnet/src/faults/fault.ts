/** A fault as it is asked for: what it concerns, its kind, and parameters by name. */
export interface FaultRequest {
  /** `relay`, `para`, `worker<n>` (from 1) or `workers`. */
  readonly target: string;
  readonly kind: string;
  readonly params: Readonly<Record<string, string | number>>;
}

/** A fault that cannot be had; the message says what can. */
export class FaultRequestError extends Error {
  override readonly name = 'FaultRequestError';
}

/**
 * Reads the form of the command line, `target:kind,name=value,…`, as `relay:latency,ms=200`.
 *
 * @throws FaultRequestError when it has another form
 */
export function parseFault(text: string): FaultRequest {
  const match = /^([a-z]+\d*):([a-zA-Z]+)((?:,[a-zA-Z]+=[^,]*)*)$/.exec(text.trim());
  if (match === null) {
    throw new FaultRequestError(`"${text}": target:kind,name=value,… is expected`);
  }
  const [, target = '', kind = '', rest = ''] = match;
  const params: Record<string, string> = {};
  for (const part of rest.split(',').filter((one) => one !== '')) {
    const at = part.indexOf('=');
    params[part.slice(0, at)] = part.slice(at + 1);
  }
  return { target, kind, params };
}

/** The form of the command line, which {@link parseFault} reads. */
export function formatFault({ target, kind, params }: FaultRequest): string {
  const rest = Object.entries(params).map(([name, value]) => `,${name}=${value}`);
  return `${target}:${kind}${rest.join('')}`;
}

/**
 * Reads the form of the control port: a flat JSON object with `target`, `kind` and parameters.
 *
 * @throws FaultRequestError when it is something else
 */
export function faultFromJson(value: unknown): FaultRequest {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FaultRequestError('an object with target and kind is expected');
  }
  const { target, kind, ...rest } = value as Record<string, unknown>;
  if (typeof target !== 'string' || typeof kind !== 'string') {
    throw new FaultRequestError('target and kind are expected, both texts');
  }
  const params: Record<string, string | number> = {};
  for (const [name, one] of Object.entries(rest)) {
    if (typeof one !== 'string' && typeof one !== 'number') {
      throw new FaultRequestError(`${name}: a text or a number is expected`);
    }
    params[name] = one;
  }
  return { target, kind, params };
}

/** Takes parameters one by one, with defaults and limits; says which were not known. */
export class FaultParams {
  private readonly unread: Set<string>;

  constructor(private readonly request: FaultRequest) {
    this.unread = new Set(Object.keys(request.params));
  }

  /** @throws FaultRequestError unless it is a whole number from `min` to `max` */
  integer(name: string, fallback: number, min: number, max: number): number {
    this.unread.delete(name);
    const value = Number(this.request.params[name] ?? fallback);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new FaultRequestError(
        `${this.request.kind}: ${name} is a whole number from ${min} to ${max}`,
      );
    }
    return value;
  }

  text(name: string, fallback: string): string {
    this.unread.delete(name);
    return String(this.request.params[name] ?? fallback);
  }

  /** Names separated by `+`; undefined when absent. */
  names(name: string): readonly string[] | undefined {
    this.unread.delete(name);
    const value = this.request.params[name];
    return value === undefined ? undefined : String(value).split('+');
  }

  /** @throws FaultRequestError when a parameter was given that nobody has asked for */
  end(): void {
    const [unknown] = this.unread;
    if (unknown !== undefined) {
      throw new FaultRequestError(`${this.request.kind} has no parameter ${unknown}`);
    }
  }
}

/** Which of the matching calls a fault disturbs. */
export class FaultDose {
  private seen = 0;
  private given = 0;

  constructor(
    private readonly options: {
      /** Only these methods; all that the kind concerns when undefined. */
      readonly methods: readonly string[] | undefined;
      /** Each so many calls one; 1: every one. */
      readonly every: number;
      /** So many calls at most; 0: no limit. */
      readonly times: number;
    },
  ) {}

  /** Reads `methods`, `every` and `times`, which every fault of a call takes. */
  static from(params: FaultParams): FaultDose {
    return new FaultDose({
      methods: params.names('methods'),
      every: params.integer('every', 1, 1, 1_000_000),
      times: params.integer('times', 0, 0, 1_000_000),
    });
  }

  /** Is this call to be disturbed? Counts it. */
  takes(method: string, byDefault: boolean): boolean {
    const { methods, every, times } = this.options;
    if (methods === undefined ? !byDefault : !methods.includes(method)) return false;
    this.seen += 1;
    if (this.seen % every !== 0) return false;
    if (times > 0 && this.given >= times) return false;
    this.given += 1;
    return true;
  }

  /** How many calls were disturbed. */
  get count(): number {
    return this.given;
  }
}
