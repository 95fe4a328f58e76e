import {
  booleanSetting,
  integerSetting,
  listSetting,
  stringSetting,
  urlListSetting,
  type Setting,
  type SettingsOf,
} from '@runtime-bridge/service-kit';
import { SharedSecret } from '@runtime-bridge/walkie-protocol';
import { MIN_PASSWORD_LENGTH, parseAccount, type Account } from './access/accounts.js';

const sharedSecret: Setting<SharedSecret | undefined> = {
  ...stringSetting({
    env: 'PHALA_WALKIE_PSK',
    description:
      'Shared secret of the lifecycle managers on other hosts, so that they let the monitor change things',
    secret: true,
    file: true,
  }),
  allowed: '32 random bytes as hex or base64',
  absent: { value: undefined },
  parse: (text) => SharedSecret.parse(text),
};

const users: Setting<readonly Account[]> = {
  ...stringSetting({
    env: 'PHALA_MONITOR_USERS',
    description: 'People who log in with a password; the command hash-password makes the hashes',
    secret: true,
    file: true,
  }),
  allowed: 'name:role:hash, separated by blanks or lines; role is viewer or operator',
  absent: { value: [] },
  parse: (text) => {
    const accounts = text.split(/\s+/).map(parseAccount);
    if (new Set(accounts.map(({ name }) => name)).size < accounts.length) {
      throw new Error('names somebody twice');
    }
    return accounts;
  },
};

/** The settings of the monitor. */
export const monitorSettings = {
  host: stringSetting({
    env: 'HOST',
    description: 'Address that the monitor listens on; beyond this host only with a token, please',
    default: '127.0.0.1',
  }),
  port: integerSetting({
    env: 'PORT',
    description: 'HTTP port of the monitor',
    default: 3000,
    min: 1,
    max: 65_535,
  }),
  bootNodes: listSetting({
    env: 'PTP_BOOT_NODES',
    description: 'Peers to begin with; an entry that is no multiaddr with /p2p/ is ignored',
    default: [],
    allowed: 'multiaddrs with /p2p/ separated by commas',
  }),
  listenAddresses: listSetting({
    env: 'PTP_LISTEN_ADDRESSES',
    description: 'Addresses that Walkie listens on; the monitor needs none',
    default: [],
    allowed: 'multiaddrs separated by commas',
    check: (item) => {
      if (!/^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+/.test(item)) {
        throw new Error(`has an entry that is no multiaddr with tcp: ${item}`);
      }
    },
  }),
  disableMdns: booleanSetting({
    env: 'PHALA_WALKIE_DISABLE_MDNS_DISCOVERY',
    description: 'Does not look for peers in the local network',
    default: false,
  }),
  sharedSecret,
  token: stringSetting({
    env: 'PHALA_MONITOR_TOKEN',
    description:
      'Makes an operator: for the login, as a bearer token, or as the password of any user; with no token and no user set nothing is asked',
    secret: true,
    file: true,
  }),
  viewerToken: stringSetting({
    env: 'PHALA_MONITOR_VIEWER_TOKEN',
    description: 'Likewise makes a viewer, who changes nothing',
    secret: true,
    file: true,
  }),
  users,
  sessionHours: integerSetting({
    env: 'PHALA_MONITOR_SESSION_HOURS',
    description: 'After so long one has to log in again',
    default: 12,
    min: 1,
    max: 24 * 30,
    unit: 'hours',
  }),
  auditPath: stringSetting({
    env: 'PHALA_MONITOR_AUDIT_PATH',
    description:
      'File of who changed what, one JSON object a line, rotated at 4 MiB; unset: /var/data/monitor-audit.jsonl where that can be written, else in the log alone',
  }),
  queuePageUrl: urlListSetting({
    env: 'PHALA_MONITOR_QUEUE_PAGE_URL',
    description:
      'Where the page of the transaction queue is, as seen by who uses the dashboard, for links to it',
    schemes: ['http', 'https'],
  }),
  hostNames: listSetting({
    env: 'PHALA_MONITOR_HOST_NAMES',
    description:
      'Names under which the monitor is reached beside localhost, IP addresses and its host name; changes under other names are refused',
    default: [],
    allowed: 'host names separated by commas',
  }),
};

/** Settings of the command hash-password. */
export const hashPasswordSettings = {
  password: {
    ...stringSetting({
      env: 'PHALA_MONITOR_PASSWORD',
      description: 'The password to hash',
      secret: true,
      file: true,
      required: true,
    }),
    allowed: `at least ${MIN_PASSWORD_LENGTH} characters`,
    parse: (text: string) => {
      if (text.length < MIN_PASSWORD_LENGTH) throw new Error('is too short');
      return text;
    },
  },
};

/** The monitor's settings as read. */
export type MonitorSettings = SettingsOf<typeof monitorSettings>;
