import { AbortScope } from '@runtime-bridge/base';

/** How far work may run ahead of its use. */
export interface OrderedOptions<R> {
  /** Pieces of work under way or finished but not used yet. */
  maxAhead: number;
  /** Bytes of results not used yet, beyond which no further work is begun. */
  maxBytesAhead: number;
  sizeOf: (result: R) => number;
}

/**
 * Runs work for each of some heights, several at once, and yields the results in order. The first failure ends it, when
 * its turn comes; work still under way then is given up by its signal.
 * @param signal given to each piece of work, which must heed it
 */
export async function* inOrder<R>(
  heights: Iterable<number>,
  work: (height: number, signal: AbortSignal) => Promise<R>,
  options: OrderedOptions<R>,
  signal: AbortSignal,
): AsyncGenerator<{ height: number; result: R }, void> {
  const scope = new AbortScope(signal);
  const ahead: { height: number; result: Promise<R> }[] = [];
  const iterator = heights[Symbol.iterator]();
  let bytesAhead = 0;
  let done = false;
  const begin = () => {
    while (!done && ahead.length < options.maxAhead && bytesAhead < options.maxBytesAhead) {
      const next = iterator.next();
      if (next.done === true) {
        done = true;
        return;
      }
      const height = next.value;
      const result = work(height, scope.signal).then((value) => {
        bytesAhead += options.sizeOf(value);
        return value;
      });
      // Its turn may never come; then nobody else looks at its failure.
      result.catch(() => {});
      ahead.push({ height, result });
    }
  };
  try {
    for (;;) {
      begin();
      const first = ahead.shift();
      if (!first) return;
      const result = await first.result;
      bytesAhead -= options.sizeOf(result);
      // The next ones are fetched while this one is used.
      begin();
      yield { height: first.height, result };
    }
  } finally {
    scope.end();
  }
}

/** The whole numbers from one to another, both included. */
export function* span(first: number, last: number): Generator<number, void> {
  for (let height = first; height <= last; height += 1) yield height;
}
