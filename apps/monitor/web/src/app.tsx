import { Loader } from '@mantine/core';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { apiPaths, type SessionInfo } from '../../src/api/contract.js';
import { Trouble } from './components/page.js';
import { callApi, whenLoginIsNeeded } from './live/api-client.js';
import { FleetProvider } from './live/fleet-context.js';
import type { FleetLink } from './live/fleet-link.js';
import type { FleetStore } from './live/fleet-store.js';
import { SessionContext, type Session } from './live/session-context.js';
import { LoginPage } from './pages/login-page.js';
import { Shell } from './shell/shell.js';

const RETRY_MS = 3_000;

/** Asks who one is; then shows the login, or the dashboard with a link to the fleet. */
export function App({ link, store }: { link: FleetLink; store: FleetStore }) {
  const [info, setInfo] = useState<SessionInfo>();
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  const isKnown = useRef(false);
  const ask = useCallback(() => setTurn((n) => n + 1), []);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    callApi<SessionInfo>(apiPaths.session, { signal: stop.signal }).then(
      (answer) => {
        isKnown.current = true;
        setInfo(answer);
        setError(undefined);
      },
      (failure: unknown) => {
        if (stop.signal.aborted) return;
        setError(failure);
        // Once in, the link tries again by itself.
        if (!isKnown.current) timer = setTimeout(ask, RETRY_MS);
      },
    );
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [turn, ask]);

  useEffect(() => {
    whenLoginIsNeeded(ask);
    // A stream that is refused looks like one that is lost; the session says which it was.
    let attempt = 0;
    return store.subscribe(() => {
      const { link: status } = store.getView();
      const now = status.kind === 'lost' ? status.attempt : 0;
      if (status.kind === 'over' || now > attempt) ask();
      attempt = now;
    });
  }, [ask, store]);

  const isIn = info !== undefined && (!info.loginNeeded || info.user !== null);
  useEffect(() => {
    if (!isIn) return;
    link.start();
    return () => link.stop();
  }, [isIn, link]);

  const session = useMemo<Session | undefined>(
    () =>
      info === undefined
        ? undefined
        : {
            info,
            isOperator: !info.loginNeeded || info.user?.role === 'operator',
            async logOut() {
              setInfo(await callApi<SessionInfo>(apiPaths.session, { method: 'DELETE' }));
            },
          },
    [info],
  );

  if (session === undefined) {
    return (
      <main className="rb-alone">
        {error === undefined ? (
          <Loader aria-label="Loading" />
        ) : (
          <Trouble error={error} action={<p>Trying again every few seconds.</p>} />
        )}
      </main>
    );
  }
  if (!isIn) return <LoginPage info={session.info} onLogin={setInfo} />;
  return (
    <SessionContext value={session}>
      <FleetProvider store={store} link={link}>
        <Shell />
      </FleetProvider>
    </SessionContext>
  );
}
