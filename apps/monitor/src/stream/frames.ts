import { constants, deflateRawSync } from 'node:zlib';

/** Begins a gzip stream without names and times. RFC 1952 section 2.3. */
export const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);

/** Bytes of one or more events, plain and squeezed; either is made once, for however many clients. */
export class Frame {
  #squeezed: Buffer | undefined;

  constructor(
    readonly plain: Buffer,
    /** The newest event in it, 0 for one that is none of the sequence. */
    readonly seq: number,
  ) {}

  /**
   * Deflated by itself and ended on a byte: such pieces one after the other, whichever came before, are a valid deflate
   * stream. So what all clients get is compressed once, not once for each.
   */
  get squeezed(): Buffer {
    this.#squeezed ??= deflateRawSync(this.plain, { finishFlush: constants.Z_SYNC_FLUSH });
    return this.#squeezed;
  }
}

/** One event of a stream of server-sent events. `json` must have no line breaks. */
export function eventText(type: string, json: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${json}\n\n`;
}
