/**
 * Which worker goes to which runner. Workers stay where they are; new ones go where there is most room; a runner is made
 * when none has room, and given up when it has no worker left. Pure.
 * @param current runner by worker, as it was
 * @param workers all that have to run
 * @param maxPerRunner at least 1
 * @param newRunner makes the name of another runner
 */
export function place(
  current: ReadonlyMap<string, string>,
  workers: readonly string[],
  maxPerRunner: number,
  newRunner: () => string,
): Map<string, string> {
  const placed = new Map<string, string>();
  const loads = new Map<string, number>();
  const put = (worker: string, runner: string) => {
    placed.set(worker, runner);
    loads.set(runner, (loads.get(runner) ?? 0) + 1);
  };
  const homeless: string[] = [];
  for (const worker of workers) {
    const runner = current.get(worker);
    if (runner === undefined || (loads.get(runner) ?? 0) >= maxPerRunner) homeless.push(worker);
    else put(worker, runner);
  }
  const needed = Math.ceil(workers.length / maxPerRunner);
  while (loads.size < needed) loads.set(newRunner(), 0);
  for (const worker of homeless) {
    const [runner] = [...loads].reduce((best, candidate) =>
      candidate[1] < best[1] ? candidate : best,
    );
    put(worker, runner);
  }
  return placed;
}
