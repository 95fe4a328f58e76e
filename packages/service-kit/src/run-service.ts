import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import {
  BaseErrorCode,
  isAbortError,
  isBridgeError,
  withTimeout,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import type { Command } from './command.js';
import { exposeDiskSpace } from './disk-space.js';
import { ExitCode, ServiceError, ServiceErrorCode } from './errors.js';
import { Health, HealthServer, readHealth } from './health.js';
import { createLogger, LOG_LEVELS } from './logging.js';
import { createMetrics, type ProcessMetrics } from './metrics.js';
import { ProgressBar } from './progress-bar.js';
import {
  choiceSetting,
  integerSetting,
  stringSetting,
  type SettingsOf,
  type SettingsSchema,
} from './setting.js';
import {
  printSettings,
  readSettings,
  settingsHelp,
  type Environment,
  type RetiredVariables,
} from './settings.js';

/** Settings that every service has. */
export const commonSettings = {
  nodeEnv: stringSetting({
    env: 'NODE_ENV',
    description: 'development makes log lines readable by people',
    default: 'production',
  }),
  module: stringSetting({
    env: 'PHALA_MODULE',
    description: 'Name of the service that this image is expected to be, checked if set',
  }),
  logLevel: choiceSetting({
    env: 'PHALA_LOGGER_LEVEL',
    description: 'Least urgent level that is logged',
    default: 'info',
    words: LOG_LEVELS,
  }),
  logFormat: choiceSetting({
    env: 'PHALA_LOG_FORMAT',
    description: 'json for machines, text for people; auto is text in development or on a terminal',
    default: 'auto',
    words: ['auto', 'json', 'text'],
  }),
  metricsPort: integerSetting({
    env: 'PHALA_METRICS_PORT',
    description: 'Port of /healthz, /readyz and /metrics; off unless set',
    max: 65_535,
  }),
  metricsHost: stringSetting({
    env: 'PHALA_METRICS_HOST',
    description: 'Address on which they listen',
    default: '0.0.0.0',
  }),
  healthSocket: stringSetting({
    env: 'PHALA_HEALTH_SOCKET',
    description:
      'Unix socket of --health; by default a name of its own in the folder for temporary files',
  }),
} satisfies SettingsSchema;

/** The modules of 2022's PHALA_MODULE and the service that is each now. */
const MODULES: Readonly<Record<string, string>> = {
  data_provider: 'data-provider',
  lifecycle: 'lifecycle',
  trade: 'trader',
  monitor: 'monitor',
};

/** The parts of Node's process that a service is run on; `main.ts` passes `process` itself. */
export interface ProcessHandle {
  readonly argv: readonly string[];
  /** Such as v20.20.2. */
  readonly version: string;
  readonly env: Environment;
  readonly stdout: ProcessOutput;
  readonly stderr: ProcessOutput;
  exitCode?: number | string | null | undefined;
  exit(code?: number): never;
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  on(
    event: 'uncaughtException' | 'unhandledRejection',
    listener: (error: unknown) => void,
  ): unknown;
}

/** One of a process's two outputs. */
export interface ProcessOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** What a service is built from. */
export interface ServiceContext<S extends SettingsSchema> {
  settings: SettingsOf<S>;
  logger: Logger;
  metrics: ProcessMetrics;
  health: Health;
}

/** A service as `main.ts` describes it. */
export interface ServiceDescription<S extends SettingsSchema> {
  /** Such as `data-provider`. */
  name: string;
  version: string;
  /** One sentence for `--help`. */
  description: string;
  settings: S;
  retired?: RetiredVariables;
  /** Folders that it writes to, whose room is shown in its metrics. */
  folders?(settings: SettingsOf<S>): readonly string[];
  /** What else the program does, by the name that is its first argument. */
  commands?: Readonly<Record<string, Command>>;
  build(context: ServiceContext<S>): Service | Promise<Service>;
}

/** Time that a service has for stopping, in milliseconds. */
export const STOP_DEADLINE_MS = 10_000;

/**
 * Runs a service as a process: reads settings, starts it, stops it on SIGTERM or SIGINT, and exits. Understands
 * --help, --version, --print-config and --health. Exit codes are those of {@link ExitCode}.
 */
export async function runService<S extends SettingsSchema>(
  handle: ProcessHandle,
  description: ServiceDescription<S>,
): Promise<void> {
  const argument = handle.argv[2];
  if (argument === '--help' || argument === '-h') {
    handle.stdout.write(help(description));
    return;
  }
  if (argument === '--version') {
    handle.stdout.write(`${description.name} ${description.version}\n`);
    return;
  }
  const command = argument === undefined ? undefined : description.commands?.[argument];
  if (command) {
    await runCommand(handle, description, argument!, command);
    return;
  }
  if (argument !== undefined && argument !== '--health' && argument !== '--print-config') {
    handle.stderr.write(`${description.name}: unknown argument ${argument}\n${usage(description)}`);
    handle.exitCode = ExitCode.BAD_SETTINGS;
    return;
  }
  const read = readAll(handle, description);
  if (read === undefined) return;
  const { common, values, warnings } = read;
  const socketPath = common.healthSocket ?? defaultSocketPath(description.name, handle.env);
  if (argument === '--print-config') {
    const text = [
      printSettings(commonSettings, common),
      printSettings(description.settings, values),
    ];
    handle.stdout.write(`${text.join('\n')}\n`);
    return;
  }
  if (argument === '--health') {
    const answer = await readHealth(socketPath);
    handle.stdout.write(
      answer === undefined ? `${description.name} does not answer\n` : `${answer.body}\n`,
    );
    handle.exitCode = answer?.ready === true ? ExitCode.OK : ExitCode.FAILED;
    return;
  }
  const development = common.nodeEnv === 'development' || handle.stdout.isTTY === true;
  const format = common.logFormat === 'auto' ? (development ? 'text' : 'json') : common.logFormat;
  const logger = createLogger(
    { level: common.logLevel, format, service: description.name },
    { write: (text) => handle.stdout.write(text) },
  );
  for (const warning of warnings) logger.warn('Setting', { detail: warning });
  await runUntilStopped(handle, description, values, {
    logger,
    socketPath,
    metricsPort: common.metricsPort,
    metricsHost: common.metricsHost,
  });
}

async function runCommand(
  handle: ProcessHandle,
  description: ServiceDescription<SettingsSchema>,
  name: string,
  command: Command,
): Promise<void> {
  const args = handle.argv.slice(3);
  if (args.includes('--help')) {
    const settings = settingsHelp(command.settings);
    handle.stdout.write(
      `${description.name} ${name} ${command.usage}\n${command.description}\n\n${settings}\n`,
    );
    return;
  }
  const { name: service, version, description: what } = description;
  const read = readAll(handle, {
    name: service,
    version,
    description: what,
    settings: command.settings,
  });
  if (read === undefined) return;
  const logger = createLogger(
    { level: read.common.logLevel, format: 'text', service: description.name },
    { write: (text) => handle.stderr.write(text) },
  );
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) handle.on(signal, () => stopping.abort());
  try {
    handle.exitCode = await command.run({
      settings: read.values,
      args,
      logger,
      progress: new ProgressBar({ sink: handle.stderr, now: () => Date.now() }),
      print: (line) => handle.stdout.write(`${line}\n`),
      signal: stopping.signal,
    });
  } catch (error) {
    handle.exitCode = ExitCode.FAILED;
    if (stopping.signal.aborted) {
      logger.warn('Stopped', { command: name });
      return;
    }
    const remedy = isBridgeError(error) ? error.remedy : undefined;
    logger.error('The command failed', { command: name, remedy }, error);
  }
}

async function runUntilStopped<S extends SettingsSchema>(
  handle: ProcessHandle,
  description: ServiceDescription<S>,
  settings: SettingsOf<S>,
  options: {
    logger: Logger;
    socketPath: string;
    metricsPort: number | undefined;
    metricsHost: string;
  },
): Promise<void> {
  const { logger } = options;
  const metrics = createMetrics({ service: description.name });
  const health = new Health();
  const starting = new AbortController();
  let end: (exitCode: number) => void = () => {};
  const ended = new Promise<number>((resolve) => (end = resolve));
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    handle.on(signal, () => {
      signals += 1;
      if (signals > 1) handle.exit(ExitCode.FAILED);
      logger.info('Stopping', { signal });
      starting.abort();
      end(ExitCode.OK);
    });
  }
  let failed = false;
  const unexpected = (error: unknown) => {
    // One is enough to end; telling of it may be what fails.
    if (failed) return;
    failed = true;
    logger.fatal('Unexpected error, the process ends', {}, error);
    starting.abort();
    end(ExitCode.UNEXPECTED);
  };
  // Work goes on when nobody reads the log any more, and telling of that would write to the same broken pipe.
  for (const output of [handle.stdout, handle.stderr]) output.on?.('error', () => {});
  handle.on('uncaughtException', unexpected);
  handle.on('unhandledRejection', unexpected);

  const healthServer = new HealthServer(
    { port: options.metricsPort, host: options.metricsHost, socketPath: options.socketPath },
    { health, metrics, logger },
  );
  let service: Service | undefined;
  const run = async () => {
    await healthServer.start();
    exposeDiskSpace(metrics, description.folders?.(settings) ?? []);
    service = await description.build({ settings, logger, metrics, health });
    logger.info('Starting', {
      version: description.version,
      node: handle.version,
      heapLimitMiB: Math.round(getHeapStatistics().heap_size_limit / 2 ** 20),
    });
    await service.start(starting.signal);
    logger.info('Started');
  };
  run().catch((error: unknown) => {
    if (starting.signal.aborted && isAbortError(error)) return;
    logger.fatal('Could not start', {}, error);
    end(exitCodeOf(error));
  });

  let exitCode = await ended;
  try {
    await withTimeout(STOP_DEADLINE_MS, `${description.name} stops`, async () => {
      await service?.stop();
      await healthServer.stop();
    });
    logger.info('Stopped');
  } catch (error) {
    exitCode ||= ExitCode.FAILED;
    const late = isBridgeError(error) && error.code === BaseErrorCode.TIMEOUT;
    const told = late
      ? new ServiceError(ServiceErrorCode.STOP_TIMEOUT, 'Something did not stop in time', {
          cause: error,
        })
      : error;
    logger.error('Stopped, but not cleanly', {}, told);
  }
  handle.exit(exitCode);
}

function readAll<S extends SettingsSchema>(
  handle: ProcessHandle,
  description: Omit<ServiceDescription<S>, 'build'>,
) {
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!isBridgeError(error) || error.code !== ServiceErrorCode.BAD_SETTINGS) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const common = attempt(() => readSettings(commonSettings, handle.env));
  const own = attempt(() => readSettings(description.settings, handle.env, description.retired));
  const wrongModule =
    common?.values.module === undefined
      ? undefined
      : moduleProblem(common.values.module, description.name);
  if (wrongModule !== undefined) problems.push(wrongModule);
  if (common === undefined || own === undefined || problems.length > 0) {
    handle.stderr.write(`${problems.join('\n')}\n`);
    handle.exitCode = ExitCode.BAD_SETTINGS;
    return undefined;
  }
  return {
    common: common.values,
    values: own.values,
    warnings: [...common.warnings, ...own.warnings],
  };
}

function moduleProblem(module: string, name: string): string | undefined {
  const expected = MODULES[module];
  if (expected === name) return undefined;
  if (expected !== undefined) {
    return `PHALA_MODULE=${module} names another service than ${name}; use the image runtime-bridge-${expected} for it`;
  }
  const own = Object.keys(MODULES).find((key) => MODULES[key] === name);
  return `PHALA_MODULE=${module} names no service of its own any more; leave it unset${own === undefined ? '' : ` or set ${own}`}`;
}

function usage({ commands = {} }: ServiceDescription<SettingsSchema>): string {
  const known = ['--help', '--version', '--print-config', '--health', ...Object.keys(commands)];
  return `Arguments: ${known.join(', ')}\n`;
}

function help(description: ServiceDescription<SettingsSchema>): string {
  return [
    `${description.name} ${description.version}: ${description.description}`,
    '',
    'Settings are environment variables.',
    '',
    settingsHelp(description.settings),
    settingsHelp(commonSettings),
    '',
    '--help           this text',
    '--version        name and version',
    '--print-config   the settings in force, secrets masked',
    '--health         asks the running service whether it is ready; exit code 0 or 1',
    ...Object.entries(description.commands ?? {}).map(
      ([name, { usage, description: what }]) => `${`${name} ${usage}`.trim().padEnd(16)} ${what}`,
    ),
    '',
  ].join('\n');
}

/** Distinct for services that run side by side on one machine, equal for a service and its --health. */
function defaultSocketPath(name: string, env: Environment): string {
  const parts = [
    env['PHALA_PEER_ID_PREFIX'],
    env['PHALA_LOCAL_DB_PATH'],
    env['PHALA_TRADER_DB_PATH'],
    env['PORT'],
  ];
  const tag = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
  return join(tmpdir(), `runtime-bridge-${name}-${tag}.sock`);
}

function exitCodeOf(error: unknown): number {
  if (!isBridgeError(error)) return ExitCode.UNEXPECTED;
  return error.code === ServiceErrorCode.BAD_SETTINGS ? ExitCode.BAD_SETTINGS : ExitCode.FAILED;
}
