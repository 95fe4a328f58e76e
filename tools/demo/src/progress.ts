import type { ChainRpc } from './chain-rpc.js';
import type { MonitorApi } from './monitor-api.js';

/** Where lines go: a terminal, where the last one is rewritten, or a pipe. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Shows lines that stay and one status line, which a pipe gets only when it has changed. */
export class Terminal {
  #status = '';

  constructor(private readonly output: Output) {}

  /** A line that stays. */
  line(text: string): void {
    if (this.output.isTTY === true && this.#status !== '') {
      this.output.write(`\r\u001b[2K${text}\n${this.#status}`);
    } else {
      this.output.write(`${text}\n`);
    }
  }

  /** The line that is about now. */
  status(text: string): void {
    if (text === this.#status) return;
    this.#status = text;
    this.output.write(this.output.isTTY === true ? `\r\u001b[2K${text}` : `${text}\n`);
  }
}

/** Who is asked. */
export interface ProgressSources {
  relay: ChainRpc;
  para: ChainRpc;
  monitor: MonitorApi;
  providerPeer: string;
  managerPeer: string;
}

/** Puts heights, states and transactions into one line. */
export class Progress {
  #countedTo = 0;
  #transactions = 0;

  constructor(private readonly sources: ProgressSources) {}

  async line(): Promise<string> {
    const { relay, para, monitor, providerPeer, managerPeer } = this.sources;
    const parts = await Promise.all([
      part(async () => `relay ${await relay.finalized()}`, 'relay ?'),
      part(async () => `para ${await para.finalized()}`, 'para ?'),
      part(async () => {
        const info = await monitor.dataProviderInfo(providerPeer);
        return `provider ${info.parentFetchedHeight ?? '?'}/${info.paraFetchedHeight ?? '?'}`;
      }, 'provider ?'),
      part(async () => describeWorkers(await monitor.workerStates(managerPeer)), 'workers ?'),
      part(async () => `${await this.#countTransactions()} transactions`, 'transactions ?'),
    ]);
    return parts.join(' | ');
  }

  async #countTransactions(): Promise<number> {
    const head = await this.sources.para.finalized();
    while (this.#countedTo < head) {
      this.#transactions += await this.sources.para.signedExtrinsics(this.#countedTo + 1);
      this.#countedTo += 1;
    }
    return this.#transactions;
  }
}

async function part(make: () => Promise<string>, otherwise: string): Promise<string> {
  try {
    return await make();
  } catch {
    // A service that is being restarted does not answer; the line says so and the next one will know better.
    return otherwise;
  }
}

function describeWorkers(states: readonly { status?: string }[]): string {
  const counts = new Map<string, number>();
  for (const { status = 'S_?' } of states) counts.set(status, (counts.get(status) ?? 0) + 1);
  const text = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
  return `workers ${text === '' ? 'none yet' : text}`;
}
