/** A fault as the dev network's control port takes it. */
export interface DevFault {
  target: string;
  kind: string;
  [param: string]: string | number;
}

/** A fault in force. */
export interface DevFaultInForce {
  id: number;
  /** Calls disturbed so far. */
  count: number;
}

/** The control port of a process of the dev network. */
export class ControlPort {
  constructor(readonly url: string) {}

  /** Puts a fault in force. @throws Error with the dev network's words when it does not have it */
  async begin(fault: DevFault): Promise<number> {
    const { id } = (await this.#ask('POST', '/faults', fault)) as DevFaultInForce;
    return id;
  }

  /** How many calls a fault has disturbed so far. */
  async count(id: number): Promise<number> {
    const all = (await this.#ask('GET', '/faults')) as DevFaultInForce[];
    return all.find((one) => one.id === id)?.count ?? 0;
  }

  async end(id: number): Promise<void> {
    await this.#ask('DELETE', `/faults/${id}`);
  }

  /** Names of the commands that it has besides faults. */
  async commands(): Promise<string[]> {
    const described = Object.keys((await this.#ask('GET', '/')) as object);
    return described
      .flatMap((line) => /^POST \/(\w+)$/.exec(line)?.[1] ?? [])
      .filter((name) => name !== 'faults');
  }

  /** Runs one. */
  async run(command: string, parameters: object = {}): Promise<Record<string, unknown>> {
    return (await this.#ask('POST', `/${command}`, parameters)) as Record<string, unknown>;
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const answer = (await response.json()) as { error?: string };
    if (!response.ok) throw new Error(`${method} ${path}: ${answer.error ?? response.status}`);
    return answer;
  }
}
