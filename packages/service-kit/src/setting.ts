/** What every setting says of itself. */
export interface SettingText {
  /** The environment variable. */
  env: string;
  /** What it is for, one sentence. */
  description: string;
  /** Older or mistaken names that are accepted too. */
  aliases?: readonly string[];
  /** Never printed. */
  secret?: boolean;
  /** Whether `<env>_FILE` may name a file that holds the value. */
  file?: boolean;
}

/** One setting: how a text becomes a value. */
export interface Setting<T> extends SettingText {
  /** What values are allowed, for the help table and for errors. */
  allowed: string;
  /** The default as it would be written, undefined when there is none. */
  defaultText: string | undefined;
  /** The value when the variable is not set. */
  absent: { value: T } | 'required';
  /** @throws Error whose message says what is wrong with the text */
  parse(text: string): T;
  /** Whether this text means "the default", as 0 did in 2022 where it makes no sense. */
  meansDefault(text: string): boolean;
}

/** A group of settings by the name that code uses. */
export type SettingsSchema = Readonly<Record<string, Setting<unknown>>>;

/** The values of a schema. */
export type SettingsOf<S extends SettingsSchema> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

type With<T> = SettingText & { default: T };
type Optional<T> = SettingText & { default?: T };

interface Kind<T> {
  allowed: string;
  parse: (text: string) => T;
  show?: (value: T) => string;
  meansDefault?: (text: string) => boolean;
}

function make<T>(
  text: Optional<T> | With<T>,
  kind: Kind<T>,
  required: boolean,
): Setting<T | undefined> {
  const show = kind.show ?? String;
  return {
    env: text.env,
    description: text.description,
    ...(text.aliases ? { aliases: text.aliases } : {}),
    ...(text.secret ? { secret: true } : {}),
    ...(text.file ? { file: true } : {}),
    allowed: kind.allowed,
    defaultText: text.default === undefined ? undefined : show(text.default),
    absent: required ? 'required' : { value: text.default },
    parse: kind.parse,
    meansDefault: kind.meansDefault ?? (() => false),
  };
}

/** Any text. */
export function stringSetting(text: With<string>): Setting<string>;
export function stringSetting(text: SettingText & { required: true }): Setting<string>;
export function stringSetting(text: SettingText): Setting<string | undefined>;
export function stringSetting(
  text: Optional<string> & { required?: true },
): Setting<string | undefined> {
  return make<string>(text, { allowed: 'text', parse: (value) => value }, text.required === true);
}

/** Bounds of a number. */
interface IntegerBounds {
  min?: number;
  max?: number;
  /** Such as `ms`, `MiB`, `blocks`. */
  unit?: string;
}

/** A whole number. A 0 below the minimum means the default, with a warning, as it did in 2022. */
export function integerSetting(text: With<number> & IntegerBounds): Setting<number>;
export function integerSetting(text: SettingText & IntegerBounds): Setting<number | undefined>;
export function integerSetting(
  text: Optional<number> & IntegerBounds,
): Setting<number | undefined> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, unit } = text;
  const bounds = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`;
  return make<number>(
    text,
    {
      allowed: `whole number, ${bounds}${unit === undefined ? '' : `, ${unit}`}`,
      parse: (value) => {
        const number = Number(value);
        if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number)) {
          throw new Error('is not a whole number');
        }
        if (number < min || number > max) throw new Error('is out of bounds');
        return number;
      },
      meansDefault: (value) => min > 0 && /^0+$/.test(value),
    },
    false,
  );
}

/** `true` or `false`. */
export function booleanSetting(text: With<boolean>): Setting<boolean> {
  return make<boolean>(
    text,
    {
      allowed: 'true or false',
      parse: (value) => {
        if (value !== 'true' && value !== 'false') throw new Error('is neither true nor false');
        return value === 'true';
      },
    },
    false,
  ) as Setting<boolean>;
}

/** One of a few words. */
export function choiceSetting<const W extends string>(
  text: SettingText & { default: W; words: readonly W[] },
): Setting<W> {
  return make<W>(
    text,
    {
      allowed: text.words.join(', '),
      parse: (value) => {
        const word = text.words.find((candidate) => candidate === value);
        if (word === undefined) throw new Error('is none of these words');
        return word;
      },
    },
    false,
  ) as Setting<W>;
}

/** Items separated by commas; blanks around items and empty items are dropped. */
export function listSetting(
  text: With<readonly string[]> & { allowed?: string; check?: (item: string) => void },
): Setting<readonly string[]> {
  return make<readonly string[]>(
    text,
    {
      allowed: text.allowed ?? 'texts separated by commas',
      show: (items) => items.join(','),
      parse: (value) => splitList(value, text.check),
    },
    false,
  ) as Setting<readonly string[]>;
}

/** URLs of some schemes separated by commas, at least one. */
export function urlListSetting(
  text: SettingText & { schemes: readonly string[]; required: true },
): Setting<readonly string[]>;
export function urlListSetting(
  text: Optional<readonly string[]> & { schemes: readonly string[] },
): Setting<readonly string[] | undefined>;
export function urlListSetting(
  text: Optional<readonly string[]> & { schemes: readonly string[]; required?: true },
): Setting<readonly string[] | undefined> {
  return make<readonly string[]>(
    text,
    {
      allowed: `URLs (${text.schemes.map((scheme) => `${scheme}://`).join(', ')}) separated by commas`,
      show: (items) => items.join(','),
      parse: (value) => {
        const items = splitList(value, (item) => checkUrl(item, text.schemes));
        if (items.length === 0) throw new Error('is empty');
        return items;
      },
    },
    text.required === true,
  );
}

function splitList(value: string, check?: (item: string) => void): string[] {
  const items = value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  for (const item of items) check?.(item);
  return items;
}

function checkUrl(text: string, schemes: readonly string[]): void {
  if (!URL.canParse(text)) throw new Error(`has an entry that is no URL: ${withoutPassword(text)}`);
  const { protocol } = new URL(text);
  if (!schemes.includes(protocol.slice(0, -1))) {
    throw new Error(`has an entry of another scheme: ${withoutPassword(text)}`);
  }
}

/** A URL-like text whose user and password, if any, are masked. */
export function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, '//***@');
}
