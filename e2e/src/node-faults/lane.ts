import { join } from 'node:path';
import { expect } from 'vitest';
import {
  BlobReader,
  differencesOf,
  ProviderProcess,
  type DevChains,
  type LogLine,
} from '../lying-node/index.js';
import { until } from '../with-demo.js';
import type { Answer, Row, Side } from './rows.js';

/** One of the two nodes of a chain that a lane's data provider knows. */
interface Node {
  /** What the dev network calls it. */
  target: string;
  url: string;
  /** The fault without effect that counts what is asked of it for the next block. */
  counterId: number;
}

/** What is asked for each block, and for nothing else. */
const asked = { relay: 'state_getReadProof', para: 'pha_getStorageChangesAt' } as const;

/** Blocks by which it goes on while a fault is in force. */
const GOES_ON = { relay: 6, para: 3 } as const;

/** Long enough for a node that was set aside for its second lie, and for a call that is never answered. */
const PATIENCE_MS = 90_000;

export interface LaneOptions {
  name: string;
  folder: string;
  paraId: number;
  /** Which of the dev network's nodes are this lane's, from 0. */
  nodes: readonly [number, number];
}

/**
 * A data provider that knows two nodes of each chain. Faults befall the one that it works with, one after the other, so
 * that it goes to and fro between the two: whoever was set aside has to be tried again.
 */
export class Lane {
  private constructor(
    private readonly options: LaneOptions,
    private readonly chains: DevChains,
    private readonly nodes: Readonly<Record<Side, readonly Node[]>>,
    readonly provider: ProviderProcess,
  ) {}

  /** Starts it with faults from the start: each is told before the other node of the chain answers anything. */
  static async start(
    options: LaneOptions,
    chains: DevChains,
    honest: Honest,
    fromStart: readonly Row[],
  ): Promise<Lane> {
    const nodes = { relay: [] as Node[], para: [] as Node[] };
    for (const side of ['relay', 'para'] as const) {
      for (const index of options.nodes) {
        const target = `${side}${index === 0 ? '' : index + 1}`;
        const counter = { target, kind: 'latency', ms: 0, methods: asked[side] };
        const counterId = await chains.control.begin(counter);
        nodes[side].push({ target, url: chains.nodes[side][index]!, counterId });
      }
    }
    const begun: { row: Row; liar: Node; id: number; silentId: number }[] = [];
    for (const row of fromStart) {
      const [liar, other] = nodes[row.side] as [Node, Node];
      const fault = { target: liar.target, kind: row.kind, ...row.params };
      const id = await chains.control.begin(fault);
      const silentId = await chains.control.begin({ target: other.target, kind: 'drop' });
      begun.push({ row, liar, id, silentId });
    }
    const provider = await ProviderProcess.start({
      folder: join(options.folder, options.name),
      relay: nodes.relay.map(({ url }) => url),
      para: nodes.para.map(({ url }) => url),
    });
    const lane = new Lane(options, chains, nodes, provider);
    try {
      await Promise.all(
        begun.map(async ({ row, liar, id, silentId }) => {
          await lane.expectAnswer(row, liar, { log: 0, blamed: 0 });
          await chains.control.end(silentId);
          await lane.expectGoesOn(row, { relay: 0, para: 0 });
          await chains.control.end(id);
        }),
      );
      await until(
        `${options.name}: it has begun`,
        () => provider.heights(),
        (now) => now.relay >= GOES_ON.relay && now.para >= GOES_ON.para,
        PATIENCE_MS,
      );
      await lane.expectTruth(honest);
      return lane;
    } catch (error) {
      await provider.stop();
      throw error;
    }
  }

  /** Puts a fault on the node that it works with, sees how that is answered, and ends the fault. */
  async suffer(row: Row, honest: Honest): Promise<void> {
    const { control } = this.chains;
    const node = await this.worksWith(row.side);
    const before = await this.provider.heights();
    const seen = { log: this.provider.log.length, blamed: await this.blamed(row, node) };
    const id = await control.begin({ target: node.target, kind: row.kind, ...row.params });
    try {
      await until(
        `${nameOf(row)}: some call is disturbed`,
        () => control.count(id),
        (count) => count > 0,
        PATIENCE_MS,
      );
      await this.expectAnswer(row, node, seen);
      await this.expectGoesOn(row, await this.provider.heights());
    } finally {
      await control.end(id);
    }
    await this.expectTruth(honest, [before.relay, before.para]);
  }

  get name(): string {
    return this.options.name;
  }

  async stop(): Promise<void> {
    expect(this.provider.ended).toBeUndefined();
    await this.provider.stop();
  }

  /** Everything that it serves, from the genesis on, is what an honest run serves. */
  async expectTruth(honest: Honest, from: readonly [relay: number, para: number] = [0, 0]) {
    const now = await this.provider.heights();
    await honest.untilAt(now.relay, now.para);
    const blobs = await BlobReader.connect(this.provider.blobPort);
    try {
      const about = {
        paraId: this.options.paraId,
        // The first relay block that a bridge has is 2.
        relay: [Math.max(2, from[0]), now.relay],
        para: [Math.max(0, from[1]), now.para],
      } as const;
      expect(await differencesOf(blobs, honest.blobs, about)).toEqual([]);
    } finally {
      blobs.close();
    }
  }

  private async expectAnswer(row: Row, node: Node, seen: { log: number; blamed: number }) {
    const { answer } = row;
    const lines = () => this.provider.log.slice(seen.log);
    if (answer === 'kept') {
      expect(await this.worksWith(row.side)).toBe(node);
      expect(lines().filter((line) => isLeaving(line, node))).toEqual([]);
      return;
    }
    await until(
      `${nameOf(row)}: the log says ${answer} of ${node.url}`,
      async () => lines().filter((line) => isAbout(line, node)),
      (about) => about.some((line) => isAnswer(line, row)),
      PATIENCE_MS,
    );
    if (answer === 'left') return;
    expect({ row: nameOf(row), blamed: await this.blamed(row, node) }).not.toEqual({
      row: nameOf(row),
      blamed: seen.blamed,
    });
  }

  private async expectGoesOn(row: Row, from: Record<Side, number>): Promise<void> {
    await until(
      `${nameOf(row)}: heights go on`,
      () => this.provider.heights(),
      (now) => now[row.side] >= from[row.side] + GOES_ON[row.side],
      PATIENCE_MS,
    );
  }

  /** The node that is asked for the next block. */
  private async worksWith(side: Side): Promise<Node> {
    const { control } = this.chains;
    const counts = () =>
      Promise.all(this.nodes[side].map(({ counterId }) => control.count(counterId)));
    const before = await counts();
    const now = await until(
      `${this.options.name}: a ${side} node is asked`,
      counts,
      (current) => current.some((count, i) => count > before[i]!),
      PATIENCE_MS,
    );
    return this.nodes[side][now.findIndex((count, i) => count > before[i]!)]!;
  }

  /** How often a node was set aside for this, as its metrics tell. */
  private async blamed({ side, answer }: Row, node: Node): Promise<number> {
    const counts = await Promise.all(
      faultsOf(answer).map((fault) =>
        this.provider.metric(`runtime_bridge_chain_${side}_endpoint_faults_total`, {
          endpoint: node.url,
          fault,
        }),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }
}

/** The data provider that only knows a node without faults. */
export interface Honest {
  blobs: BlobReader;
  /** Waits until it has these blocks. */
  untilAt(relay: number, para: number): Promise<void>;
}

export const nameOf = ({ side, kind, fromStart }: Row) =>
  `${side} ${kind}${fromStart ? ' from the start' : ''}`;

const isAbout = (line: LogLine, node: Node) => line['endpoint'] === node.url;

const isLeaving = (line: LogLine, node: Node) =>
  isAbout(line, node) && /set aside|left for a better/.test(line.message);

/** What it is set aside for, as log and metrics call it. */
const faultsOf = (answer: Answer) => (answer === 'lieOrFailure' ? ['lie', 'failure'] : [answer]);

/** The line by which the node is named with what it did. */
function isAnswer(line: LogLine, { answer, told }: Row): boolean {
  if (answer === 'left') {
    return /left for a better/.test(line.message) || line.error?.code === 'NODE_STALLED';
  }
  if (!faultsOf(answer).some((fault) => fault === line['fault'])) return false;
  if (told === undefined) return true;
  const { code, facts } = line.error ?? {};
  return code === told.code && (told.check === undefined || facts?.['check'] === told.check);
}
