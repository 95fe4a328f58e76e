import { createAccessPolicy, OrderKind } from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork } from '@runtime-bridge/walkie-protocol/testing';
import { describe, expect, it } from 'vitest';

import type { OrderDesk } from '../orders/order-desk.js';
import { serveOrders } from './order-handlers.js';

const effect = {
  uuid: 'u1',
  name: 'w1',
  poolId: 7n,
  sessionState: 'WorkerIdle',
  stake: 5n,
  cooledDownMs: undefined,
  possible: true,
  text: 'Stops.',
};

async function network(desk: Pick<OrderDesk, 'request' | 'list'> | undefined) {
  const memory = new MemoryNetwork();
  const manager = memory.node({ access: createAccessPolicy({ hostAddresses: () => [] }) });
  serveOrders(manager, { desk });
  const here = memory.node();
  const stranger = memory.node({ address: '/ip4/203.0.113.7/tcp/1' });
  for (const node of [manager, here, stranger]) await node.start();
  return {
    client: here.client(manager.peerId),
    stranger: stranger.client(manager.peerId),
    stop: async () => {
      for (const node of [stranger, here, manager]) await node.stop();
    },
  };
}

describe('orders over Walkie', () => {
  it('ask and confirm each of them, for those who may change things', async () => {
    const asked: unknown[][] = [];
    const { client, stranger, stop } = await network({
      request: async (...args) => {
        asked.push(args);
        return { accepted: false, confirmation: 'c', effects: [effect] };
      },
      list: () => [
        {
          uuid: 'u1',
          kind: 'drain',
          sinceMs: 12,
          publicKey: '0x01',
          done: true,
          text: 'Drained.',
          cooledDownMs: 99,
        },
      ],
    });
    for (const [method, action] of [
      ['StopWorker', 'stop'],
      ['DrainWorker', 'drain'],
      ['ReclaimWorker', 'reclaim'],
      ['ResumeWorker', 'resume'],
    ] as const) {
      const answer = await client.call(method, { ids: ['u1'], confirmation: 'x' });
      expect(answer).toMatchObject({
        accepted: false,
        confirmation: 'c',
        effects: [{ workerUuid: 'u1', pid: 7n, stake: '5', cooledDownMs: 0n, possible: true }],
      });
      expect(asked.at(-1)).toEqual([action, ['u1'], 'x']);
      await expect(stranger.call(method, { ids: ['u1'] })).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
      });
    }
    expect(asked).toHaveLength(4);
    expect((await stranger.call('ListStandingOrders', {})).orders).toMatchObject([
      { workerUuid: 'u1', kind: OrderKind.OK_DRAIN, sinceMs: 12n, done: true, cooledDownMs: 99n },
    ]);
    await stop();
  });

  it('are refused in config mode', async () => {
    const { client, stop } = await network(undefined);
    await expect(client.call('StopWorker', { ids: ['u1'] })).rejects.toThrow('config mode');
    expect((await client.call('ListStandingOrders', {})).orders).toEqual([]);
    await stop();
  });
});
