import {
  booleanSetting,
  integerSetting,
  listSetting,
  stringSetting,
  urlListSetting,
  type Setting,
  type SettingsOf,
} from '@runtime-bridge/service-kit';
import { AlertKind } from '@runtime-bridge/fleet/alerts';
import { DEFAULT_LEASE_MS } from '@runtime-bridge/tx-queue';
import { defaultTxSenderOptions } from '@runtime-bridge/tx-sender';
import { SharedSecret } from '@runtime-bridge/walkie-protocol/secret';

const sharedSecret: Setting<SharedSecret | undefined> = {
  ...stringSetting({
    env: 'PHALA_WALKIE_PSK',
    description:
      'Shared secret; peers on other hosts that know it may change pools and workers. `prb secret` makes one',
    secret: true,
    file: true,
  }),
  allowed: '32 random bytes as hex or base64',
  absent: { value: undefined },
  parse: (text) => SharedSecret.parse(text),
};

/** URL of a Redis; printed as a secret, since it may hold a password. */
const redisEndpoint: Setting<string | undefined> = {
  ...stringSetting({
    env: 'PHALA_Q_REDIS_ENDPOINT',
    description:
      'URL of the Redis that holds the transaction queue; not needed with the built-in trader',
    secret: true,
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

/** The settings of the lifecycle manager; its trader child reads the same ones. */
export const lifecycleSettings = {
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
  builtInTrader: booleanSetting({
    env: 'USE_BUILT_IN_TRADER',
    description: 'Runs the trader too; without a Redis the queue is embedded then',
    default: false,
  }),
  traderStorePath: stringSetting({
    env: 'PHALA_TRADER_DB_PATH',
    description: "Folder of the built-in trader's journal",
    default: '/var/data/trade',
  }),
  leaseMs: integerSetting({
    env: 'PHALA_LEASE_TIME',
    description:
      'With Redis: how long another manager, or its trader, waits before it follows one that is gone',
    default: DEFAULT_LEASE_MS,
    min: 1_000,
    max: 600_000,
    unit: 'ms',
  }),
  batchWaitMs: integerSetting({
    env: 'PHALA_TRADER_BATCH_WAIT',
    description:
      'How long the built-in trader collects jobs for one transaction, from the first one on',
    default: defaultTxSenderOptions.batchWaitMs,
    min: 1,
    max: 60_000,
    unit: 'ms',
  }),
  maxBatchCalls: integerSetting({
    env: 'PHALA_TRADER_MAX_BATCH_CALLS',
    description: 'Calls in one transaction of the built-in trader',
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
    'Paid by the built-in trader on top of each fee to the author of the block, in the smallest unit',
    defaultTxSenderOptions.tip,
  ),
  minBalance: amountSetting(
    'PHALA_TRADER_MIN_BALANCE',
    'An operator account that can pay less than this from is warned about, in the smallest unit; 0 never warns',
    defaultTxSenderOptions.minBalance,
  ),
  queuePagePort: integerSetting({
    env: 'PHALA_QUEUE_PAGE_PORT',
    description:
      'Port of the page that shows the queue of the built-in trader, on loopback; 0 means none',
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
  storePath: stringSetting({
    env: 'PHALA_LOCAL_DB_PATH',
    description: 'Where pools and workers are kept: the folder of this name with .store at its end',
    default: '/var/data/local.db',
  }),
  identityDirectory: stringSetting({
    env: 'PHALA_PEER_ID_PREFIX',
    description: 'Folder of the identity key file LIFECYCLE',
    default: '/var/data/keys/id',
  }),
  identityPassphrase: stringSetting({
    env: 'PHALA_KEY_PASSPHRASE',
    description: 'Protects the identity key file; unset leaves it as 2022 does',
    secret: true,
    file: true,
  }),
  listenAddresses: listSetting({
    env: 'PHALA_WALKIE_LISTEN_ADDRESSES',
    description: 'Addresses that Walkie listens on',
    default: ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'],
    allowed: 'multiaddrs separated by commas',
    check: (item) => {
      if (!/^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+/.test(item)) {
        throw new Error(`has an entry that is no multiaddr with tcp: ${item}`);
      }
    },
  }),
  bootNodes: listSetting({
    env: 'PHALA_WALKIE_BOOT_NODES',
    description: 'Peers to begin with; an entry that is no multiaddr with /p2p/ is ignored',
    default: [],
    allowed: 'multiaddrs with /p2p/ separated by commas',
  }),
  disableMdns: booleanSetting({
    env: 'PHALA_WALKIE_DISABLE_MDNS_DISCOVERY',
    description: 'Neither looks for peers in the local network nor shows itself there',
    default: false,
  }),
  allowedPeers: listSetting({
    env: 'PHALA_WALKIE_ALLOWED_PEERS',
    description: 'Peer ids from other hosts that may change pools and workers',
    default: [],
    allowed: 'peer ids separated by commas',
  }),
  sharedSecret,
  allowUnauthenticated: booleanSetting({
    env: 'PHALA_WALKIE_ALLOW_UNAUTHENTICATED',
    description: 'Lets everybody change pools and workers, as in 2022',
    default: false,
  }),
  bridgeIdentity: stringSetting({
    env: 'PHALA_BRIDGE_IDENTITY',
    description: 'Label that separates bridges in one network',
    default: 'default',
  }),
  ignoreBridgeIdentity: booleanSetting({
    env: 'PHALA_PTP_IGNORE_BRIDGE_IDENTITY',
    description: 'Uses data providers of other bridges too',
    default: false,
  }),
  webhookUrl: {
    ...stringSetting({
      env: 'PHALA_WEBHOOK_URL',
      description: 'Where alerts and changes of state are sent by HTTP POST; unset means nowhere',
      secret: true,
      file: true,
    }),
    allowed: 'http:// or https:// URL',
    parse: (text: string) => {
      if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
        throw new Error('is no http:// or https:// URL');
      }
      return text;
    },
  },
  webhookSecret: stringSetting({
    env: 'PHALA_WEBHOOK_SECRET',
    description: 'Signs what is sent there (HMAC-SHA256); unset leaves it without a signature',
    secret: true,
    file: true,
  }),
  webhookEvents: listSetting({
    env: 'PHALA_WEBHOOK_EVENTS',
    description: 'What is sent there',
    default: ['alerts'],
    allowed: `of alerts, states, ${Object.values(AlertKind).join(', ')}, separated by commas`,
    check: (item) => {
      if (!['alerts', 'states', ...Object.values<string>(AlertKind)].includes(item)) {
        throw new Error(`has an entry that is none of these: ${item}`);
      }
    },
  }),
  configMode: booleanSetting({
    env: 'PHALA_LIFECYCLE_CONFIG_MODE',
    description: 'Only pools and workers can be looked at and changed; no worker is driven',
    default: false,
  }),
  syncOnly: booleanSetting({
    env: 'PHALA_SYNC_ONLY',
    description: 'Keeps all workers at the head and sends nothing on chain',
    default: false,
  }),
  maxWorkersPerRunner: integerSetting({
    env: 'PHALA_RUNNER_MAX_WORKER_NUMBER',
    description: 'Workers that one runner process drives at most',
    default: 150,
    min: 1,
    max: 10_000,
    unit: 'workers',
  }),
  cacheItems: integerSetting({
    env: 'PHALA_LRU_CACHE_SIZE',
    description: 'Blobs that a runner keeps at most',
    default: 5_000,
    min: 1,
    max: 1_000_000,
    unit: 'blobs',
  }),
  cacheMaxAgeMs: integerSetting({
    env: 'PHALA_LRU_CACHE_MAX_AGE',
    description: 'How long a runner keeps a blob',
    default: 1_800_000,
    min: 1,
    unit: 'ms',
  }),
  cacheMiB: integerSetting({
    env: 'PHALA_LRU_CACHE_MAX_MEMORY',
    description: 'Bytes of blobs that a runner keeps at most',
    default: 128,
    min: 1,
    max: 65_536,
    unit: 'MiB',
  }),
  disableCache: booleanSetting({
    env: 'DISABLE_LRU',
    description: 'Keeps no blobs; workers that want the same at the same time still share it',
    default: false,
  }),
  enforceMinScore: booleanSetting({
    env: 'PHALA_ENFORCE_MIN_BENCH_SCORE',
    description: 'Registers workers again until their score exceeds the minimum',
    default: false,
  }),
  minScore: integerSetting({
    env: 'PHALA_MIN_BENCH_SCORE',
    description: 'That minimum',
    default: 50,
    min: 0,
    max: 1_000_000,
  }),
  requestTimeoutMs: integerSetting({
    env: 'PHALA_PRPC_REQUEST_TIMEOUT',
    description: 'Deadline of small calls to a worker',
    default: 8_000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
  }),
  blobTimeoutMs: integerSetting({
    env: 'PHALA_BLOB_REQUEST_TIMEOUT',
    description: 'Deadline of calls to a worker that carry headers, blocks or an attestation',
    default: 150_000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
  }),
  blobConcurrency: integerSetting({
    env: 'PHALA_LIFECYCLE_BLOB_QUEUE_SIZE',
    description: 'Blobs that a runner fetches at once',
    default: 36,
    min: 1,
    max: 1_000,
    unit: 'blobs',
  }),
  skipRa: booleanSetting({
    env: 'PHALA_DEV_SKIP_RA',
    description: 'For development: initializes workers with a fixed key and without attestation',
    default: false,
  }),
  keepAlive: booleanSetting({
    env: 'WORKER_KEEPALIVE_ENABLED',
    description: 'Keeps connections to workers open between calls',
    default: false,
  }),
  keepAliveTimeoutMs: integerSetting({
    env: 'WORKER_KEEPALIVE_TIMEOUT',
    description: 'How long an idle connection to a worker stays open',
    default: 5_000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
  }),
};

/** The values of the lifecycle manager's settings. */
export type LifecycleSettings = SettingsOf<typeof lifecycleSettings>;

/** Variables of 2022 that have no effect, and why. */
export const retiredVariables = {
  PHALA_PARENT_CHAIN_ENDPOINT: 'the relay chain is read by the data provider alone',
  PHALA_HOLD_ON_SUBPROCESS_EXIT: 'processes that end are always started again',
  PHALA_LRU_CACHE_DBUG_LOG_INTERVAL: 'the cache is in the metrics',
  USE_LEGACY_SYNC: 'there is one way to sync, which does what the worker needs',
  PRPC_QUEUE_SIZE: 'each worker has its own lanes',
  PRPC_SUBQUEUE_SIZE: 'each worker has its own lanes',
  DEBUG_LIFECYCLE_ALLOW_BLOB_FROM_SYNCHING_STATE:
    'blobs are always taken from providers that still sync',
};
