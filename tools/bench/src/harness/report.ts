import { cpus, loadavg } from 'node:os';

/** One measured figure, with the limit that it is held against. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** The same measured without the product, in the same run. */
  raw?: number;
  /** What is aimed at: for `ratio` where there is a raw figure, else for `value`. */
  reach?: { atLeast: number } | { atMost: number };
  /** The spread over repetitions. */
  spread?: readonly [min: number, max: number];
}

/** What a benchmark gives. */
export interface Report {
  bench: string;
  node: string;
  cpus: number;
  /** Load of the machine over the last minute, before and after. */
  load: readonly [before: number, after: number];
  seconds: number;
  figures: Figure[];
}

/** A benchmark: hands over its figures as it finds them. */
export type Bench = (add: (figure: Figure) => void) => Promise<void>;

/** Runs a benchmark. */
export async function runBench(name: string, bench: Bench): Promise<Report> {
  const before = loadavg()[0]!;
  const startedAtMs = performance.now();
  const figures: Figure[] = [];
  await bench((figure) => figures.push(figure));
  return {
    bench: name,
    node: process.version,
    cpus: cpus().length,
    load: [round(before), round(loadavg()[0]!)],
    seconds: round((performance.now() - startedAtMs) / 1000),
    figures,
  };
}

/** Value by raw limit. */
export function ratioOf(figure: Figure): number | undefined {
  return figure.raw === undefined || figure.raw === 0 ? undefined : figure.value / figure.raw;
}

/** A report for people. */
export function textOf(report: Report): string {
  const { bench, node, load, seconds } = report;
  const lines = report.figures.map((figure) => {
    const ratio = ratioOf(figure);
    const raw = ratio === undefined ? '' : `  raw ${round(figure.raw!)}  ratio ${ratio.toFixed(3)}`;
    const spread = figure.spread ? `  (${figure.spread.map(round).join('..')})` : '';
    return `  ${figure.name}: ${round(figure.value)} ${figure.unit}${spread}${raw}${verdict(figure)}`;
  });
  return [
    `${bench}  node ${node}, ${report.cpus} cores, load ${load[0]} to ${load[1]}, ${seconds} s`,
    ...lines,
  ].join('\n');
}

function verdict({ reach, ...figure }: Figure): string {
  if (!reach) return '';
  const value = ratioOf(figure) ?? figure.value;
  const [reached, sign, bound] =
    'atLeast' in reach
      ? [value >= reach.atLeast, '>=', reach.atLeast]
      : [value <= reach.atMost, '<=', reach.atMost];
  return `  ${reached ? 'reached' : 'NOT REACHED'} (${sign} ${bound})`;
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
