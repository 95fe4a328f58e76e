import {
  toJson,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
} from '@bufbuild/protobuf';
import { scalarZeroValue } from '@bufbuild/protobuf/reflect';

/** Messages whose numbers, flags and states scripts read, also where a peer left out a zero or false one. */
const COMPLETE: ReadonlySet<string> = new Set([
  'prb.WorkerState',
  'prb.data_provider.Info',
  'prb.db.Pool',
  'prb.db.Worker',
]);

/**
 * A message in the JSON of 2022's monitor: lowerCamelCase names, enums by name, 64-bit numbers as strings, bytes in base64,
 * empty lists and what is not there left out. In worker states, pools, workers and provider infos zero and false values are
 * always there. Worker states carry the names of before 1.3, `minerInfoJson` and `minerAccountId`, besides.
 */
export function toMonitorJson<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
): JsonObject {
  const json = toJson(schema, message) as JsonObject;
  complete(schema, json);
  return json;
}

function complete(schema: DescMessage, json: JsonObject): void {
  const isComplete = COMPLETE.has(schema.typeName);
  for (const field of schema.fields) {
    const value = json[field.jsonName];
    if (field.message !== undefined && field.fieldKind !== 'map') {
      const messages = Array.isArray(value) ? value : [value];
      for (const item of messages) if (isObject(item)) complete(field.message, item);
    } else if (isComplete && value === undefined) {
      const zero = zeroOf(field);
      if (zero !== undefined) json[field.jsonName] = zero;
    }
  }
  if (schema.typeName === 'prb.WorkerState') {
    if (json['sessionInfoJson'] !== undefined) json['minerInfoJson'] = json['sessionInfoJson'];
    if (json['workerAccountId'] !== undefined) json['minerAccountId'] = json['workerAccountId'];
  }
}

/** The value of a number, flag or state that is not there; texts and bytes stay away. */
function zeroOf(field: DescField): JsonValue | undefined {
  if (field.oneof !== undefined) return undefined;
  if (field.fieldKind === 'enum') return field.enum.values[0]?.name;
  if (field.fieldKind !== 'scalar') return undefined;
  const zero = scalarZeroValue(field.scalar, false);
  if (typeof zero === 'bigint') return zero.toString();
  return typeof zero === 'boolean' || typeof zero === 'number' ? zero : undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
