import { Button, PasswordInput, SegmentedControl, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { apiPaths, type LoginRequest, type SessionInfo } from '../../../src/api/contract.js';
import { Page, Trouble } from '../components/page.js';
import { callApi } from '../live/api-client.js';

/** Asks for a token, or a user and password. What is typed is sent once and kept nowhere. */
export function LoginPage({
  info,
  onLogin,
}: {
  info: SessionInfo;
  onLogin: (info: SessionInfo) => void;
}) {
  const [way, setWay] = useState(info.ways[0] ?? 'token');
  const [user, setUser] = useState('');
  const [secret, setSecret] = useState('');
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);

  const logIn = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const body: LoginRequest = way === 'token' ? { token: secret } : { user, password: secret };
    // It leaves the page with this request, whatever comes of it.
    setSecret('');
    try {
      onLogin(await callApi<SessionInfo>(apiPaths.session, { method: 'POST', body }));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className="rb-alone">
      <div className="rb-panel rb-login">
        <Page title="Runtime Bridge" lead="Log in to see and steer the fleet.">
          <form className="rb-form" onSubmit={(event) => void logIn(event)}>
            {info.ways.length > 1 ? (
              <SegmentedControl
                aria-label="How to log in"
                value={way}
                onChange={(value) => setWay(value)}
                data={info.ways.map((value) => ({
                  value,
                  label: value === 'token' ? 'Token' : 'User and password',
                }))}
              />
            ) : null}
            {way === 'password' ? (
              <TextInput
                label="User"
                autoComplete="username"
                required
                value={user}
                onChange={(event) => setUser(event.currentTarget.value)}
              />
            ) : null}
            <PasswordInput
              label={way === 'token' ? 'Token' : 'Password'}
              description={way === 'token' ? 'What PHALA_MONITOR_TOKEN is set to.' : undefined}
              autoComplete="current-password"
              required
              value={secret}
              onChange={(event) => setSecret(event.currentTarget.value)}
            />
            {error === undefined ? null : <Trouble error={error} />}
            <Button type="submit" loading={isBusy}>
              Log in
            </Button>
          </form>
        </Page>
      </div>
    </main>
  );
}
