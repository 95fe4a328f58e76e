import { Button, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import {
  apiPaths,
  type Alert,
  type AlertPage,
  type ManagerAlertPage,
  type ManagerRow,
  type SilenceRequest,
  type WebhookTestResult,
} from '../../../src/api/contract.js';
import { AlertList } from '../components/alert-list.js';
import { Icon } from '../components/icons.js';
import { Fact, Facts, Note, Page, Panel, Trouble } from '../components/page.js';
import { useNow } from '../components/use-now.js';
import { callApi, describeError } from '../live/api-client.js';
import { useModel } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { useQuery } from '../live/use-query.js';
import { isOpenAlert, sortAlerts } from '../view/alerts.js';
import { countOf, formatAgo, formatSpan, formatTime } from '../view/format.js';
import { nameOfPeer } from '../view/worker-list.js';

const HISTORY_EVERY_MS = 15_000;
const silences = { '1 hour': 3_600_000, '8 hours': 28_800_000, '3 days': 259_200_000 };

/** What is wrong, what is silenced, what was; and what managers tell by webhook. */
export function AlertsPage() {
  const model = useModel();
  const now = useNow(5_000);
  const { isOperator } = useSession();
  const lasting = sortAlerts(model.alerts.values());
  const open = lasting.filter((alert) => isOpenAlert(alert, now));
  const silenced = lasting.filter((alert) => !isOpenAlert(alert, now));
  const history = useQuery<AlertPage>(apiPaths.alerts, {
    query: { limit: 100 },
    everyMs: HISTORY_EVERY_MS,
  });
  const past = (history.data?.alerts ?? []).filter(({ endedMs }) => endedMs !== null);
  const managers = [...model.managers.values()];
  return (
    <Page
      title="Alerts"
      lead={
        open.length === 0 ? 'Nothing needs attention.' : `${countOf(open.length, 'alert')} open`
      }
    >
      {open.length === 0 ? (
        <div className="rb-well">
          <Icon name="checkCircle" size={22} />
          <strong>Nothing needs attention.</strong>
        </div>
      ) : (
        <AlertList
          alerts={open}
          {...(isOperator ? { actionOf: (alert) => <SilenceMenu alert={alert} /> } : {})}
        />
      )}
      {silenced.length === 0 ? null : (
        <Panel title="Silenced" icon="bell">
          <AlertList
            alerts={silenced}
            {...(isOperator ? { actionOf: (alert) => <SilenceMenu alert={alert} /> } : {})}
          />
        </Panel>
      )}
      <Panel title="What was" icon="clock">
        {history.error === undefined ? null : <Trouble error={history.error} />}
        {past.length === 0 ? (
          <p className="rb-dim">
            {history.isLoading ? 'Loading …' : 'Nothing since this monitor began to watch.'}
          </p>
        ) : (
          <AlertList alerts={past} />
        )}
      </Panel>
      {managers
        .filter(({ features }) => features?.includes('alerts') === true)
        .map((manager) => (
          <WebhookPanel
            key={manager.peerId}
            manager={manager}
            name={nameOfPeer(manager, managers)}
            isOperator={isOperator}
          />
        ))}
    </Page>
  );
}

function SilenceMenu({ alert }: { alert: Alert }) {
  const now = useNow(10_000);
  const isSilenced = !isOpenAlert(alert, now);
  const silence = async (untilMs: number | null) => {
    try {
      const body: SilenceRequest = { untilMs };
      await callApi<Alert>(apiPaths.alertSilence(alert.id), { method: 'POST', body });
    } catch (error) {
      notifications.show({ color: 'red', message: describeError(error).title });
    }
  };
  if (isSilenced) {
    return (
      <Button size="compact-sm" variant="default" onClick={() => void silence(null)}>
        Lift
      </Button>
    );
  }
  return (
    <Menu>
      <Menu.Target>
        <Button size="compact-sm" variant="subtle">
          Silence
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(silences).map(([label, ms]) => (
          <Menu.Item key={label} onClick={() => void silence(Date.now() + ms)}>
            For {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** What one manager reports to the outside by itself, and whether that gets there. */
function WebhookPanel({
  manager,
  name,
  isOperator,
}: {
  manager: ManagerRow;
  name: string;
  isOperator: boolean;
}) {
  const now = useNow(5_000);
  const [result, setResult] = useState<WebhookTestResult>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const page = useQuery<ManagerAlertPage>(apiPaths.managerAlerts(manager.peerId), {
    query: { limit: 50 },
    everyMs: HISTORY_EVERY_MS,
  });
  const test = async () => {
    setBusy(true);
    setError(undefined);
    setResult(undefined);
    try {
      setResult(
        await callApi<WebhookTestResult>(apiPaths.webhookTest(manager.peerId), { method: 'POST' }),
      );
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const webhook = page.data?.webhook;
  return (
    <Panel
      title={`Webhook of ${name}`}
      icon="external"
      aside={
        isOperator && webhook?.isConfigured === true ? (
          <Button size="compact-sm" variant="default" loading={isBusy} onClick={() => void test()}>
            Send a test
          </Button>
        ) : null
      }
    >
      <div className="rb-stack">
        {page.error === undefined ? null : <Trouble error={page.error} />}
        {webhook === undefined ? null : webhook.isConfigured ? (
          <Facts>
            <Fact label="Last delivered">{formatAgo(webhook.deliveredMs, now)}</Fact>
            <Fact label="Waiting">{webhook.waiting}</Fact>
            <Fact label="Lost">{webhook.lost}</Fact>
            {webhook.error === null ? null : <Fact label="Last failure">{webhook.error}</Fact>}
          </Facts>
        ) : (
          <p className="rb-dim">
            No webhook is set up at this manager: it tells its incidents here only.
          </p>
        )}
        {result === undefined ? null : (
          <Note
            shade={result.isDelivered ? 'ok' : 'bad'}
            icon={result.isDelivered ? 'checkCircle' : 'errorCircle'}
          >
            {result.isDelivered
              ? `The test was delivered in ${result.tookMs} ms.`
              : `The test was not delivered: ${result.error ?? `status ${result.httpStatus}`}.`}
          </Note>
        )}
        {error === undefined ? null : <Trouble error={error} />}
        {page.data === undefined || page.data.alerts.length === 0 ? null : (
          <div
            className="rb-table-room"
            tabIndex={0}
            role="group"
            aria-label={`Incidents of ${name}`}
          >
            <table className="rb-table">
              <thead>
                <tr>
                  <th scope="col">Incident</th>
                  <th scope="col">Began</th>
                  <th scope="col">Lasted</th>
                </tr>
              </thead>
              <tbody>
                {page.data.alerts.map((incident) => (
                  <tr key={incident.id}>
                    <td>
                      {incident.message}
                      {incident.workerName === null ? '' : ` (${incident.workerName})`}
                      <div className="rb-dim">{incident.remedy}</div>
                    </td>
                    <td>{formatTime(incident.firedMs)}</td>
                    <td>
                      {incident.clearedMs === null
                        ? 'lasts'
                        : formatSpan(incident.clearedMs - incident.firedMs)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </Panel>
  );
}
