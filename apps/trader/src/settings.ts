import {
  integerSetting,
  stringSetting,
  urlListSetting,
  type Setting,
  type SettingsOf,
} from '@runtime-bridge/service-kit';
import { DEFAULT_LEASE_MS } from '@runtime-bridge/tx-queue';
import { defaultTxSenderOptions } from '@runtime-bridge/tx-sender';

/** URL of a Redis; printed as a secret, since it may hold a password. */
const redisEndpoint: Setting<string> = {
  ...stringSetting({
    env: 'PHALA_Q_REDIS_ENDPOINT',
    description: 'URL of the Redis that holds the transaction queue',
    secret: true,
    required: true,
  }),
  allowed: 'a URL that begins with redis:// or rediss://',
  parse: (text) => {
    if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) {
      throw new Error('is no redis:// or rediss:// URL');
    }
    return text;
  },
};

/** An amount in the smallest unit. */
function amountSetting(env: string, description: string, value: bigint): Setting<bigint> {
  return {
    ...stringSetting({ env, description }),
    allowed: 'a whole number of at most 30 digits',
    defaultText: String(value),
    absent: { value },
    parse: (text) => {
      if (!/^[0-9]{1,30}$/.test(text)) throw new Error('is no whole number');
      return BigInt(text);
    },
  };
}

/** The settings of the trader. */
export const traderSettings = {
  paraEndpoints: urlListSetting({
    env: 'PHALA_CHAIN_ENDPOINT',
    description: 'Nodes of the parachain, tried in turn',
    schemes: ['ws', 'wss'],
    required: true,
  }),
  redisEndpoint,
  redisCaFile: stringSetting({
    env: 'PHALA_Q_REDIS_CA_FILE',
    description: 'Certificate that signs that of a rediss:// server; unset means those of Node',
  }),
  journalPath: stringSetting({
    env: 'PHALA_TRADER_DB_PATH',
    description: 'Folder of the journal of transactions, for this trader alone',
    default: '/var/data/trade',
  }),
  identityDirectory: stringSetting({
    env: 'PHALA_PEER_ID_PREFIX',
    description: "Folder of the lifecycle manager's identity key file LIFECYCLE",
    default: '/var/data/keys/id',
  }),
  identityPassphrase: stringSetting({
    env: 'PHALA_KEY_PASSPHRASE',
    description: 'Protects the identity key file; unset leaves it as 2022 does',
    secret: true,
    file: true,
  }),
  localDbPath: stringSetting({
    env: 'PHALA_LOCAL_DB_PATH',
    description:
      'The local.db of a 2022 lifecycle manager, only read and only if it is there: operators of jobs that bring none along',
    default: '/var/data/local.db',
  }),
  leaseMs: integerSetting({
    env: 'PHALA_LEASE_TIME',
    description: 'How long another trader on this queue waits before it follows one that is gone',
    default: DEFAULT_LEASE_MS,
    min: 1_000,
    max: 600_000,
    unit: 'ms',
  }),
  batchWaitMs: integerSetting({
    env: 'PHALA_TRADER_BATCH_WAIT',
    description: 'How long jobs are collected for one transaction, from the first one on',
    default: defaultTxSenderOptions.batchWaitMs,
    min: 1,
    max: 60_000,
    unit: 'ms',
  }),
  maxBatchCalls: integerSetting({
    env: 'PHALA_TRADER_MAX_BATCH_CALLS',
    description: 'Calls in one transaction',
    default: defaultTxSenderOptions.maxBatchCalls,
    min: 1,
    max: 10_000,
    unit: 'calls',
  }),
  eraBlocks: integerSetting({
    env: 'PHALA_TRADER_ERA_BLOCKS',
    description:
      'Blocks that a transaction may wait for its block before it is signed anew; rounded up to a power of two',
    default: defaultTxSenderOptions.eraBlocks,
    min: 4,
    max: 1_024,
    unit: 'blocks',
  }),
  tip: amountSetting(
    'PHALA_TRADER_TIP',
    'Paid on top of each fee to the author of the block, in the smallest unit',
    defaultTxSenderOptions.tip,
  ),
  minBalance: amountSetting(
    'PHALA_TRADER_MIN_BALANCE',
    'An operator account that can pay less than this from is warned about, in the smallest unit; 0 never warns',
    defaultTxSenderOptions.minBalance,
  ),
  queuePagePort: integerSetting({
    env: 'PHALA_QUEUE_PAGE_PORT',
    description: 'Port of the page that shows the queue, on loopback; 0 means none',
    default: 4_567,
    min: 0,
    max: 65_535,
  }),
  queuePageToken: stringSetting({
    env: 'PHALA_QUEUE_PAGE_TOKEN',
    description:
      'Opens the queue page; unset means one made at random, in the file PHALA_TRADER_DB_PATH.page-token',
    secret: true,
    file: true,
  }),
};

/** The values of the trader's settings. */
export type TraderSettings = SettingsOf<typeof traderSettings>;

/** Variables of 2022 that have no effect, and why. */
export const retiredVariables = {
  PHALA_HOLD_ON_SUBPROCESS_EXIT: 'the trader is one process',
  USE_BUILT_IN_TRADER:
    'a trader of its own always runs; stop it when the lifecycle manager has it built in',
};
