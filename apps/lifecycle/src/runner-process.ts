import type { ChildProcess } from 'node:child_process';

import {
  childLine,
  type RunnerProcess,
  type ToManager,
  type ToRunner,
} from '@runtime-bridge/fleet';

/** A forked child as a runner. */
export function runnerProcess(child: ChildProcess): RunnerProcess {
  // Told by 'exit', which follows; unheard it would end the manager.
  child.on('error', () => undefined);
  return {
    line: childLine<ToRunner, ToManager>(child),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
