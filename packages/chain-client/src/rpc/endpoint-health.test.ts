import { Watched } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import { EndpointHealth } from './endpoint-health.js';
import type { RpcEndpoint } from './endpoint.js';

describe('EndpointHealth', () => {
  it.each(['lie', 'stalled', 'failure'] as const)(
    'asks again within two minutes however often there was a %s',
    (fault) => {
      const endpoint = { url: 'ws://node', connected: new Watched(true) } as unknown as RpcEndpoint;
      const health = new EndpointHealth(endpoint, { clock: { now: () => 0 } });
      for (let count = 0; count < 20; count += 1) health.setAside(fault, 'test');
      expect(health.usable).toBe(false);
      expect(health.setAsideUntilMs).toBeLessThanOrEqual(120_000);
    },
  );
});
