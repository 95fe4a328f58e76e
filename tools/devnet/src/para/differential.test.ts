import { readFileSync } from 'node:fs';

import { beforeAll, describe, expect, it } from 'vitest';

import { fixtures } from '../metadata/recorded.test.kit.js';
import { scenario } from './differential-scenario.test.kit.js';
import { onlyIn, ourSide, recordedSide, type StepOutcome } from './differential.test.kit.js';
import { INTEL_REPORT_CA } from './intel-report-ca.test.data.js';
import { pallets } from './pallets/index.js';

/** Pallets whose whole state must be the same after every block. */
const COMPARED_STATE = [
  'PhalaMq',
  'PhalaRegistry',
  'PhalaComputation',
  'PhalaStakePoolv2',
  'PhalaBasePool',
  'PhalaWrappedBalances',
  'Assets',
  'Proxy',
  'Sudo',
  'Timestamp',
];

/** Pallets whose every error is either seen here or listed with the reason why not. */
const COMPARED_ERRORS = [
  'PhalaMq',
  'PhalaRegistry',
  'PhalaComputation',
  'PhalaStakePoolv2',
  'Proxy',
  'Utility',
];

/** The rows of a table of DIFFERENCES.md, code marks taken off, below a heading. */
function tableBelow(heading: string): string[][] {
  const text = readFileSync(new URL('../../DIFFERENCES.md', import.meta.url), 'utf8');
  const section = text.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.replaceAll('`', '').trim()),
    );
}

const cell = (lines: readonly string[]): string => lines.join(', ');

describe.skipIf(!fixtures)('our parachain and the recorded Rhala runtime', () => {
  /** Of all steps, in order. */
  const seen: { name: string; ours: StepOutcome; recorded: StepOutcome }[] = [];
  const stateDifferences: string[] = [];

  beforeAll(async () => {
    const folder = fixtures ?? '';
    const ours = await ourSide(INTEL_REPORT_CA);
    const recorded = await recordedSide(folder);
    for (const [index, round] of scenario(`${folder}/pruntime`).entries()) {
      const here = await ours.round(round);
      const there = await recorded.round(round);
      for (const { name } of round.steps) {
        const [a, b] = [here.get(name), there.get(name)];
        if (!a || !b) throw new Error(`two steps are named ${name}`);
        seen.push({ name, ours: a, recorded: b });
      }
      for (const pallet of COMPARED_STATE) {
        const [a, b] = [ours.values(pallet), recorded.values(pallet)];
        for (const key of new Set([...a.keys(), ...b.keys()])) {
          if (a.get(key) === b.get(key)) continue;
          stateDifferences.push(
            `block ${index + 1} ${pallet} ${key}: ${a.get(key)}, recorded ${b.get(key)}`,
          );
        }
      }
    }
  }, 180_000);

  it('are compared by many calls, each under a name of its own', () => {
    expect(seen.length).toBeGreaterThan(150);
    expect(new Set(seen.map(({ name }) => name)).size).toBe(seen.length);
    expect(seen.filter(({ ours }) => ours.result === 'ok').length).toBeGreaterThan(60);
  });

  it('agree in results, events, their data and error names, but for what DIFFERENCES.md lists', () => {
    const differ = seen
      .map(({ name, ours, recorded }) => [
        name,
        cell(onlyIn(ours, recorded)),
        cell(onlyIn(recorded, ours)),
      ])
      .filter(([, ours, recorded]) => ours !== '' || recorded !== '');
    const listed = tableBelow('Calls').map((row) => row.slice(0, 3));
    expect(differ).toEqual(listed);
  });

  it('order the events that both have alike', () => {
    for (const { ours, recorded } of seen) {
      const common = (of: StepOutcome, other: StepOutcome) =>
        of.events.filter((event) => other.events.includes(event));
      expect(common(ours, recorded)).toEqual(common(recorded, ours));
    }
  });

  it('leave the same state after every block', () => {
    expect(stateDifferences).toEqual([]);
  });

  it('reach every error, but for those that DIFFERENCES.md gives a reason for', () => {
    const text = JSON.stringify(seen.map(({ recorded }) => recorded));
    const reached = new Set(text.match(/[a-z]\w*\.\w+/g));
    const missing = pallets
      .filter(({ name }) => COMPARED_ERRORS.includes(name))
      .flatMap(({ name, errors = [] }) =>
        errors.map((error) => `${name.slice(0, 1).toLowerCase()}${name.slice(1)}.${error}`),
      )
      .filter((error) => !reached.has(error));
    const listed = tableBelow('Errors that are not compared').flatMap(([names = '']) =>
      names.split(', '),
    );
    expect(missing.sort()).toEqual(listed.sort());
  });
});
