import { useCallback, useEffect, useState } from 'react';
import { callApi, type ApiRequest } from './api-client.js';

/** What a page knows of something it asked for once, or asks for again and again. */
export interface Query<T> {
  readonly data: T | undefined;
  /** Of the last attempt; with old data beside it when an earlier one went well. */
  readonly error: unknown;
  readonly isLoading: boolean;
  /** Asks again. */
  readonly reload: () => void;
}

/**
 * Asks the API for something, and again when the path or query changes, after `everyMs`, and on `reload`. A path of
 * undefined asks nothing.
 */
export function useQuery<T>(
  path: string | undefined,
  options: { query?: ApiRequest['query']; everyMs?: number } = {},
): Query<T> {
  const { everyMs } = options;
  const queryText = JSON.stringify(options.query ?? {});
  const key = path === undefined ? undefined : `${path} ${queryText}`;
  const [turn, setTurn] = useState(0);
  const [answer, setAnswer] = useState<{ key: string; data: T | undefined; error: unknown }>();

  useEffect(() => {
    if (path === undefined || key === undefined) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const query = JSON.parse(queryText) as NonNullable<ApiRequest['query']>;
        const data = await callApi<T>(path, { query, signal: stop.signal });
        if (!stop.signal.aborted) setAnswer({ key, data, error: undefined });
      } catch (error) {
        if (stop.signal.aborted) return;
        setAnswer((last) => ({ key, data: last?.key === key ? last.data : undefined, error }));
      }
      if (everyMs !== undefined && !stop.signal.aborted) {
        timer = setTimeout(() => void ask(), everyMs);
      }
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, key, queryText, everyMs, turn]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const current = answer?.key === key ? answer : undefined;
  return {
    data: current?.data,
    error: current?.error,
    isLoading: path !== undefined && current === undefined,
    reload,
  };
}
