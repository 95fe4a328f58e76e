import { createServer } from 'node:net';

/** Hands out ports of this machine that are free, each once. */
export class PortFinder {
  readonly #given = new Set<number>();

  constructor(private readonly tell: (line: string) => void) {}

  /** The preferred port, or a free one when it is busy, which is said. */
  async find(preferred: number, what: string): Promise<number> {
    if (!this.#given.has(preferred) && (await isFree(preferred))) {
      this.#given.add(preferred);
      return preferred;
    }
    const port = await this.any();
    this.tell(`Port ${preferred} is busy, ${what} takes ${port}`);
    return port;
  }

  /** Any free port. */
  async any(): Promise<number> {
    return (await this.run(1))[0]!;
  }

  /** The first of so many free ports in a row. */
  async run(count: number): Promise<number[]> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const first = 20_000 + Math.floor(Math.random() * 12_000);
      const ports = Array.from({ length: count }, (_, index) => first + index);
      if (ports.some((port) => this.#given.has(port))) continue;
      const free = await Promise.all(ports.map(isFree));
      if (free.every(Boolean)) {
        for (const port of ports) this.#given.add(port);
        return ports;
      }
    }
    throw new Error(`No ${count} free ports in a row on this machine`);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
