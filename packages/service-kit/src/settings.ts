import { readFileSync } from 'node:fs';
import { ExitCode, ServiceError, ServiceErrorCode } from './errors.js';
import { withoutPassword, type Setting, type SettingsOf, type SettingsSchema } from './setting.js';

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What came of reading the environment. */
export interface ReadSettings<S extends SettingsSchema> {
  values: SettingsOf<S>;
  /** One line each, to be logged at start. */
  warnings: string[];
}

/** Variables of earlier versions that are understood but have no effect, and why not. */
export type RetiredVariables = Readonly<Record<string, string>>;

/**
 * Reads a schema's settings from environment variables. An empty variable counts as not set.
 * @throws ServiceError BAD_SETTINGS that lists every problem, one line each
 */
export function readSettings<S extends SettingsSchema>(
  schema: S,
  env: Environment,
  retired: RetiredVariables = {},
): ReadSettings<S> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [name, setting] of Object.entries(schema)) {
    try {
      values[name] = readOne(setting, env, warnings);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  for (const [variable, why] of Object.entries(retired)) {
    if (isSet(env[variable])) warnings.push(`${variable} has no effect: ${why}`);
  }
  if (problems.length > 0) {
    throw new ServiceError(ServiceErrorCode.BAD_SETTINGS, problems.join('\n'), {
      facts: { exitCode: ExitCode.BAD_SETTINGS, problems: problems.length },
      remedy: 'Set these environment variables as told, --help lists all of them',
    });
  }
  return { values: values as SettingsOf<S>, warnings };
}

function readOne(setting: Setting<unknown>, env: Environment, warnings: string[]): unknown {
  const found = findText(setting, env);
  if (found === undefined) {
    if (setting.absent === 'required') {
      throw new Error(`${setting.env} is not set: ${setting.description} (${setting.allowed})`);
    }
    return setting.absent.value;
  }
  const { text, variable } = found;
  if (setting.meansDefault(text)) {
    warnings.push(`${variable}=${text} makes no sense, using ${setting.defaultText ?? 'nothing'}`);
    return setting.absent === 'required' ? undefined : setting.absent.value;
  }
  try {
    return setting.parse(text);
  } catch (error) {
    const shown = setting.secret === true ? '(secret)' : withoutPassword(text);
    throw new Error(
      `${variable}=${shown} ${(error as Error).message}; allowed: ${setting.allowed}`,
      { cause: error },
    );
  }
}

function findText(
  setting: Setting<unknown>,
  env: Environment,
): { text: string; variable: string } | undefined {
  for (const variable of [setting.env, ...(setting.aliases ?? [])]) {
    const text = env[variable];
    if (isSet(text)) return { text: text.trim(), variable };
    const path = setting.file === true ? env[`${variable}_FILE`] : undefined;
    if (isSet(path)) return { text: readSecret(`${variable}_FILE`, path), variable };
  }
  return undefined;
}

function readSecret(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Error(`${variable}=${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

/** The settings as a table for `--help`. */
export function settingsHelp(schema: SettingsSchema): string {
  const rows = Object.values(schema).map((setting) => ({
    head: [setting.env, ...(setting.aliases ?? [])].join(', '),
    body: [
      setting.description,
      `${setting.absent === 'required' ? 'Required. ' : ''}Allowed: ${setting.allowed}.` +
        (setting.defaultText === undefined ? '' : ` Default: ${setting.defaultText || '(empty)'}.`),
      ...(setting.file === true ? [`${setting.env}_FILE may name a file that holds it.`] : []),
    ],
  }));
  return rows
    .map(({ head, body }) => [head, ...body.map((line) => `    ${line}`)].join('\n'))
    .join('\n');
}

/** The settings as rows of a Markdown table for the documentation. */
export function settingsMarkdown(schema: SettingsSchema): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = Object.values(schema).map(
    (setting) =>
      `| \`${[setting.env, ...(setting.aliases ?? [])].join('`, `')}\` | ${cell(setting.description)} | ${cell(setting.allowed)} | ${
        setting.absent === 'required' ? 'required' : cell(setting.defaultText ?? '')
      } |`,
  );
  return ['| variable | what for | allowed | default |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

/** The values in force, one `VARIABLE=value` a line, secrets masked. */
export function printSettings<S extends SettingsSchema>(schema: S, values: SettingsOf<S>): string {
  return Object.entries(schema)
    .map(([name, setting]) => {
      const text = showValue(values[name]);
      return `${setting.env}=${setting.secret === true && text !== '' ? '***' : withoutPassword(text)}`;
    })
    .join('\n');
}

function showValue(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(',');
  // JSON has no bigint, as amounts are.
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}
