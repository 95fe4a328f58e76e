import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes, metrics } from './source-facts.js';

/** A source file of a package or app. */
export interface SourceFile {
  /** Such as `packages/fleet`. */
  project: string;
  file: string;
  text: string;
}

/** All sources of packages and apps but their tests. @throws Error when a folder cannot be read */
export function readSources(root: string): SourceFile[] {
  return ['packages', 'apps'].flatMap((kind) =>
    readdirSync(join(root, kind)).flatMap((name) => {
      const project = `${kind}/${name}`;
      const src = join(root, project, 'src');
      return readdirSync(src, { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.tsx?$/.test(file) && !/\.test\.|\.testdata\./.test(file))
        .sort()
        .map((file) => ({ project, file, text: readFileSync(join(src, file), 'utf8') }));
    }),
  );
}

/** The page of error codes. @throws Error that names the codes without a sentence beside them */
export function errorsPage(sources: readonly SourceFile[]): string {
  const sections: string[] = [];
  const mute: string[] = [];
  for (const { project, file, text } of sources) {
    const codes = errorCodes(file, text);
    if (codes.length === 0) continue;
    mute.push(...codes.filter((one) => one.meaning === '').map((one) => `${project}: ${one.code}`));
    sections.push(
      `## ${project.split('/')[1]}${file.includes('/') ? ` (${file.split('/').slice(0, -1).join('/')})` : ''}`,
      '',
      '| code | meaning |',
      '| --- | --- |',
      ...codes.map(({ code, meaning }) => `| \`${code}\` | ${cell(meaning)} |`),
      '',
    );
  }
  if (mute.length > 0) throw new Error(`Codes without a sentence: ${mute.join(', ')}`);
  return [
    '# Error codes',
    '',
    'Every error in a log line or an answer carries one of these codes, facts such as peer, worker or',
    'block beside it, and where something can be done about it, `remedy`. [Troubleshooting](troubleshooting.md)',
    'goes by symptom.',
    '',
    ...sections,
  ].join('\n');
}

/** The page of metrics. */
export function metricsPage(sources: readonly SourceFile[]): string {
  const rows = new Map<string, string>();
  for (const { project, file, text } of sources) {
    for (const { name, kind, help, labels } of metrics(file, text)) {
      if (!name.startsWith('runtime_bridge_')) continue;
      const shown = labels.map((label) => `\`${label}\``).join(', ');
      rows.set(name, `| \`${name}\` | ${kind} | ${shown} | ${cell(help)} | ${project} |`);
    }
  }
  return [
    '# Metrics',
    '',
    '`/metrics` of every service, in the form that Prometheus reads, on `PHALA_METRICS_PORT`. Every metric has a',
    'label `service`; those of runner and trader processes are on the page of their manager, with a label `process`.',
    'Besides these there are the usual ones of a Node process (`runtime_bridge_process_…`, `runtime_bridge_nodejs_…`).',
    '',
    '| metric | kind | labels | meaning | made by |',
    '| --- | --- | --- | --- | --- |',
    ...[...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
