import { EventEmitter } from 'node:events';
import { serialize, deserialize } from 'node:v8';

import type { Hex } from '@runtime-bridge/base';
import type { IpcEndpoint } from '@runtime-bridge/tx-queue';
import type { HistoryQuery, TxHistory } from '@runtime-bridge/tx-sender';
import { describe, expect, it } from 'vitest';

import { TraderLine, traderLineEnd } from './trader-line.js';

/** Two ends of a channel that copies as Node's advanced serialisation does. */
function pair(): [IpcEndpoint, IpcEndpoint] {
  const [a, b] = [new EventEmitter(), new EventEmitter()];
  const end = (own: EventEmitter, other: EventEmitter): IpcEndpoint =>
    Object.assign(own, {
      send: (message: unknown) => {
        const copy: unknown = deserialize(serialize(message));
        return setImmediate(() => other.emit('message', copy)) !== undefined;
      },
    });
  return [end(a, b), end(b, a)];
}

const history = { open: [], ended: [{ hash: '0x01', fee: 7n }], next: 3 } as unknown as TxHistory;

describe('the line between manager and trader', () => {
  it('carries a history whole, among other messages', async () => {
    const [parent, child] = pair();
    const asked: HistoryQuery[] = [];
    const fees = new Map<Hex, bigint>([['0xaa', 5n]]);
    const sender = {
      fees,
      history: (query: HistoryQuery = {}) => {
        asked.push(query);
        return Promise.resolve(history);
      },
    };
    await traderLineEnd(child, sender).start();
    const line = new TraderLine();
    line.attach(parent);
    child.send?.({ tag: 'other', kind: 'answer', call: 1 });
    child.send?.(null);
    parent.send?.('text');
    expect(await line.history({ limit: 5, before: 9 })).toEqual(history);
    expect(asked).toEqual([{ limit: 5, before: 9 }]);
    expect(await line.fees()).toEqual(fees);
  });

  it('carries a refusal', async () => {
    const [parent, child] = pair();
    await traderLineEnd(child, {
      fees: new Map(),
      history: () => Promise.reject(new Error('oops')),
    }).start();
    const line = new TraderLine();
    line.attach(parent);
    await expect(line.history({})).rejects.toMatchObject({ message: 'oops' });
  });

  it('says so when there is no trader, or no longer', async () => {
    const [parent] = pair();
    const line = new TraderLine();
    await expect(line.history({})).rejects.toMatchObject({ code: 'TRADER_AWAY' });
    await expect(line.fees()).rejects.toMatchObject({ code: 'TRADER_AWAY' });
    const detach = line.attach(parent);
    const asked = line.history({});
    const caller = new AbortController();
    const given = line.history({}, caller.signal);
    caller.abort();
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
    detach();
    await expect(asked).rejects.toMatchObject({ code: 'TRADER_AWAY' });
    await expect(line.history({})).rejects.toMatchObject({ code: 'TRADER_AWAY' });
  });
});
