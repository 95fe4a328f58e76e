import { DEV_MEASUREMENT, measurementBytes } from '../attestation/index.js';
import { fromHex, type KeyChange } from '../primitives/index.js';
import { BlockRun } from './block-run.js';
import { PHA } from './fixed-point.js';
import type { RuntimeConfig } from './pallet.js';
import { createAsset, mintAsset, WPHA } from './pallets/assets.js';
import { mutateBalance, totalIssuance } from './pallets/balances.js';
import { newStakePool, savePool } from './pallets/base-pool.js';
import * as computation from './pallets/computation-decl.js';
import { GATEKEEPER_EVENT_TOPIC } from './pallets/computation.js';
import { queuePalletMessage } from './pallets/mq.js';
import { parachainId } from './pallets/parachain.js';
import { proxies } from './pallets/proxy.js';
import * as registry from './pallets/registry-storage.js';
import { SUBSIDY_POOL } from './pallets/subsidy.js';
import { sudoKey } from './pallets/sudo.js';
import { lastRuntimeUpgrade } from './pallets/system.js';
import { TREASURY } from './pallets/transaction-payment.js';
import { DEFAULT_TOKENOMICS } from './pallets/tokenomics.js';
import { WRAPPED_BALANCES_ACCOUNT } from './pallets/wrapped-balances.js';
import type { AccountId, ProxyTypeName, TokenomicParameters } from './values.js';
import { CODE_KEY, codeOf, releaseOf, type Release } from './release.js';

/** A stake pool that is there from the beginning. */
export interface GenesisPool {
  owner: AccountId;
  /** wPHA in picounits that no worker uses yet. */
  freeStake: bigint;
}

/** An account that may act for another from the beginning. */
export interface GenesisProxy {
  real: AccountId;
  delegate: AccountId;
  type: ProxyTypeName;
}

/** What the parachain begins with. */
export interface ParaGenesis {
  /** The first runtime. */
  release: Release;
  /** Hashes of relay blocks that a worker may have been initialized with. */
  relayGenesisHashes: readonly Uint8Array[];
  /** Free balances in picopha. */
  balances: readonly (readonly [AccountId, bigint])[];
  sudo: AccountId;
  /** Pools by id, counting from 0. */
  pools: readonly GenesisPool[];
  proxies: readonly GenesisProxy[];
  /** Measurements of 68 bytes that may register. */
  pRuntimes: readonly Uint8Array[];
  benchmarkDurationBlocks: number;
  coolDownPeriodSec: number;
  heartbeatPaused: boolean;
  tokenomics: TokenomicParameters;
}

/** The well-known dev accounts (sr25519). */
export type DevName = 'Alice' | 'Bob' | 'Charlie' | 'Dave' | 'Eve' | 'Ferdie';

/** Account ids of //Alice … //Ferdie. */
export function devAccounts(): Readonly<Record<DevName, AccountId>> {
  return {
    Alice: fromHex('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d'),
    Bob: fromHex('8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48'),
    Charlie: fromHex('90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22'),
    Dave: fromHex('306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20'),
    Eve: fromHex('e659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e'),
    Ferdie: fromHex('1cbd2d43530a44705ad088af313e18f80b53ef16b36177cd4b77b846f2a5f07c'),
  };
}

/**
 * The dev network's usual beginning: //Alice to //Ferdie with a million PHA each, sudo //Alice,
 * pool 0 of //Ferdie without stake, pool 1 of //Alice and pool 2 of //Bob with a million wPHA
 * each, //Charlie managing //Bob's pool.
 */
export function devGenesis(): ParaGenesis {
  const dev = devAccounts();
  return {
    release: releaseOf(),
    relayGenesisHashes: [],
    balances: Object.values(dev).map((account) => [account, 1_000_000n * PHA] as const),
    sudo: dev.Alice,
    pools: [
      { owner: dev.Ferdie, freeStake: 0n },
      { owner: dev.Alice, freeStake: 1_000_000n * PHA },
      { owner: dev.Bob, freeStake: 1_000_000n * PHA },
    ],
    proxies: [{ real: dev.Bob, delegate: dev.Charlie, type: 'StakePoolManager' }],
    pRuntimes: [measurementBytes(DEV_MEASUREMENT)],
    benchmarkDurationBlocks: 8,
    coolDownPeriodSec: 604_800,
    heartbeatPaused: false,
    tokenomics: DEFAULT_TOKENOMICS,
  };
}

const NAMELESS_OWNER: AccountId = new Uint8Array(32);
/** PHA of the pot that rewards come from. */
const SUBSIDY = 100_000_000n * PHA;

/** All key-value pairs of block 0, sorted by key. */
export function genesisState(
  genesis: ParaGenesis,
  config: RuntimeConfig,
): [Uint8Array, Uint8Array][] {
  const run = new BlockRun({ get: () => undefined }, 0, config);
  const { state } = run;
  state.set(CODE_KEY, codeOf(genesis.release));
  const { specName, specVersion } = genesis.release.version;
  lastRuntimeUpgrade.put(state, { specVersion, specName });
  parachainId.put(state, config.paraId);
  sudoKey.put(state, genesis.sudo);

  let issued = 0n;
  const endow = (who: AccountId, amount: bigint): void => {
    mutateBalance(run, who, (data) => (data.free += amount));
    issued += amount;
  };
  for (const [who, amount] of genesis.balances) endow(who, amount);
  endow(TREASURY, 1000n * PHA);
  endow(SUBSIDY_POOL.account, SUBSIDY);
  createAsset(run, WPHA, NAMELESS_OWNER, 1n);
  for (const { owner, freeStake } of genesis.pools) {
    const pool = newStakePool(run, owner);
    if (freeStake === 0n) continue;
    mintAsset(run, WPHA, pool.basepool.poolAccountId, freeStake);
    endow(WRAPPED_BALANCES_ACCOUNT, freeStake);
    const basepool = { ...pool.basepool, totalShares: freeStake, totalValue: freeStake };
    savePool(run, { ...pool, basepool });
  }
  totalIssuance.put(state, issued);
  for (const { real, delegate, type } of genesis.proxies) {
    proxies.put(state, real, [[{ delegate, proxyType: { type }, delay: 0 }], 0n]);
  }

  registry.pRuntimeAllowList.put(state, [...genesis.pRuntimes]);
  for (const measurement of genesis.pRuntimes) registry.pRuntimeAddedAt.put(state, measurement, 0);
  registry.relaychainGenesisBlockHashAllowList.put(state, [...genesis.relayGenesisHashes]);
  registry.benchmarkDuration.put(state, genesis.benchmarkDurationBlocks);
  computation.coolDownPeriod.put(state, BigInt(genesis.coolDownPeriodSec));
  computation.heartbeatPaused.put(state, genesis.heartbeatPaused);
  computation.tokenomicParameters.put(state, genesis.tokenomics);
  queuePalletMessage(state, 'PhalaComputation', GATEKEEPER_EVENT_TOPIC, 'GatekeeperEvent', {
    type: 'TokenomicParametersChanged',
    value: genesis.tokenomics,
  });
  return run.state.changes().filter(isPair);
}

function isPair(change: KeyChange): change is [Uint8Array, Uint8Array] {
  return change[1] !== undefined;
}
