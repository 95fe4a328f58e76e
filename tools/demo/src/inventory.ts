// The well-known development accounts of Substrate, which the dev network funds at its genesis.
const DEV_PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
/** //Bob with SS58 prefix 30. */
const BOB = '43qsYbZGLn2xzNuurY6BY4QNDSUU7gLEcXuckpm6B3DEmEx9';

/** One PHA in the units that stakes are told in. */
const PHA = 10n ** 12n;
/** Above what the chain asks for any score that a worker can reach here. */
const STAKE = 10_000n * PHA;

/** Pool 1 is owned and operated by //Alice; pool 2 is owned by //Bob and operated by its proxy //Charlie. */
export const pools = [
  { pid: '1', name: 'alice', enabled: true, owner: { mnemonic: `${DEV_PHRASE}//Alice` } },
  {
    pid: '2',
    name: 'bob-by-proxy',
    enabled: true,
    owner: { mnemonic: `${DEV_PHRASE}//Charlie` },
    realPhalaSs58: BOB,
  },
] as const;

/** A worker as the operator asks for it. */
export interface WantedWorker {
  name: string;
  endpoint: string;
  pid: string;
  stake: string;
  enabled: true;
}

/** The workers, spread over both pools. */
export function wantedWorkers(endpoints: readonly string[]): WantedWorker[] {
  return endpoints.map((endpoint, index) => ({
    name: `worker-${index + 1}`,
    endpoint,
    pid: pools[index % pools.length]!.pid,
    stake: STAKE.toString(),
    enabled: true,
  }));
}
