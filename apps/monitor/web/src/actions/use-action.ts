import { useCallback, useEffect, useState } from 'react';
import {
  apiPaths,
  type ActionPreview,
  type ActionProgress,
  type ActionRequest,
} from '../../../src/api/contract.js';
import { callApi } from '../live/api-client.js';

/** While it runs, its progress is asked for so often. */
const POLL_MS = 400;

/** An action on workers from its preview to the last result. */
export interface RunningAction {
  readonly preview: ActionPreview | undefined;
  readonly progress: ActionProgress | undefined;
  readonly error: unknown;
  readonly isStarting: boolean;
  readonly start: () => Promise<void>;
  /** What has not been done yet is left out. */
  readonly stop: () => Promise<void>;
}

/** Asks for a preview of a request as soon as there is one; then starts it and follows it. */
export function useAction(request: ActionRequest | undefined): RunningAction {
  const [preview, setPreview] = useState<ActionPreview>();
  const [progress, setProgress] = useState<ActionProgress>();
  const [error, setError] = useState<unknown>();
  const [isStarting, setStarting] = useState(false);

  useEffect(() => {
    if (request === undefined) return;
    const abort = new AbortController();
    setPreview(undefined);
    setProgress(undefined);
    setError(undefined);
    callApi<ActionPreview>(apiPaths.actions, {
      method: 'POST',
      body: { ...request, preview: true },
      signal: abort.signal,
    }).then(setPreview, (failure: unknown) => {
      if (!abort.signal.aborted) setError(failure);
    });
    return () => abort.abort();
  }, [request]);

  const id = progress?.id;
  const isRunning = progress !== undefined && progress.endedMs === null;
  useEffect(() => {
    if (id === undefined || !isRunning) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let after = 0;
    const poll = async () => {
      try {
        const news = await callApi<ActionProgress>(apiPaths.action(id), {
          query: { after },
          signal: abort.signal,
        });
        if (abort.signal.aborted) return;
        const from = after;
        after += news.results.length;
        setError(undefined);
        setProgress((last) => ({
          ...news,
          results: [...(last?.results.slice(0, from) ?? []), ...news.results],
        }));
      } catch (failure) {
        if (abort.signal.aborted) return;
        setError(failure);
      }
      timer = setTimeout(() => void poll(), POLL_MS);
    };
    timer = setTimeout(() => void poll(), POLL_MS);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [id, isRunning]);

  const confirmation = preview?.confirmation ?? null;
  const start = useCallback(async () => {
    if (request === undefined) return;
    setStarting(true);
    setError(undefined);
    try {
      setProgress(
        await callApi<ActionProgress>(apiPaths.actions, {
          method: 'POST',
          body: { ...request, ...(confirmation === null ? {} : { confirmation }) },
        }),
      );
    } catch (failure) {
      setError(failure);
    } finally {
      setStarting(false);
    }
  }, [request, confirmation]);

  const stop = useCallback(async () => {
    if (id === undefined) return;
    try {
      await callApi<ActionProgress>(apiPaths.action(id), { method: 'DELETE' });
    } catch (failure) {
      setError(failure);
    }
  }, [id]);

  return { preview, progress, error, isStarting, start, stop };
}
