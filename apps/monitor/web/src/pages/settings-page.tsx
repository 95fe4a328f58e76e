import { Button, SegmentedControl, useMantineColorScheme } from '@mantine/core';
import {
  apiPaths,
  type AuditEntry,
  type AuditPage,
  type SettingsInfo,
} from '../../../src/api/contract.js';
import { Chip } from '../components/chip.js';
import { Copyable } from '../components/copyable.js';
import { Icon } from '../components/icons.js';
import { Fact, Facts, Page, Panel, Trouble } from '../components/page.js';
import { useNow } from '../components/use-now.js';
import { useModel } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { useQuery } from '../live/use-query.js';
import { formatCount, formatSpan, formatTime } from '../view/format.js';
import type { Look } from '../view/tones.js';
import { frameOf } from '../view/worker-list.js';

const AUDIT_EVERY_MS = 10_000;

/** How the page looks, who is here, what the monitor was started with, and who changed what. */
export function SettingsPage() {
  const { info, isOperator, logOut } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const settings = useQuery<SettingsInfo>(apiPaths.settings);
  const now = useNow(10_000);
  return (
    <Page title="Settings">
      <div className="rb-columns">
        <Panel title="This browser" icon="sun">
          <SegmentedControl
            aria-label="Colours"
            value={colorScheme}
            onChange={(value) => setColorScheme(value)}
            data={[
              { value: 'auto', label: 'As the system' },
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
            ]}
          />
        </Panel>
        <Panel
          title="You"
          icon="key"
          aside={
            info.user !== null && info.loginNeeded ? (
              <Button size="compact-sm" variant="default" onClick={() => void logOut()}>
                Log out
              </Button>
            ) : null
          }
        >
          {info.loginNeeded ? (
            <Facts>
              <Fact label="Name">{info.user?.name}</Fact>
              <Fact label="Role">
                {info.user?.role === 'operator'
                  ? 'operator: may change things'
                  : 'viewer: may look'}
              </Fact>
              <Fact label="Logged in until">{formatTime(info.expiresMs)}</Fact>
            </Facts>
          ) : (
            <p>
              No login is needed: everybody who reaches this page may change everything. Set{' '}
              <code>PHALA_MONITOR_TOKEN</code> before it listens on more than this host.
            </p>
          )}
        </Panel>
      </div>
      {settings.error === undefined ? null : <Trouble error={settings.error} />}
      {settings.data === undefined ? null : (
        <Panel title="The monitor" icon="settings">
          <div className="rb-stack">
            <Facts>
              <Fact label="Version">{settings.data.version}</Fact>
              <Fact label="Runs for">{formatSpan(now - settings.data.startedMs)}</Fact>
              <Fact label="Peer id of this run">
                <Copyable text={settings.data.peerId} what="peer id" />
              </Fact>
              {settings.data.links.map(({ label, url }) => (
                <Fact key={url} label="Beside it">
                  <a href={url} target="_blank" rel="noreferrer noopener">
                    {label} <Icon name="external" size={14} />
                  </a>
                </Fact>
              ))}
            </Facts>
            <div className="rb-table-room" tabIndex={0} role="group" aria-label="Settings">
              <table className="rb-table">
                <thead>
                  <tr>
                    <th scope="col">Variable</th>
                    <th scope="col">Value</th>
                    <th scope="col">What it is</th>
                  </tr>
                </thead>
                <tbody>
                  {settings.data.settings.map(({ env, value, description, isDefault }) => (
                    <tr key={env}>
                      <td>
                        <code>{env}</code>
                      </td>
                      <td className="rb-wrap">
                        <code>{value === '' ? '–' : value}</code>
                        {isDefault ? <div className="rb-dim">as at first</div> : null}
                      </td>
                      <td className="rb-dim">{description}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </div>
        </Panel>
      )}
      {isOperator ? <AuditPanel /> : null}
    </Page>
  );
}

const outcomes: Record<AuditEntry['outcome'], Look> = {
  begun: { shade: 'info', icon: 'play', word: 'begun', meaning: '', remedy: '' },
  done: { shade: 'ok', icon: 'check', word: 'done', meaning: '', remedy: '' },
  partly: { shade: 'warn', icon: 'warning', word: 'partly', meaning: '', remedy: '' },
  failed: { shade: 'bad', icon: 'errorCircle', word: 'failed', meaning: '', remedy: '' },
  refused: { shade: 'bad', icon: 'cross', word: 'refused', meaning: '', remedy: '' },
};

/** Who changed what, or tried to. */
function AuditPanel() {
  const model = useModel();
  const frame = frameOf(model);
  const page = useQuery<AuditPage>(apiPaths.audit, {
    query: { limit: 100 },
    everyMs: AUDIT_EVERY_MS,
  });
  const entries = page.data?.entries ?? [];
  return (
    <Panel title="Who changed what" icon="clock">
      {page.error === undefined ? null : <Trouble error={page.error} />}
      {entries.length === 0 ? (
        <p className="rb-dim">{page.isLoading ? 'Loading …' : 'Nothing has been changed yet.'}</p>
      ) : (
        <div className="rb-table-room" tabIndex={0} role="group" aria-label="Changes">
          <table className="rb-table">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
                <th scope="col">To</th>
                <th scope="col">Outcome</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry, index) => (
                <tr key={`${entry.timeMs}-${index}`}>
                  <td className="rb-figures">{formatTime(entry.timeMs)}</td>
                  <td>
                    {entry.user}
                    <div className="rb-dim">{entry.address}</div>
                  </td>
                  <td>
                    <code>{entry.what}</code>
                    {entry.detail === '' ? null : <div className="rb-dim">{entry.detail}</div>}
                  </td>
                  <td className="rb-wrap">
                    {entry.targets.join(', ')}
                    {entry.targetCount > entry.targets.length
                      ? ` and ${formatCount(entry.targetCount - entry.targets.length)} more`
                      : ''}
                    {entry.manager === null || model.managers.size < 2 ? null : (
                      <div className="rb-dim">
                        {frame.managerNames.get(entry.manager) ?? entry.manager}
                      </div>
                    )}
                  </td>
                  <td>
                    <Chip look={outcomes[entry.outcome]} />
                    {entry.error === null ? null : <div className="rb-text-bad">{entry.error}</div>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
