import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMetrics } from '@runtime-bridge/service-kit';
import { beforeAll, describe, expect, it } from 'vitest';
import { metrics } from './source-facts.js';
import { readSources } from './source-pages.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = join(root, 'docker/observability');
const read = (file: string) => readFileSync(join(folder, file), 'utf8');

/** Every word of a query that is the name of a metric of ours, patterns of names opened. */
function namesIn(text: string): string[] {
  const found = new Set<string>();
  for (const [word] of text.matchAll(/runtime_bridge_[a-z0-9_]*(\((\w+)\|(\w+)\)[a-z0-9_]*)?/g)) {
    const either = /\((\w+)\|(\w+)\)/.exec(word);
    if (!either) found.add(word);
    else for (const one of either.slice(1)) found.add(word.replace(either[0], one));
  }
  return [...found];
}

describe('what the dashboard and the alert rules ask for', () => {
  const exported = new Set<string>();

  beforeAll(async () => {
    for (const { project, file, text } of readSources(root)) {
      for (const { name, kind } of metrics(`${project}/${file}`, text)) {
        for (const chain of name.includes('{') ? ['relay', 'para'] : ['']) {
          const whole = name.replace(/\{\w+\}/, chain);
          const ends = kind === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
          for (const end of ends) exported.add(`${whole}${end}`);
        }
      }
    }
    const page = await createMetrics({ service: 'x' }).expose();
    for (const [, name] of page.matchAll(/^# TYPE (\S+) /gm)) exported.add(name!);
  });

  it.each(['alerts.yaml', 'dashboard.json'])('%s names only metrics that exist', (file) => {
    const names = namesIn(read(file));
    expect(names.length).toBeGreaterThan(8);
    expect(names.filter((name) => !exported.has(name))).toEqual([]);
  });

  it('finds a metric that does not exist', () => {
    expect(
      namesIn('rate(runtime_bridge_no_such_total[5m])').some((name) => exported.has(name)),
    ).toBe(false);
  });

  it('has a panel with a query for each purpose, ids distinct', () => {
    const { panels } = JSON.parse(read('dashboard.json')) as {
      panels: { id: number; targets: { expr: string }[] }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { targets } of panels) expect(targets.every(({ expr }) => expr !== '')).toBe(true);
  });
});
