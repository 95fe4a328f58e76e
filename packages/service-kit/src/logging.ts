import { Writable } from 'node:stream';
import { BridgeError, isBridgeError, type Facts, type Logger } from '@runtime-bridge/base';
import winston from 'winston';

/** From most to least urgent. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines are written. */
export interface LoggingOptions {
  level: LogLevel;
  /** `json`: one object a line, for machines; `text`: for people. */
  format: 'json' | 'text';
  /** Added to each line. */
  service: string;
}

/** Where lines go. */
export interface LoggingCollaborators {
  write: (text: string) => void;
}

/** Facts whose names say that they must never be written. */
const SECRET_NAME = /mnemonic|secret|password|passphrase|psk$|token$|sealed/i;

/** A logger on winston that writes lines through a function. */
export function createLogger(options: LoggingOptions, { write }: LoggingCollaborators): Logger {
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      write(chunk.toString());
      done();
    },
  });
  const logger = winston.createLogger({
    levels: Object.fromEntries(LOG_LEVELS.map((level, index) => [level, index])),
    level: options.level,
    format: winston.format.printf((info) =>
      options.format === 'json' ? jsonLine(info) : textLine(info),
    ),
    transports: [new winston.transports.Stream({ stream })],
  });
  return wrap(logger, { service: options.service });
}

function wrap(logger: winston.Logger, context: Facts): Logger {
  const at = (level: LogLevel) => (message: string, facts?: Facts, error?: unknown) => {
    if (!logger.isLevelEnabled(level)) return;
    logger.log({ level, message, context, facts, error, time: new Date().toISOString() });
  };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (more) => wrap(logger, { ...context, ...more }),
  };
}

type Info = winston.Logform.TransformableInfo;

function jsonLine(info: Info): string {
  return JSON.stringify({
    time: info['time'],
    level: info.level,
    message: info.message,
    ...plain(info['context'] as Facts),
    ...plain(info['facts'] as Facts | undefined),
    ...(info['error'] === undefined ? {} : { error: describe(info['error']) }),
  });
}

function textLine(info: Info): string {
  const { service, ...context } = (info['context'] ?? {}) as Facts;
  const facts = Object.entries({ ...plain(context), ...plain(info['facts'] as Facts | undefined) })
    .map(
      ([name, value]) =>
        `${name}=${typeof value === 'string' && value.includes(' ') ? JSON.stringify(value) : String(value)}`,
    )
    .join(' ');
  const head = `${String(info['time'])} ${info.level.toUpperCase().padEnd(5)} ${String(service)}: ${String(info.message)}`;
  const error = info['error'] === undefined ? '' : `\n    ${oneText(info['error'])}`;
  return `${head}${facts === '' ? '' : ` ${facts}`}${error}`;
}

function plain(facts: Facts | undefined): Record<string, string | number | boolean | null> {
  const result: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(facts ?? {})) {
    if (value === undefined) continue;
    if (SECRET_NAME.test(name)) result[name] = '***';
    else result[name] = typeof value === 'bigint' ? value.toString() : value;
  }
  return result;
}

function describe(error: unknown): object {
  const object = BridgeError.from(error).toObject();
  // A stack helps with what nobody foresaw; with errors raised on purpose it only hides the message.
  const stack = !isBridgeError(error) && error instanceof Error ? error.stack : undefined;
  return {
    ...object,
    ...(object.facts ? { facts: plain(object.facts) } : {}),
    ...(stack === undefined ? {} : { stack }),
  };
}

function oneText(error: unknown): string {
  if (!isBridgeError(error))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const facts = Object.entries(plain(error.facts))
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
  const cause = error.cause === undefined ? '' : `\n    caused by ${causeText(error.cause)}`;
  const remedy = error.remedy === undefined ? '' : `\n    ${error.remedy}`;
  return `${error.code}: ${error.message}${facts === '' ? '' : ` (${facts})`}${remedy}${cause}`;
}

function causeText(cause: unknown): string {
  return isBridgeError(cause)
    ? oneText(cause)
    : cause instanceof Error
      ? cause.message
      : String(cause);
}
