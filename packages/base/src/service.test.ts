import { describe, expect, it } from 'vitest';
import {
  BaseErrorCode,
  ServiceGroup,
  silentLogger,
  sleep,
  TaskGroup,
  type Logger,
  type Service,
} from './index.js';

function recording(events: string[], name: string, failing?: 'start' | 'stop'): Service {
  const step = async (what: 'start' | 'stop') => {
    events.push(`${what} ${name}`);
    if (failing === what) throw new Error(`${name} cannot ${what}`);
  };
  return { name, start: () => step('start'), stop: () => step('stop') };
}

describe('ServiceGroup', () => {
  it('starts in order and stops once in reverse order', async () => {
    const events: string[] = [];
    const group = new ServiceGroup('all', { logger: silentLogger });
    for (const name of ['a', 'b']) group.add(recording(events, name));
    await group.start();
    await Promise.all([group.stop(), group.stop()]);
    expect(events).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops what had begun when one cannot start', async () => {
    const events: string[] = [];
    const group = new ServiceGroup('all', { logger: silentLogger });
    group.add(recording(events, 'a'));
    group.add(recording(events, 'b', 'start'));
    group.add(recording(events, 'c'));
    await expect(group.start()).rejects.toThrow('b cannot start');
    await group.stop();
    expect(events).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops the others when one cannot stop, and names it', async () => {
    const events: string[] = [];
    const group = new ServiceGroup('all', { logger: silentLogger });
    group.add(recording(events, 'a'));
    group.add(recording(events, 'b', 'stop'));
    await group.start();
    await expect(group.stop()).rejects.toMatchObject({
      code: BaseErrorCode.STOP_FAILED,
      facts: { services: 'b' },
    });
    expect(events).toContain('stop a');
  });
});

describe('TaskGroup', () => {
  it('tells the error of a task once and waits for all when stopping', async () => {
    const told: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      error: (message, facts) => told.push(`${message}: ${String(facts?.['task'])}`),
    };
    const tasks = new TaskGroup({ name: 'test' }, { logger });
    let cleaned = false;
    tasks.spawn('bad', () => Promise.reject(new Error('broken')));
    tasks.spawn('long', async (signal) => {
      try {
        await sleep(60_000, signal);
      } finally {
        await sleep(2);
        cleaned = true;
      }
    });
    await sleep(1);
    await tasks.stop();
    expect(told).toEqual(['Background task failed: bad']);
    expect(cleaned).toBe(true);
    expect(tasks.size).toBe(0);
  });
});
