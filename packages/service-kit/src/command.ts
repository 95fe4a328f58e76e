import type { Logger } from '@runtime-bridge/base';
import type { ProgressBar } from './progress-bar.js';
import type { SettingsOf, SettingsSchema } from './setting.js';

/** What a command works with. */
export interface CommandContext<S extends SettingsSchema> {
  settings: SettingsOf<S>;
  /** Words behind the command's name. */
  args: readonly string[];
  logger: Logger;
  progress: ProgressBar;
  /** Results, for people and pipes; logs and progress go to stderr. */
  print: (line: string) => void;
  /** Ends on SIGTERM or SIGINT. */
  signal: AbortSignal;
}

/** Something a service's program does instead of serving. */
export interface Command {
  /** One sentence for `--help`. */
  readonly description: string;
  /** What comes behind its name, for `--help`. */
  readonly usage: string;
  readonly settings: SettingsSchema;
  /** @returns exit code */
  run(context: CommandContext<SettingsSchema>): Promise<number>;
}

/** Makes a command; its settings are read as those of a service are, but only these. */
export function defineCommand<S extends SettingsSchema>(command: {
  description: string;
  usage?: string;
  settings: S;
  run: (context: CommandContext<S>) => Promise<number>;
}): Command {
  return {
    description: command.description,
    usage: command.usage ?? '',
    settings: command.settings,
    run: (context) => command.run(context as unknown as CommandContext<S>),
  };
}
