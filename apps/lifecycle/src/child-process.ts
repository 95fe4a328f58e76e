import {
  commonSettings,
  createLogger,
  readSettings,
  type Environment,
} from '@runtime-bridge/service-kit';
import type { Logger, MetricsRegister } from '@runtime-bridge/base';

import { reportMetrics } from './child-metrics.js';

/** The parts of Node's process that a child of the manager is run on; `*-main.ts` pass `process` itself. */
export interface ChildHandle {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly memoryUsage: { rss(): number };
  cpuUsage(): { user: number; system: number };
  exit(code?: number): never;
  on(event: 'SIGTERM' | 'SIGINT' | 'disconnect', listener: () => void): unknown;
  on(
    event: 'uncaughtException' | 'unhandledRejection',
    listener: (error: unknown) => void,
  ): unknown;
}

/** A child's `process` as the end of a line to its parent. */
export interface ParentEnd {
  readonly connected: boolean;
  send(message: unknown, callback?: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect' | 'exit', listener: () => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'disconnect' | 'exit', listener: () => void): unknown;
}

/** Makes the end of the line of `process`, whose own type leaves out that `send` takes a callback second. */
export function parentEnd(child: {
  readonly connected: boolean;
  send?: (
    message: unknown,
    handle?: undefined,
    options?: undefined,
    callback?: (error: Error | null) => void,
  ) => boolean;
  on(event: string, listener: (message: unknown) => void): unknown;
  off(event: string, listener: (message: unknown) => void): unknown;
}): ParentEnd {
  return {
    get connected() {
      return child.connected;
    },
    send: (message, callback) => child.send?.(message, undefined, undefined, callback) ?? false,
    on: (event: string, listener: (message: unknown) => void) => child.on(event, listener),
    off: (event: string, listener: (message: unknown) => void) => child.off(event, listener),
  };
}

/** Time that a child has for stopping once the manager is gone, in milliseconds. */
const STOP_DEADLINE_MS = 5_000;
const EXIT_UNEXPECTED = 70;

/**
 * Runs a child of the manager: it lives as long as its line to the manager, logs as the manager does, and leaves signals
 * to the manager (a terminal sends them to both).
 */
export function runChild(
  handle: ChildHandle,
  parent: ParentEnd,
  run: (context: { logger: Logger; metrics: MetricsRegister; name: string }) => {
    stop: () => Promise<void>;
  },
): void {
  const { values } = readSettings(commonSettings, handle.env);
  const development = values.nodeEnv === 'development' || handle.stdout.isTTY === true;
  const format = values.logFormat === 'auto' ? (development ? 'text' : 'json') : values.logFormat;
  const name = handle.argv[2] ?? 'child';
  const logger = createLogger(
    { level: values.logLevel, format, service: 'lifecycle' },
    { write: (text) => handle.stdout.write(text) },
  ).child({ process: name });
  handle.on('SIGTERM', () => undefined);
  handle.on('SIGINT', () => undefined);
  const unexpected = (error: unknown) => {
    logger.fatal('Unexpected error, the process ends', {}, error);
    handle.exit(EXIT_UNEXPECTED);
  };
  handle.on('uncaughtException', unexpected);
  handle.on('unhandledRejection', unexpected);
  const { metrics, stop } = reportMetrics(handle, parent);
  const child = run({ logger, metrics, name });
  handle.on('disconnect', () => {
    stop();
    setTimeout(() => handle.exit(1), STOP_DEADLINE_MS).unref();
    child.stop().then(
      () => handle.exit(0),
      (error: unknown) => {
        logger.error('Stopped, but not cleanly', {}, error);
        handle.exit(1);
      },
    );
  });
}
