import {
  booleanSetting,
  integerSetting,
  listSetting,
  stringSetting,
  type Setting,
  type SettingsOf,
} from '@runtime-bridge/service-kit';
import { SharedSecret } from '@runtime-bridge/walkie-protocol';

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
      'Asked of everybody, as a bearer token or as the password of any user; unset asks nothing',
    secret: true,
    file: true,
  }),
  hostNames: listSetting({
    env: 'PHALA_MONITOR_HOST_NAMES',
    description:
      'Names under which the monitor is reached beside localhost, IP addresses and its host name; changes under other names are refused',
    default: [],
    allowed: 'host names separated by commas',
  }),
};

/** The monitor's settings as read. */
export type MonitorSettings = SettingsOf<typeof monitorSettings>;
