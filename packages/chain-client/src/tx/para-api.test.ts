import { silentLogger, silentMetrics, sleep, type Clock, type Hex } from '@runtime-bridge/base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import { ownMetadata } from './metadata.test.kit.js';
import { ParaApi } from './para-api.js';
import { headerJson, headOf, ScriptedNode, until } from './scripted-node.test.kit.js';

/** A clock by which heads are asked for often, and that can be put forward. */
class HurriedClock implements Clock {
  aheadMs = 0;
  now = () => Date.now() + this.aheadMs;
  sleep = (ms: number, signal?: AbortSignal) => sleep(Math.min(ms, 20), signal);
}

const parent: Hex = `0x${'22'.repeat(32)}`;

describe('ParaApi', () => {
  let nodes: ScriptedNode[];
  let para: ParaApi;
  let metadata: Hex;
  let clock: HurriedClock;

  beforeEach(() => {
    clock = new HurriedClock();
    metadata = ownMetadata();
    nodes = ['ws://one', 'ws://two'].map((url) => new ScriptedNode(url, () => metadata));
    para = new ParaApi(
      { endpoints: nodes.map((node) => node.url) },
      {
        logger: silentLogger,
        metrics: silentMetrics,
        clock,
        openEndpoint: ({ url }) => nodes.find((node) => node.url === url)!,
      },
    );
  });
  afterEach(() => para.stop());

  const subscribed = (node: ScriptedNode, method: string) =>
    [...node.subscribers].some((subscriber) => subscriber.method === method);

  async function started(): Promise<void> {
    const start = para.start();
    await until(() => nodes.some((node) => subscribed(node, 'chain_subscribeFinalizedHeads')));
    for (const node of nodes) node.notify('chain_subscribeFinalizedHeads', headerJson(5, parent));
    await start;
  }

  it('starts, and does not warn of the extension that adds no bytes', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await started();
    expect(warn.mock.calls.flat().join(' ')).not.toContain('CheckMqSequence');
    expect(para.runtimeVersion.value).toEqual({
      specName: 'own',
      specVersion: 1,
      transactionVersion: 3,
    });
    expect(para.finalizedHead.value).toEqual(headOf(5, parent));
    expect(para.supportsRegisterWorkerV2()).toBe(true);
    expect(para.ss58Prefix).toBe(30);
    warn.mockRestore();
  });

  it('is not ready before that, and says so', () => {
    expect(() => para.api).toThrow(expect.objectContaining({ code: 'NOT_READY' }));
  });

  it('waits for a node that is not there yet', async () => {
    for (const node of nodes) node.isThere = false;
    const start = started();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(para.connected.value).toBe(false);
    nodes[1]!.connected.set(true);
    await start;
    expect(para.connected.value).toBe(true);
  });

  it('gives up waiting by the signal', async () => {
    for (const node of nodes) node.isThere = false;
    await expect(para.start(AbortSignal.timeout(30))).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('goes to the next node, and follows the heads there', async () => {
    await started();
    nodes[0]!.drop();
    await until(() => subscribed(nodes[1]!, 'chain_subscribeNewHeads'));
    expect(para.connected.value).toBe(true);
    nodes[1]!.notify('chain_subscribeNewHeads', headerJson(9, parent));
    expect(para.bestHead.value).toEqual(headOf(9, parent));
    await para.call('system_chain', []);
    expect(nodes[1]!.calls.at(-1)?.method).toBe('system_chain');
  });

  /** What the first node can do for which it is left although it is connected. */
  const faults: Record<string, () => void> = {
    'lies about its head': () => {
      nodes[0]!.handlers['chain_getHeader'] = () => headerJson(6, parent);
    },
    'does not tell its head in time': () => {
      nodes[0]!.handlers['chain_getFinalizedHead'] = () => {
        throw new ChainClientError(ChainClientErrorCode.CALL_TIMEOUT, 'no answer');
      };
    },
    'answers with errors': () => {
      nodes[0]!.handlers['chain_getFinalizedHead'] = () => {
        throw new ChainClientError(ChainClientErrorCode.RPC_ERROR, 'overloaded');
      };
    },
    'stays behind': () => {
      finalizes(nodes[1]!, 6);
      const before = nodes[1]!.calls.length;
      void until(() => nodes[1]!.calls.length > before + 4).then(() => (clock.aheadMs += 60_000));
    },
  };

  function finalizes(node: ScriptedNode, height: number): void {
    node.handlers['chain_getFinalizedHead'] = () => headOf(height, parent).hash;
    node.handlers['chain_getHeader'] = () => headerJson(height, parent);
  }

  it.each(Object.keys(faults))(
    'leaves a node that %s, and those who watch hear of it',
    async (fault) => {
      for (const node of nodes) finalizes(node, 5);
      await started();
      const watching = para.subscribeOnce(
        'x_subscribe',
        [],
        () => {},
        new AbortController().signal,
      );
      await until(() => subscribed(nodes[0]!, 'x_subscribe'));
      const left = expect(watching).rejects.toMatchObject({ code: 'DISCONNECTED' });
      faults[fault]!();
      await until(() => subscribed(nodes[1]!, 'chain_subscribeNewHeads'), 20_000);
      await left;
      expect(subscribed(nodes[0]!, 'chain_subscribeNewHeads')).toBe(false);
      await para.call('system_chain', []);
      expect(nodes[1]!.calls.map(({ method }) => method)).toContain('system_chain');
      nodes[1]!.notify('chain_subscribeNewHeads', headerJson(9, parent));
      expect(para.bestHead.value).toEqual(headOf(9, parent));
      // There is nobody else, and it may be right in all other things.
      nodes[1]!.drop();
      await until(() => subscribed(nodes[0]!, 'chain_subscribeNewHeads'), 20_000);
    },
    60_000,
  );

  it('stays with a node that does its work, however often heads are asked for', async () => {
    for (const node of nodes) finalizes(node, 5);
    await started();
    const asked = () => nodes[1]!.calls.filter(({ method }) => method === 'chain_getHeader').length;
    await until(() => asked() > 20, 20_000);
    expect(subscribed(nodes[0]!, 'chain_subscribeNewHeads')).toBe(true);
    expect(subscribed(nodes[1]!, 'chain_subscribeNewHeads')).toBe(false);
  }, 30_000);

  it('comes back to a node that comes back', async () => {
    await started();
    for (const node of nodes) node.drop();
    expect(para.connected.value).toBe(false);
    await expect(para.call('system_chain', [])).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    nodes[0]!.connected.set(true);
    await until(() => subscribed(nodes[0]!, 'chain_subscribeFinalizedHeads'));
    nodes[0]!.notify('chain_subscribeFinalizedHeads', headerJson(6, parent));
    expect(para.finalizedHead.value?.number).toBe(6);
  });

  it('never takes back a finalised head', async () => {
    await started();
    nodes[0]!.notify('chain_subscribeFinalizedHeads', headerJson(4, parent));
    expect(para.finalizedHead.value?.number).toBe(5);
  });

  it('takes back a best head', async () => {
    await started();
    nodes[0]!.notify('chain_subscribeNewHeads', headerJson(9, parent));
    nodes[0]!.notify('chain_subscribeNewHeads', headerJson(8, parent));
    expect(para.bestHead.value?.number).toBe(8);
  });

  it('follows a runtime upgrade', async () => {
    await started();
    metadata = ownMetadata({ withV2: false });
    nodes[0]!.specVersion = 2;
    nodes[0]!.notify('state_subscribeRuntimeVersion', nodes[0]!.runtimeVersion);
    await until(() => para.runtimeVersion.value?.specVersion === 2);
    expect(para.supportsRegisterWorkerV2()).toBe(false);
  });

  it('tells a block hash, or that there is none yet', async () => {
    await started();
    expect(await para.blockHash(0)).toBe(`0x${'11'.repeat(32)}`);
    await expect(para.blockHash(99)).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });
});
