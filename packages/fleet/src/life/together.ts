import { abortedError, BridgeError } from '@runtime-bridge/base';

/**
 * Runs several endless works until one fails or the signal is aborted; the others are aborted then, and waited for.
 * @throws the error of the one that failed first
 */
export async function together(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<never> {
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  let first: { error: unknown } | undefined;
  await Promise.all(
    works.map(async (work) => {
      try {
        await work(both);
      } catch (error) {
        first ??= { error };
        ending.abort();
      }
    }),
  );
  if (signal.aborted) throw abortedError(signal);
  throw BridgeError.from(first?.error ?? new Error('Endless work has ended'));
}
