import { describe, expect, it } from 'vitest';
import { alertKinds, type Alert } from '../../../src/api/contract.js';
import { isOpenAlert, sortAlerts, targetOfAlert } from './alerts.js';

const alert = (fields: Partial<Alert>): Alert => ({
  id: 'a',
  kind: 'workers-in-error',
  severity: 'critical',
  title: '',
  detail: '',
  peer: null,
  account: null,
  count: 2,
  workers: [],
  sinceMs: 0,
  endedMs: null,
  silencedUntilMs: null,
  ...fields,
});

describe('alerts', () => {
  it('are open until they end, and while nobody silenced them', () => {
    expect(isOpenAlert(alert({}), 10)).toBe(true);
    expect(isOpenAlert(alert({ endedMs: 5 }), 10)).toBe(false);
    expect(isOpenAlert(alert({ silencedUntilMs: 11 }), 10)).toBe(false);
    expect(isOpenAlert(alert({ silencedUntilMs: 10 }), 10)).toBe(true);
  });

  it('come gravest first, then oldest', () => {
    const order = sortAlerts([
      alert({ id: 'info', severity: 'info' }),
      alert({ id: 'young', sinceMs: 9 }),
      alert({ id: 'old', sinceMs: 1 }),
      alert({ id: 'warning', severity: 'warning' }),
    ]);
    expect(order.map(({ id }) => id)).toEqual(['old', 'young', 'warning', 'info']);
  });

  it('lead somewhere, to the one worker where it is one', () => {
    const worker = { manager: 'Qm', uuid: 'u' };
    expect(targetOfAlert(alert({ count: 1, workers: [worker] }))?.href).toBe('/workers/Qm/u');
    for (const kind of alertKinds) {
      const target = targetOfAlert(alert({ kind }));
      if (!kind.startsWith('peer-')) expect(target?.href).toMatch(/^\//);
    }
  });
});
