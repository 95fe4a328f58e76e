import type { CallOptions, WalkieClient, WorkerStatus } from '@runtime-bridge/walkie-protocol';

/** Pages of events read to find out since when workers are in their states. */
const MAX_PAGES = 10;
const PAGE = 1_000;

/**
 * Since when workers have been in their states, by uuid, as their managers' histories say: the oldest event of the newest
 * state. Those whose events lie further back are missing.
 * @throws WalkieError NOT_FOUND where the manager keeps none
 */
export async function readStateTimes(
  client: WalkieClient,
  options: CallOptions,
): Promise<Map<string, number>> {
  const found = new Map<string, { status: WorkerStatus; sinceMs: number; isOver: boolean }>();
  let beforeMs = 0n;
  let isWhole = false;
  for (let page = 0; page < MAX_PAGES && !isWhole; page += 1) {
    const { events, hasMore } = await client.call(
      'ListWorkerEvents',
      { beforeMs, limit: PAGE },
      options,
    );
    for (const { workerUuid, status, timeMs } of events) {
      const known = found.get(workerUuid);
      if (known === undefined) {
        found.set(workerUuid, { status, sinceMs: Number(timeMs), isOver: false });
      } else if (known.status !== status) known.isOver = true;
      else if (!known.isOver) known.sinceMs = Number(timeMs);
    }
    const last = events.at(-1);
    isWhole = !hasMore || last === undefined;
    if (last !== undefined) beforeMs = last.timeMs;
  }
  return new Map(
    [...found].flatMap(([uuid, { sinceMs, isOver }]) =>
      isOver || isWhole ? [[uuid, sinceMs] as const] : [],
    ),
  );
}
