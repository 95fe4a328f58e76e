import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';

import { sleep } from '@runtime-bridge/base';
import { ProcessMetrics } from '@runtime-bridge/fleet';
import { createMetrics } from '@runtime-bridge/service-kit';
import { expect, it } from 'vitest';

import { reportMetrics, showMetrics } from './child-metrics.js';

it("shows a child's metrics on the manager's page, until the child is gone", async () => {
  const register = createMetrics({ service: 'lifecycle' });
  const processes = new ProcessMetrics({ process: 'manager' }, { register });
  const child = new EventEmitter();
  showMetrics(child as ChildProcess, processes.inlet('runner-1'));
  const { metrics, stop } = reportMetrics(
    { memoryUsage: { rss: () => 1234 }, cpuUsage: () => ({ user: 1e6, system: 5e5 }) },
    { connected: true, send: (message) => child.emit('message', structuredClone(message)) },
    5,
  );
  metrics.counter({ name: 'runtime_bridge_x_total', help: 'X', labels: ['of'] }).inc({ of: 'a' });
  processes.own.counter({ name: 'runtime_bridge_x_total', help: 'X', labels: ['of'] });
  child.emit('message', { tag: 'something else' });
  child.emit('message', null);
  await sleep(50);
  stop();
  const page = await register.expose();
  const line = (name: string) => page.split('\n').find((text) => text.startsWith(`${name}{`));
  expect(line('runtime_bridge_x_total')).toMatch(/process="runner-1".*\} 1$/);
  expect(line('runtime_bridge_child_resident_memory_bytes')).toMatch(/\} 1234$/);
  expect(line('runtime_bridge_child_cpu_seconds')).toMatch(/\} 1\.5$/);
  child.emit('exit');
  expect(await register.expose()).toMatch(/resident_memory_bytes\{.*runner-1.*\} 0/);
});
