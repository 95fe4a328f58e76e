import { actionKinds, apiLimits, transferFormats } from '../api/index.js';

// JSON schemas of the bodies that the API takes. What the manager judges (names, endpoints, stakes) it judges alone; these
// only make sure of the kinds of values and of their sizes.

const text = (maxLength: number) => ({ type: 'string', maxLength }) as const;
/** A stake pool's number: 64 bits. */
const pid = { type: 'string', pattern: '^[0-9]{1,19}$' } as const;
const flag = { type: 'boolean' } as const;

function object<P extends Record<string, object>, R extends keyof P & string>(
  properties: P,
  ...required: R[]
) {
  return { type: 'object', properties, required, additionalProperties: false } as const;
}

export const loginBody = {
  anyOf: [
    object({ token: text(1_000) }, 'token'),
    object({ user: text(100), password: text(1_000) }, 'user', 'password'),
  ],
} as const;

const workerKey = object({ manager: text(100), uuid: text(100) }, 'manager', 'uuid');

export const actionBody = object(
  {
    kind: { enum: actionKinds },
    targets: { type: 'array', minItems: 1, maxItems: apiLimits.maxTargets, items: workerKey },
    pid,
    preview: flag,
    confirmation: text(100),
  },
  'kind',
  'targets',
);

export const poolBody = object(
  {
    pid,
    name: text(1_000),
    enabled: flag,
    syncOnly: flag,
    proxiedAccount: text(200),
    mnemonic: text(2_000),
  },
  'pid',
  'name',
  'enabled',
  'syncOnly',
  'proxiedAccount',
);

export const workerBody = object(
  {
    pid,
    name: text(1_000),
    endpoint: text(3_000),
    stake: { type: 'string', pattern: '^[0-9]{1,39}$' },
    enabled: flag,
    syncOnly: flag,
  },
  'pid',
  'name',
  'endpoint',
  'stake',
  'enabled',
  'syncOnly',
);

export const newWorkersBody = object(
  {
    workers: { type: 'array', minItems: 1, maxItems: apiLimits.maxTargets, items: workerBody },
  },
  'workers',
);

export const importBody = object(
  {
    format: { enum: transferFormats },
    text: text(apiLimits.maxBodyBytes),
    prune: flag,
    dryRun: flag,
    skipFaulty: flag,
    planId: text(200),
  },
  'format',
  'text',
  'prune',
  'dryRun',
);

export const silenceBody = object(
  { untilMs: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'null' }] } },
  'untilMs',
);
