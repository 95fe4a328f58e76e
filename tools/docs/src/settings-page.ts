import { commonSettings, settingsMarkdown, type Setting } from '@runtime-bridge/service-kit';
import type { DocumentedService } from './services.js';

/** The page of all settings. */
export function settingsPage(services: readonly DocumentedService[]): string {
  return [
    '# Settings',
    '',
    'Settings are environment variables. A wrong one ends the service with exit code 78 and one line per',
    'problem; `--print-config` shows what is in force, secrets masked. A variable that takes a secret also',
    'takes the path of a file that holds it, in a variable of the same name with `_FILE` at its end.',
    '',
    '## Every service',
    '',
    settingsMarkdown(commonSettings),
    ...services.flatMap(({ title, settings, retired }) => [
      '',
      `## ${title}`,
      '',
      settingsMarkdown(settings),
      ...retiredTable(retired),
    ]),
    '',
  ].join('\n');
}

function retiredTable(retired: Readonly<Record<string, string>>): string[] {
  const rows = Object.entries(retired);
  if (rows.length === 0) return [];
  return [
    '',
    'Variables of 2022 that have no effect any more; a service that finds one says so in one line:',
    '',
    '| variable | why |',
    '| --- | --- |',
    ...rows.map(([variable, why]) => `| \`${variable}\` | ${why} |`),
  ];
}

/** A commented file of environment variables for one service: required ones open, all others commented out. */
export function envExample({ name, title, settings }: DocumentedService): string {
  const blocks = [...Object.values(settings), ...Object.values(commonSettings)].map(envBlock);
  return [
    `# ${title}: environment of the image runtime-bridge-${name}. Lines that begin with # are defaults or examples.`,
    '',
    blocks.join('\n\n'),
    '',
  ].join('\n');
}

function envBlock(setting: Setting<unknown>): string {
  const required = setting.absent === 'required';
  const note = `${required ? 'Required. ' : ''}Allowed: ${setting.allowed}.`;
  const lines = wrap(`${setting.description}. ${note}`, 100).map((line) => `# ${line}`);
  const value = setting.defaultText ?? '';
  lines.push(`${required ? '' : '#'}${setting.env}=${value}`);
  if (setting.file === true) lines.push(`#${setting.env}_FILE=`);
  return lines.join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
