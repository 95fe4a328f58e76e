import {
  booleanSetting,
  choiceSetting,
  integerSetting,
  listSetting,
  stringSetting,
  urlListSetting,
  type Setting,
  type SettingsOf,
} from '@runtime-bridge/service-kit';
import { SharedSecret } from '@runtime-bridge/walkie-protocol';
import { parseBlobAddress } from './copy-peers.js';

const sharedSecret: Setting<SharedSecret | undefined> = {
  ...stringSetting({
    env: 'PHALA_WALKIE_PSK',
    description:
      'Shared secret that this provider proves itself with; reading from it is open to all',
    secret: true,
    file: true,
  }),
  allowed: '32 random bytes as hex or base64',
  absent: { value: undefined },
  parse: (text) => SharedSecret.parse(text),
};

/** The settings of the data provider. */
export const dataProviderSettings = {
  paraEndpoints: urlListSetting({
    env: 'PHALA_CHAIN_ENDPOINT',
    description: 'Nodes of the parachain, tried in turn',
    schemes: ['ws', 'wss'],
    required: true,
  }),
  relayEndpoints: urlListSetting({
    env: 'PHALA_PARENT_CHAIN_ENDPOINT',
    description: 'Nodes of the relay chain, tried in turn',
    schemes: ['ws', 'wss'],
    required: true,
  }),
  storePath: stringSetting({
    env: 'PHALA_LOCAL_DB_PATH',
    description: 'Folder of the block store',
    default: '/var/data/0',
  }),
  identityDirectory: stringSetting({
    env: 'PHALA_PEER_ID_PREFIX',
    description: 'Folder of the identity key file DATA_PROVIDER',
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
  sharedSecret,
  bridgeIdentity: stringSetting({
    env: 'PHALA_BRIDGE_IDENTITY',
    description: 'Label that separates bridges in one network',
    default: 'default',
  }),
  blobPort: integerSetting({
    env: 'PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT',
    aliases: ['PHALA_DATA_PROVIDER_LOCAL_SERVER'],
    description: 'TCP port of the blob server, which peers are told of',
    default: 8012,
    min: 1,
    max: 65_535,
  }),
  blobHost: stringSetting({
    env: 'PHALA_DATA_PROVIDER_LOCAL_SERVER_HOST',
    description: 'Address that the blob server listens on; unset is all',
  }),
  sessionMaxMiB: integerSetting({
    env: 'PHALA_LIFECYCLE_BLOB_SERVER_SESSION_MAX_MEMORY',
    description: 'Bytes that may wait for one client of the blob server',
    default: 64,
    min: 1,
    max: 65_536,
    unit: 'MiB',
  }),
  totalMaxMiB: integerSetting({
    env: 'PHALA_BLOB_SERVER_MAX_MEMORY',
    description: 'Bytes that may wait for all clients of the blob server together',
    default: 256,
    min: 1,
    max: 65_536,
    unit: 'MiB',
  }),
  cacheMiB: integerSetting({
    env: 'PHALA_DATA_PROVIDER_BLOB_CACHE',
    description: 'Composed blobs kept in memory',
    default: 64,
    min: 1,
    max: 65_536,
    unit: 'MiB',
  }),
  stateMiB: integerSetting({
    env: 'PHALA_DATA_PROVIDER_STATE_CACHE',
    description: 'Nodes of the para state trie kept in memory beside those on disk',
    default: 128,
    min: 1,
    max: 65_536,
    unit: 'MiB',
  }),
  copyFrom: listSetting({
    env: 'PHALA_DATA_PROVIDER_COPY_FROM',
    description:
      'Blob servers of other data providers, of 2022 too, to copy blocks from before asking nodes; all is verified',
    default: [],
    allowed: 'host:port separated by commas',
    check: (item) => {
      if (!parseBlobAddress(item)) throw new Error(`has an entry that is no host:port: ${item}`);
    },
  }),
  diskReserveMiB: integerSetting({
    env: 'PHALA_DATA_PROVIDER_DISK_RESERVE',
    description: 'Fetching pauses while less of the disk is free; what is stored is served',
    default: 512,
    min: 1,
    max: 1_048_576,
    unit: 'MiB',
  }),
  maxRangeCount: integerSetting({
    env: 'PHALA_DATA_PROVIDER_BLOB_MAX_RANGE_COUNT',
    description: 'Most ranges of relay headers that one window-sized blob joins',
    default: 60,
    min: 1,
    max: 4_096,
    unit: 'ranges',
  }),
  maxParaBlocks: integerSetting({
    env: 'PHALA_DATA_PROVIDER_BLOB_MAX_PARA_BLOCK_RANGE_COUNT',
    description: 'Para blocks in one batch',
    default: 15,
    min: 1,
    max: 1_000,
    unit: 'blocks',
  }),
  paraBatchSync: booleanSetting({
    env: 'PHALA_ENABLE_PARA_BATCH_SYNC',
    description: 'Tells clients of 2022 about batches of para blocks; they are served either way',
    default: false,
  }),
  paraParallelBlocks: integerSetting({
    env: 'PHALA_PARA_PARALLEL_BLOCKS',
    description: 'Para blocks asked of a node at once',
    default: 16,
    min: 1,
    max: 1_000,
    unit: 'blocks',
  }),
  relayParallelBlocks: integerSetting({
    env: 'PHALA_PARENT_PARALLEL_BLOCKS',
    description: 'Relay headers asked of a node at once',
    default: 64,
    min: 1,
    max: 1_000,
    unit: 'blocks',
  }),
  verify: choiceSetting({
    env: 'PHALA_DATA_PROVIDER_VERIFY',
    description:
      'full checks storage changes against each state root; headers does not, and compares two nodes where there are two',
    default: 'full',
    words: ['full', 'headers'],
  }),
};

/** The values of the data provider's settings. */
export type DataProviderSettings = SettingsOf<typeof dataProviderSettings>;

/** Variables of 2022 that have no effect, and why. */
export const retiredVariables = {
  PHALA_DISABLE_DP_PREFETCH: 'blocks are always fetched ahead, within PHALA_PARA_PARALLEL_BLOCKS',
  PHALA_HOLD_ON_SUBPROCESS_EXIT: 'the data provider is one process',
  PHALA_DATA_PROVIDER_EXTERNAL_LISTEN_ADDRESSES: 'there is no external data provider',
  PHALA_DATA_PROVIDER_TRUSTED_ORIGINS: 'there is no external data provider',
  PHALA_DATA_PROVIDER_BOOT_NODES: 'there is no external data provider',
};
