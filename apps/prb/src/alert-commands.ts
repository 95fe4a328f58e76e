import type { Command } from 'commander';
import { AlertSeverity, type Alert } from '@runtime-bridge/walkie-protocol';
import { WebhookError } from './errors.js';
import type { Runner } from './program.js';
import type { Manager } from './session.js';
import { print, type Show } from './show.js';
import { formatTable } from './table.js';

const severities: Readonly<Record<AlertSeverity, string>> = {
  [AlertSeverity.SV_UNKNOWN]: '',
  [AlertSeverity.SV_INFO]: 'info',
  [AlertSeverity.SV_WARNING]: 'warning',
  [AlertSeverity.SV_CRITICAL]: 'critical',
};

/** `prb alerts` and `prb webhook test`. */
export function addAlertCommands(program: Command, runner: Runner): void {
  program
    .command('alerts')
    .description('list what is wrong')
    .option('--all', 'also what is over', false)
    .option('--limit <rows>', 'at most so many', '200')
    .action(({ all, limit }: { all: boolean; limit: string }) =>
      runner.withManager((manager, show) => showAlerts(show, manager, all, Number(limit) || 200)),
    );
  program
    .command('webhook')
    .description('look after the webhook of the manager')
    .command('test')
    .description('send a notice to it now')
    .action(() =>
      runner.withManager(async (manager, show) => {
        const { delivered, httpStatus, error, tookMs } = await manager.client.call(
          'TestWebhook',
          {},
          manager.options,
        );
        print(show, { delivered, httpStatus, error, tookMs }, () =>
          delivered ? [`Taken with HTTP ${httpStatus} after ${tookMs} ms`] : [],
        );
        if (!delivered) throw new WebhookError(error);
      }),
    );
}

async function showAlerts(
  show: Show,
  manager: Manager,
  all: boolean,
  limit: number,
): Promise<void> {
  const { alerts, webhook, hasMore } = await manager.client.call(
    'ListAlerts',
    { onlyActive: !all, limit },
    manager.options,
  );
  const rows = alerts.map(alertJson);
  const state = {
    configured: webhook?.configured ?? false,
    waiting: webhook?.waiting ?? 0,
    lost: webhook?.lost ?? 0,
    error: webhook?.error ?? '',
  };
  print(show, { alerts: rows, hasMore, webhook: state }, () => [
    ...(rows.length === 0 ? ['No alerts'] : []),
    ...(rows.length === 0
      ? []
      : formatTable(
          [
            { title: 'SINCE' },
            { title: 'UNTIL' },
            { title: 'SEVERITY' },
            { title: 'KIND' },
            { title: 'WHAT', maxWidth: 140 },
          ],
          rows.map(({ since, until, severity, kind, message }) => [
            since,
            until,
            severity,
            kind,
            message,
          ]),
        )),
    ...(hasMore ? ['There are more; --limit shows them'] : []),
    ...(state.error === ''
      ? []
      : [`Webhook: ${state.error}; ${state.waiting} notices wait, ${state.lost} were given up`]),
  ]);
}

const timeOf = (ms: bigint) => (ms === 0n ? '' : new Date(Number(ms)).toISOString());

const alertJson = (alert: Alert) => ({
  id: alert.id,
  kind: alert.kind,
  severity: severities[alert.severity],
  since: timeOf(alert.firedMs),
  until: timeOf(alert.clearedMs),
  message: alert.message,
  remedy: alert.remedy,
  worker: alert.workerName,
  pid: alert.pid === 0n ? '' : alert.pid.toString(),
  peerId: alert.peerId,
});
