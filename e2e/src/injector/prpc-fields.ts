/** A length-delimited field of a protobuf message. */
export interface Field {
  number: number;
  value: Uint8Array;
}

const LENGTH_DELIMITED = 2;

/** Splits a message that has length-delimited fields only, as all sync requests do. */
export function splitFields(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[position++];
      if (byte === undefined || shift > 28) throw new RangeError('a broken varint');
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (position < message.length) {
    const tag = varint();
    if ((tag & 7) !== LENGTH_DELIMITED) throw new RangeError(`field type ${tag & 7}`);
    const length = varint();
    if (length > message.length - position) throw new RangeError('a field is cut off');
    fields.push({ number: tag >>> 3, value: message.subarray(position, position + length) });
    position += length;
  }
  return fields;
}

/** Puts a message together; empty fields are written too. */
export function joinFields(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(({ number, value }) => [
      varintOf(number * 8 + LENGTH_DELIMITED),
      varintOf(value.length),
      value,
    ]),
  );
}

function varintOf(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return Uint8Array.from(out);
}
