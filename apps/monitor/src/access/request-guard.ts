import { isIP } from 'node:net';

/** The parts of a request that say where it comes from. */
export interface RequestOrigin {
  host: string | undefined;
  origin: string | undefined;
  secFetchSite: string | undefined;
  secFetchMode: string | undefined;
}

/** What the guard goes by. */
export interface RequestGuardOptions {
  /** Names under which the monitor is reached, beside localhost and IP addresses. */
  hostNames: readonly string[];
}

/** Why a request is refused; undefined lets it pass. */
export type Refusal = { status: 401 | 403 | 429; message: string } | undefined;

/**
 * Keeps web pages of others from using an operator's browser to reach the monitor. Scripts and curl send no `Origin` and no
 * `Sec-Fetch-Site`, and are not hindered.
 */
export class RequestGuard {
  readonly #hostNames: ReadonlySet<string>;

  constructor(options: RequestGuardOptions) {
    this.#hostNames = new Set(['localhost', ...options.hostNames.map((n) => n.toLowerCase())]);
  }

  /** Whether an answer may go out at all: to no page of another origin. */
  checkReading(request: RequestOrigin): Refusal {
    // Following a link from elsewhere shows the answer to the operator only.
    const isLink = request.secFetchMode === 'navigate' && request.origin === undefined;
    return isForeign(request) && !isLink
      ? { status: 403, message: 'Pages of other origins get no answer' }
      : undefined;
  }

  /** Whether the request may change something: besides, it must be for a host that we serve. */
  checkChanging(request: RequestOrigin): Refusal {
    if (isForeign(request)) {
      return { status: 403, message: 'Pages of other origins may change nothing' };
    }
    // A name that an attacker's DNS points at us is his origin in the browser; an IP address or a known name is ours.
    const name = hostNameOf(request.host);
    if (name !== undefined && (isIP(name) !== 0 || this.#hostNames.has(name))) return undefined;
    return {
      status: 403,
      message: `Changes under the name '${name ?? ''}' are refused: put it in PHALA_MONITOR_HOST_NAMES`,
    };
  }
}

function isForeign({ host, origin, secFetchSite }: RequestOrigin): boolean {
  // `none` is an address typed by a person.
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none') {
    return true;
  }
  if (origin === undefined) return false;
  const ours = `http://${host ?? ''}`;
  if (!URL.canParse(origin) || !URL.canParse(ours)) return true;
  return new URL(origin).host !== new URL(ours).host;
}

/** The name in a Host header, without port and brackets. */
function hostNameOf(host: string | undefined): string | undefined {
  if (host === undefined || !URL.canParse(`http://${host}`)) return undefined;
  const { hostname, host: parsed } = new URL(`http://${host}`);
  // Anything but a host and a port would hide something.
  if (parsed !== host.toLowerCase() && `${parsed}:80` !== host.toLowerCase()) return undefined;
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
