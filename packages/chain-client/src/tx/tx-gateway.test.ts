import { Keyring } from '@polkadot/keyring';
import type { Registry } from '@polkadot/types/types';
import { cryptoWaitReady, signatureVerify } from '@polkadot/util-crypto';
import { silentLogger, silentMetrics, toHex, type Hex } from '@runtime-bridge/base';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import { index as at, ownMetadata } from './metadata.test.kit.js';
import { ParaApi } from './para-api.js';
import { Refusal } from './refusal.js';
import { headerJson, ScriptedNode, until } from './scripted-node.test.kit.js';
import { hashOfTx, readPoolStatus, TxGateway } from './tx-gateway.js';

const blockHash: Hex = `0x${'33'.repeat(32)}`;
const worker: Hex = `0x${'aa'.repeat(32)}`;

describe('TxGateway', () => {
  let node: ScriptedNode;
  let para: ParaApi;
  let gateway: TxGateway;
  let registry: Registry;
  const alice = () => new Keyring({ type: 'sr25519' }).createFromUri('//Alice');
  const account = () => toHex(alice().publicKey);

  beforeAll(async () => {
    await cryptoWaitReady();
    node = new ScriptedNode('ws://one', () => ownMetadata());
    para = new ParaApi(
      { endpoints: [node.url] },
      { logger: silentLogger, metrics: silentMetrics, openEndpoint: () => node },
    );
    const start = para.start();
    await until(() => node.subscribers.size >= 3);
    node.notify('chain_subscribeFinalizedHeads', headerJson(5, blockHash));
    await start;
    gateway = new TxGateway({}, { para });
    registry = para.api.registry;
  });
  afterAll(() => para.stop());
  beforeEach(() => {
    delete node.handlers['author_submitAndWatchExtrinsic'];
  });

  const sign = (call: Hex, tip = 0n) =>
    gateway.sign({
      call,
      signer: alice(),
      nonce: 9,
      era: { birth: 100, period: 32 },
      eraHash: blockHash,
      tip,
    });

  it('signs what a node would verify', () => {
    const call = gateway.calls.forceBatch([gateway.calls.stopComputing(7n, worker)]);
    const { bytes, hash } = sign(call, 5n);
    expect(hash).toBe(hashOfTx(bytes));
    const extrinsic = registry.createType('Extrinsic', bytes);
    expect(extrinsic.signer.toString()).toBe(registry.createType('Address', account()).toString());
    expect(extrinsic.nonce.toNumber()).toBe(9);
    expect(extrinsic.tip.toBigInt()).toBe(5n);
    expect(extrinsic.era.asMortalEra.birth(110)).toBe(100);
    expect(extrinsic.era.asMortalEra.death(110)).toBe(132);
    expect(extrinsic.method.toHex()).toBe(call);
    const payload = registry
      .createType(
        'ExtrinsicPayload',
        {
          method: call,
          era: extrinsic.era,
          nonce: 9,
          tip: 5,
          specVersion: 1,
          transactionVersion: 3,
          genesisHash: gateway.genesisHash,
          blockHash,
        },
        { version: 4 },
      )
      .toU8a({ method: true });
    expect(signatureVerify(payload, extrinsic.signature.toU8a(), account()).isValid).toBe(true);
  });

  it('gives no byte to the extension that has none', () => {
    const call = gateway.calls.stopComputing(7n, worker);
    const { bytes } = sign(call);
    // length, version, signer, signature, era, nonce, tip, call
    const body = 1 + 33 + 65 + 2 + 1 + 1 + (call.length - 2) / 2;
    expect((bytes.length - 2) / 2).toBe(2 + body);
  });

  it('asks for the nonce by address', async () => {
    node.handlers['system_accountNextIndex'] = (address: string) =>
      address === '45R2pfjQUW2s9PQRHU48HQKLKHVMaDja7N3wpBtmF28UYDs2' ? 12 : 0;
    expect(await gateway.nextNonce(account())).toBe(12);
    node.handlers['system_accountNextIndex'] = () => 'twelve';
    await expect(gateway.nextNonce(account())).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });

  it('reads a balance, and what of it can be spent', async () => {
    const hex = (value: bigint, bytes: number) =>
      Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex')
        .reverse()
        .toString('hex');
    node.handlers['state_getStorage'] = () =>
      `0x${hex(3n, 4)}${hex(0n, 12)}${hex(100n, 16)}${hex(0n, 16)}${hex(30n, 16)}${hex(0n, 16)}`;
    expect(await gateway.balance(account())).toEqual({ nonce: 3, free: 100n, spendable: 70n });
    node.handlers['state_getStorage'] = () => null;
    expect(await gateway.balance(account())).toEqual({ nonce: 0, free: 0n, spendable: 0n });
  });

  it('reads the limits of a block', () => {
    expect(gateway.blockLimits).toEqual({
      maxBytes: 200_000,
      maxRefTime: 1_000n,
      maxProofSize: 500n,
    });
  });

  it.each([
    [{ weight: { refTime: 7, proofSize: 8 }, partialFee: '9' }],
    [{ weight: { ref_time: 7, proof_size: 8 }, partialFee: '0x9' }],
  ])('reads an estimate: %j', async (answer) => {
    node.handlers['payment_queryInfo'] = () => answer;
    expect(await gateway.estimate(gateway.calls.stopComputing(1n, worker), account())).toEqual({
      weight: { refTime: 7n, proofSize: 8n },
      fee: 9n,
    });
  });

  it('finds extrinsics in a block by their hashes', async () => {
    const { bytes, hash } = sign(gateway.calls.stopComputing(1n, worker));
    node.handlers['chain_getBlock'] = () => ({
      block: { header: headerJson(6, blockHash), extrinsics: ['0x0401', bytes] },
    });
    const block = await gateway.blockTxs(blockHash);
    expect(block).toMatchObject({ number: 6, parentHash: blockHash });
    expect(block.txHashes.indexOf(hash)).toBe(1);
    node.handlers['chain_getBlock'] = () => null;
    await expect(gateway.blockTxs(blockHash)).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });

  it('tells the statuses of the pool', async () => {
    const statuses: string[] = [];
    const stop = new AbortController();
    const submitted = gateway.submit('0x00', (status) => statuses.push(status), stop.signal);
    const method = 'author_submitAndWatchExtrinsic';
    await until(() => [...node.subscribers].some((one) => one.method === method));
    for (const item of ['ready', { broadcast: ['x'] }, { inBlock: blockHash }, { future: null }]) {
      node.notify(method, item);
    }
    stop.abort();
    await submitted;
    expect(statuses).toEqual(['ready', 'broadcast', 'inBlock', 'future']);
    expect(readPoolStatus({ unheard: 1 })).toBeUndefined();
  });

  it.each<[number, string, Refusal]>([
    [1010, 'Invalid Transaction: Transaction is outdated', Refusal.STALE],
    [1010, 'Invalid Transaction: Transaction will be valid in the future', Refusal.FUTURE],
    [
      1010,
      'Invalid Transaction: Inability to pay some fees (e.g. account balance too low)',
      Refusal.PAYMENT,
    ],
    [1010, 'Invalid Transaction: Transaction has a bad signature', Refusal.BAD_PROOF],
    [
      1010,
      'Invalid Transaction: Transaction has an ancient birth block',
      Refusal.ANCIENT_BIRTH_BLOCK,
    ],
    [
      1010,
      'Invalid Transaction: Transaction would exhaust the block limits',
      Refusal.EXHAUSTS_RESOURCES,
    ],
    [1010, 'Invalid Transaction: Custom error: 7', Refusal.INVALID],
    [1012, 'Transaction is temporarily banned', Refusal.TEMPORARILY_BANNED],
    [1013, 'Transaction Already Imported', Refusal.ALREADY_IMPORTED],
    [1014, 'Priority is too low', Refusal.PRIORITY_TOO_LOW],
    [1016, 'Immediately Dropped', Refusal.POOL_FULL],
    [1002, 'Verification Error', Refusal.BAD_FORMAT],
  ])('names a refusal: %i %s', async (rpcCode, rpcMessage, refusal) => {
    node.handlers['author_submitAndWatchExtrinsic'] = () => {
      throw new ChainClientError(ChainClientErrorCode.RPC_ERROR, 'x', {
        facts: { rpcCode, rpcMessage },
      });
    };
    await expect(
      gateway.submit('0x00', () => {}, new AbortController().signal),
    ).rejects.toMatchObject({ code: 'REFUSED', facts: { refusal, rpcCode } });
  });

  it('does not take a lost connection for a refusal', async () => {
    const submitted = gateway.submit('0x00', () => {}, new AbortController().signal);
    await until(() =>
      [...node.subscribers].some((one) => one.method === 'author_submitAndWatchExtrinsic'),
    );
    node.drop();
    await expect(submitted).rejects.toMatchObject({ code: 'DISCONNECTED' });
    node.connected.set(true);
    await until(() => node.subscribers.size >= 3);
  });

  describe('outcomes', () => {
    const success = { system: { ExtrinsicSuccess: { dispatchInfo: {} } } };
    const done = { utility: 'ItemCompleted' };
    const stakeError = { Module: { index: at.stakePool, error: '0x10000000' } };
    const failed = { utility: { ItemFailed: { error: stakeError } } };
    const fee = (amount: number) => ({
      transactionPayment: { TransactionFeePaid: { who: worker, actualFee: amount, tip: 0 } },
    });

    /** Makes the node hold these events of extrinsic 2, with others before and behind. */
    function hold(events: readonly object[]): void {
      const record = (event: object, extrinsic: number) => ({
        phase: { ApplyExtrinsic: extrinsic },
        event: registry.createType('Event', eventBytes(event)),
        topics: [],
      });
      const records = [
        record(done, 1),
        ...events.map((event) => record(event, 2)),
        record(failed, 3),
      ];
      node.handlers['state_getStorage'] = () =>
        registry.createType('Vec<FrameSystemEventRecord>', records).toHex();
    }

    /** SCALE bytes of an event given as `{ pallet: { Name: fields } }`. */
    function eventBytes(event: object): Uint8Array {
      const [[pallet, body]] = Object.entries(event) as [[string, string | object]];
      const name = typeof body === 'string' ? body : Object.keys(body)[0]!;
      const fields = typeof body === 'string' ? {} : (Object.values(body)[0] as object);
      const palletIndex = {
        system: at.system,
        utility: at.utility,
        proxy: at.proxy,
        transactionPayment: at.payment,
      }[pallet]!;
      const eventIndex = {
        ExtrinsicSuccess: 0,
        ExtrinsicFailed: 1,
        ItemCompleted: 3,
        ItemFailed: 4,
        ProxyExecuted: 0,
        TransactionFeePaid: 0,
      }[name]!;
      const parts: Uint8Array[] = [Uint8Array.of(palletIndex, eventIndex)];
      const put = (type: string, value: unknown) =>
        parts.push(registry.createType(type, value).toU8a());
      for (const [field, value] of Object.entries(fields) as [string, unknown][]) {
        if (field === 'error' || field === 'dispatchError') put('SpRuntimeDispatchError', value);
        else if (field === 'dispatchInfo') parts.push(Uint8Array.of(0, 0));
        else if (field === 'who') put('AccountId', value);
        else if (field === 'result') put('Result<Null, SpRuntimeDispatchError>', value);
        else put('u128', value);
      }
      if (name === 'ExtrinsicFailed') parts.push(Uint8Array.of(0, 0));
      return Buffer.concat(parts);
    }

    it('share out items in order, with the error that the metadata has', async () => {
      hold([done, failed, done, fee(77), success]);
      expect(await gateway.outcome(blockHash, 2, 3)).toEqual({
        items: [
          undefined,
          {
            pallet: 'phalaStakePoolv2',
            name: 'InsufficientFreeStake',
            docs: 'There is not enough free stake.',
            remedy: expect.stringMatching(/stake/),
          },
          undefined,
        ],
        fee: 77n,
      });
    });

    it('through a proxy', async () => {
      hold([done, { proxy: { ProxyExecuted: { result: { Ok: null } } } }, success]);
      expect(await gateway.outcome(blockHash, 2, 1)).toEqual({ items: [undefined] });
    });

    it('of a proxy that failed', async () => {
      const error = { Module: { index: at.proxy, error: '0x02000000' } };
      hold([{ proxy: { ProxyExecuted: { result: { Err: error } } } }, success]);
      expect(await gateway.outcome(blockHash, 2, 1)).toMatchObject({
        error: { pallet: 'proxy', name: 'NotProxy' },
        items: [],
      });
    });

    it('of an extrinsic that failed as a whole', async () => {
      hold([fee(3), { system: { ExtrinsicFailed: { dispatchError: { BadOrigin: null } } } }]);
      expect(await gateway.outcome(blockHash, 2, 4)).toMatchObject({
        error: { name: 'BadOrigin' },
        items: [],
        fee: 3n,
      });
    });

    it('with an error that the metadata does not know', async () => {
      const error = { Module: { index: 200, error: '0x01000000' } };
      hold([{ utility: { ItemFailed: { error } } }, success]);
      const { items } = await gateway.outcome(blockHash, 2, 1);
      expect(items[0]?.name).toContain('200');
    });

    it.each([
      ['an item too few', [done, success]],
      ['an item too many', [done, done, done, success]],
      ['no end', [done, done]],
      ['nothing', []],
    ])('that do not add up are not believed: %s', async (_what, events) => {
      hold(events);
      await expect(gateway.outcome(blockHash, 2, 2)).rejects.toMatchObject({
        code: 'OUTCOME_UNREADABLE',
      });
    });

    it('are unreadable when the state is gone', async () => {
      node.handlers['state_getStorage'] = () => null;
      await expect(gateway.outcome(blockHash, 2, 1)).rejects.toMatchObject({
        code: 'OUTCOME_UNREADABLE',
      });
    });
  });
});
