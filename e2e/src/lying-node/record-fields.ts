/** Fields of a protobuf record by number; the last one counts. Numbers come as they are on the wire, -1 as 2^64 - 1. */
export class RecordFields {
  private readonly fields = new Map<number, Uint8Array | bigint>();

  constructor(record: Uint8Array) {
    let at = 0;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = record[at++];
        if (byte === undefined) throw new RangeError('a broken varint');
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return value;
      }
    };
    while (at < record.length) {
      const tag = Number(varint());
      const number = tag >>> 3;
      if ((tag & 7) === 0) {
        this.fields.set(number, varint());
      } else if ((tag & 7) === 2) {
        const length = Number(varint());
        this.fields.set(number, record.subarray(at, at + length));
        at += length;
      } else {
        throw new RangeError(`field type ${tag & 7}`);
      }
    }
  }

  bytes(number: number): Uint8Array {
    const value = this.fields.get(number);
    return value instanceof Uint8Array ? value : new Uint8Array();
  }

  text(number: number): string {
    return Buffer.from(this.bytes(number)).toString('utf8');
  }

  /** A whole number, signed. */
  int(number: number): number {
    const value = this.fields.get(number);
    return typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : 0;
  }
}
