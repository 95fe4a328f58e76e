import { AlertSeverity as WireSeverity, type Walkie } from '@runtime-bridge/walkie-protocol';

import type { Alert, AlertSeverity } from '../alerts/alert.js';
import type { AlertDesk } from '../alerts/alert-desk.js';
import type { NoticeQueue } from '../alerts/notice-queue.js';

const severities: Record<AlertSeverity, WireSeverity> = {
  info: WireSeverity.SV_INFO,
  warning: WireSeverity.SV_WARNING,
  critical: WireSeverity.SV_CRITICAL,
};
const DEFAULT_PAGE = 200;
const MAX_PAGE = 5_000;

/**
 * Answers ListAlerts and TestWebhook.
 * @param collaborators desk is undefined in config mode, where nothing is watched
 */
export function serveAlerts(
  walkie: Walkie,
  {
    desk,
    webhook,
  }: {
    desk: Pick<AlertDesk, 'list'> | undefined;
    webhook: Pick<NoticeQueue, 'state' | 'test'>;
  },
): void {
  walkie.handle('ListAlerts', ({ onlyActive, limit }) => {
    const all = (desk?.list() ?? []).filter(
      ({ clearedMs }) => !onlyActive || clearedMs === undefined,
    );
    const most = Math.min(limit || DEFAULT_PAGE, MAX_PAGE);
    const { state } = webhook;
    return {
      alerts: all.slice(0, most).map(alertToWire),
      hasMore: all.length > most,
      webhook: { ...state, deliveredMs: BigInt(state.deliveredMs ?? 0) },
    };
  });
  walkie.handle('TestWebhook', (_request, { signal }) => webhook.test(signal));
}

function alertToWire({ id, kind, severity, message, remedy, about, ...times }: Alert) {
  return {
    id,
    kind,
    severity: severities[severity],
    message,
    remedy,
    firedMs: BigInt(times.firedMs),
    clearedMs: BigInt(times.clearedMs ?? 0),
    workerUuid: about.workerUuid ?? '',
    workerName: about.workerName ?? '',
    pid: BigInt(about.pid ?? 0),
    peerId: about.peerId ?? '',
  };
}
