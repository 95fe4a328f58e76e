import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BaseErrorCode, BridgeError, sleep, type Service } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import {
  defineCommand,
  ExitCode,
  integerSetting,
  runService,
  type ProcessHandle,
  type ServiceDescription,
} from './index.js';

const settings = {
  count: integerSetting({ env: 'PHALA_COUNT', description: 'How many', default: 3, min: 1 }),
};

/** A process of paper: what it wrote, and the exit that it was told. */
function paperProcess(argument?: string, env: Record<string, string> = {}) {
  let told: (code: number) => void;
  const exited = new Promise<number>((resolve) => (told = resolve));
  const listeners = new Map<string, (error?: unknown) => void>();
  const text = { out: '', err: '' };
  const socket = join(mkdtempSync(join(tmpdir(), 'run-')), 's.sock');
  const handle: ProcessHandle & { exitCode?: number } = {
    argv: ['node', 'main.js', ...(argument === undefined ? [] : [argument])],
    version: 'v20.0.0',
    env: { PHALA_HEALTH_SOCKET: socket, PHALA_LOG_FORMAT: 'json', ...env },
    stdout: { write: (line) => (text.out += line) },
    stderr: { write: (line) => (text.err += line) },
    exit: ((code: number) => told(code)) as ProcessHandle['exit'],
    on: (event: string, listener: (error?: unknown) => void) => listeners.set(event, listener),
  };
  return {
    handle,
    text,
    exited,
    emit: (event: string, error?: unknown) => listeners.get(event)?.(error),
  };
}

function description(
  service: Partial<Service>,
  onBuild?: ServiceDescription<typeof settings>['build'],
) {
  const whole: Service = { name: 'x', start: async () => {}, stop: async () => {}, ...service };
  return {
    name: 'trader',
    version: '1.2.3',
    description: 'A service',
    settings,
    build: onBuild ?? (() => whole),
  } satisfies ServiceDescription<typeof settings>;
}

describe('runService', () => {
  it('prints help, version and settings without starting anything', async () => {
    for (const [argument, expected] of [
      ['--help', /PHALA_COUNT[\s\S]*Default: 3/],
      ['--version', /^trader 1\.2\.3\n$/],
      ['--print-config', /PHALA_COUNT=3/],
    ] as const) {
      const paper = paperProcess(argument);
      await runService(
        paper.handle,
        description({ start: () => Promise.reject(new Error('started')) }),
      );
      expect(paper.text.out).toMatch(expected);
    }
  });

  it('ends with 78 and one line per problem for bad settings', async () => {
    const paper = paperProcess(undefined, {
      PHALA_COUNT: 'x',
      PHALA_LOGGER_LEVEL: 'y',
      PHALA_MODULE: 'lifecycle',
    });
    await runService(paper.handle, description({}));
    expect(paper.handle.exitCode).toBe(ExitCode.BAD_SETTINGS);
    const lines = paper.text.err.trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines.join()).toMatch(/PHALA_LOGGER_LEVEL.*PHALA_COUNT/s);
  });

  it('names the right image when it is told to be another service', async () => {
    const paper = paperProcess(undefined, { PHALA_MODULE: 'lifecycle' });
    await runService(paper.handle, description({}));
    expect(paper.handle.exitCode).toBe(ExitCode.BAD_SETTINGS);
    expect(paper.text.err).toContain('runtime-bridge-lifecycle');
    const own = paperProcess('--version', { PHALA_MODULE: 'trade' });
    await runService(own.handle, description({}));
    expect(own.text.err).toBe('');
  });

  it('runs until SIGTERM, tells its health meanwhile, and exits 0 after stopping', async () => {
    const paper = paperProcess();
    const events: string[] = [];
    const running = runService(
      paper.handle,
      description({}, ({ health }) => ({
        name: 'x',
        start: async () => {
          events.push('start');
          health.set('work', { ready: true, detail: 'fine' });
        },
        stop: async () => {
          events.push('stop');
        },
      })),
    );
    await sleep(50);
    const asked = paperProcess('--health', paper.handle.env as Record<string, string>);
    await runService(asked.handle, description({}));
    expect(asked.handle.exitCode).toBe(ExitCode.OK);
    expect(asked.text.out).toContain('"ready":true');
    paper.emit('SIGTERM');
    expect(await paper.exited).toBe(ExitCode.OK);
    await running;
    expect(events).toEqual(['start', 'stop']);
  });

  it('ends a start that waits when told to stop', async () => {
    const paper = paperProcess();
    let started: Promise<void> | undefined;
    const start = (signal?: AbortSignal) => (started = sleep(60_000, signal));
    void runService(paper.handle, description({ start }));
    while (started === undefined) await sleep(5);
    paper.emit('SIGINT');
    expect(await paper.exited).toBe(ExitCode.OK);
    await expect(started).rejects.toMatchObject({ code: BaseErrorCode.ABORTED });
  });

  it('says why it could not start, and stops what had begun', async () => {
    const paper = paperProcess();
    let stopped = false;
    void runService(
      paper.handle,
      description({
        start: () =>
          Promise.reject(new BridgeError('NO_DISK', 'Disk is full', { facts: { path: '/x' } })),
        stop: async () => {
          stopped = true;
        },
      }),
    );
    expect(await paper.exited).toBe(ExitCode.FAILED);
    expect(stopped).toBe(true);
    const line = JSON.parse(
      paper.text.out
        .trim()
        .split('\n')
        .find((one) => one.includes('fatal'))!,
    );
    expect(line).toMatchObject({
      level: 'fatal',
      error: { code: 'NO_DISK', facts: { path: '/x' } },
    });
  });

  it('ends with 70 after a rejection that nobody handled', async () => {
    const paper = paperProcess();
    void runService(paper.handle, description({}));
    await sleep(20);
    paper.emit('unhandledRejection', new Error('lost'));
    expect(await paper.exited).toBe(ExitCode.UNEXPECTED);
    expect(paper.text.out).toContain('lost');
  });

  it('goes on when nobody reads its log any more, and never tells a failure that telling causes', async () => {
    const paper = paperProcess();
    // As a stream with a broken pipe: every write ends in an error event, or in an uncaught exception without a listener.
    let onError: ((error: Error) => void) | undefined;
    let broken = false;
    let writes = 0;
    const handle: ProcessHandle = {
      ...paper.handle,
      stdout: {
        write: () => {
          writes += 1;
          if (!broken) return;
          if (onError) onError(new Error('EPIPE'));
          else paper.emit('uncaughtException', new Error('EPIPE'));
        },
        on: (_event, listener) => (onError = listener),
      },
    };
    void runService(handle, description({}));
    await sleep(20);
    broken = true;
    paper.emit('unhandledRejection', new Error('lost'));
    paper.emit('unhandledRejection', new Error('lost again'));
    const before = writes;
    expect(await paper.exited).toBe(ExitCode.UNEXPECTED);
    expect(onError).toBeDefined();
    // One line for the failure, one for having stopped.
    expect(writes - before).toBeLessThanOrEqual(1);
  });

  it('runs a command with its own settings, and tells its failure by exit code', async () => {
    const commands = {
      double: defineCommand({
        description: 'Doubles',
        usage: '[--loud]',
        settings,
        run: async ({ settings: { count }, args, print, progress }) => {
          progress.show('count', count, count);
          print(`${count * 2} ${args.join(' ')}`);
          return count === 9 ? 1 : 0;
        },
      }),
      fail: defineCommand({
        description: 'Fails',
        settings: {},
        run: () => Promise.reject(new BridgeError('NO', 'not today', { remedy: 'wait' })),
      }),
    };
    const run = async (argument: string, env: Record<string, string> = {}) => {
      const paper = paperProcess(argument, env);
      (paper.handle.argv as string[]).push('--loud');
      await runService(paper.handle, { ...description({}), commands });
      return { ...paper.text, code: paper.handle.exitCode };
    };
    const good = await run('double');
    expect(good).toMatchObject({ out: '6 --loud\n', code: 0 });
    expect(good.err).toContain('100 % (3 of 3');
    expect((await run('double', { PHALA_COUNT: '9' })).code).toBe(1);
    expect((await run('double', { PHALA_COUNT: 'x' })).code).toBe(ExitCode.BAD_SETTINGS);
    const bad = await run('fail');
    expect(bad.code).toBe(ExitCode.FAILED);
    expect(bad.err).toContain('wait');
    expect((await run('--help')).out).toMatch(/double \[--loud\] +Doubles/);
    expect((await run('triple')).code).toBe(ExitCode.BAD_SETTINGS);
  });
});
