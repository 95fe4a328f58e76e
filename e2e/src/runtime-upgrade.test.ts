import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import type { Demo } from '@runtime-bridge/demo';
import { expect, it } from 'vitest';
import { defaults, until, untilWorkers, withDemo } from './with-demo.js';

const audit = (demo: Demo) => demo.audit({ holdBlocks: defaults.holdBlocks, timeoutSec: 200 });

async function withPara<T>(demo: Demo, run: (api: ApiPromise) => Promise<T>): Promise<T> {
  const provider = new WsProvider(demo.network.paraUrl);
  const api = await ApiPromise.create({
    provider: provider as unknown as NonNullable<ApiOptions['provider']>,
    noInitWarn: true,
  });
  try {
    return await run(api);
  } finally {
    await api.disconnect();
  }
}

/** Has the sudo account make a call as root; the hash of the finalised block that has it. */
async function asRoot(
  api: ApiPromise,
  section: string,
  method: string,
  ...args: unknown[]
): Promise<string> {
  const sudo = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
  const call = api.tx['sudo']?.['sudo']?.(api.tx[section]?.[method]?.(...args));
  if (call === undefined) throw new Error('the runtime has no sudo');
  // A pool's operator is the same account: its lane takes a nonce that somebody else has used in its stride.
  const send = () =>
    new Promise<string>((resolve, reject) => {
      call
        .signAndSend(sudo, { nonce: -1, tip: 1_000_000n }, ({ status }) => {
          if (status.isFinalized) resolve(status.asFinalized.toHex());
          if (status.isInvalid || status.isDropped || status.isUsurped) {
            reject(new Error(status.type));
          }
        })
        .catch(reject);
    });
  return until(`${section}.${method} is final`, send, () => true, 60_000);
}

/** Has the sudo account set the code of a version; resolves with the finalised block that has it. */
async function upgrade(demo: Demo, specVersion: number): Promise<number> {
  return withPara(demo, async (api) => {
    const code = `0x${Buffer.from(`runtime-bridge devnet khala-${specVersion}`).toString('hex')}`;
    const hash = await asRoot(api, 'system', 'setCode', code);
    const header = await api.rpc.chain.getHeader(hash);
    expect((await api.rpc.state.getRuntimeVersion(hash)).specVersion.toNumber()).toBe(specVersion);
    return header.number.toNumber();
  });
}

/** How many signed extrinsics of workers' business a range of finalised blocks has, failed ones as well. */
async function businessSince(demo: Demo, block: number): Promise<number> {
  return withPara(demo, async (api) => {
    const head = await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead());
    let count = 0;
    for (let n = block + 1; n <= head.number.toNumber(); n++) {
      const { block: found } = await api.rpc.chain.getBlock(await api.rpc.chain.getBlockHash(n));
      count += found.extrinsics.filter(
        ({ isSigned, method }) => isSigned && ['utility', 'proxy'].includes(method.section),
      ).length;
    }
    return count;
  });
}

it('goes on over runtime upgrades, with another form of extrinsics, and while workers compute', async () => {
  await withDemo({ workers: 3, pruntime: '0.2.6,0.2.7,2.x' }, async (demo) => {
    await untilWorkers(demo, 'a worker synchronises', (states) =>
      states.some(({ status }) => status !== 'S_IDLE'),
    );
    const first = await upgrade(demo, 1290);
    expect(await audit(demo)).toBe(0);
    expect(await businessSince(demo, first)).toBeGreaterThanOrEqual(3);

    const second = await upgrade(demo, 1300);
    // Every worker that computes has to answer, and the answers to be brought to the chain.
    await withPara(demo, (api) => asRoot(api, 'phalaComputation', 'forceHeartbeat'));
    await until(
      'heartbeats come to the chain, of both operators',
      () => businessSince(demo, second),
      (count) => count >= 2,
      120_000,
    );
    expect(await audit(demo)).toBe(0);
  });
});
