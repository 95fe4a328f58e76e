import { type Authority, encodeAuthorityList, readAuthorityList } from './authorities.js';
import { type DigestItem, type Header } from './header.js';
import { ScaleReader } from './scale-reader.js';
import { ScaleWriter } from './scale-writer.js';

/** The engine id of GRANDPA in digests and justifications. */
export const GRANDPA_ENGINE = 'FRNK';

/** A change of the GRANDPA voters that a header announces. */
export interface ScheduledChange {
  /** the next voters */
  authorities: Authority[];
  /** blocks after this header until the change takes effect; 0 on every chain we serve */
  delay: number;
}

const ConsensusLogIndex = { SCHEDULED_CHANGE: 1, FORCED_CHANGE: 2 } as const;

/**
 * The scheduled change of authorities in a header's digest. As in Substrate, the first log counts that can be decoded
 * as one; other GRANDPA logs (on disabled, pause, resume) do not matter here.
 *
 * Source: phala-blockchain 654b1b699 crates/phactory/src/light_validation/mod.rs (find_scheduled_change).
 */
export function scheduledChange(header: Header): ScheduledChange | undefined {
  for (const data of grandpaLogs(header)) {
    if (data[0] !== ConsensusLogIndex.SCHEDULED_CHANGE) continue;
    const change = tryDecode(data, (reader) => readChange(reader));
    if (change !== undefined) return change;
  }
  return undefined;
}

/** A forced change of authorities, which no light client can follow: pRuntime knows no such thing. */
export function forcedChange(
  header: Header,
): (ScheduledChange & { medianLastFinalized: number }) | undefined {
  for (const data of grandpaLogs(header)) {
    if (data[0] !== ConsensusLogIndex.FORCED_CHANGE) continue;
    const change = tryDecode(data, (reader) => {
      const medianLastFinalized = reader.u32('medianLastFinalized');
      return { medianLastFinalized, ...readChange(reader) };
    });
    if (change !== undefined) return change;
  }
  return undefined;
}

/** Whether the digest holds a forced change. */
export function hasForcedChange(header: Header): boolean {
  return forcedChange(header) !== undefined;
}

/** The digest log that announces `change`. */
export function scheduledChangeLog(change: ScheduledChange): DigestItem {
  const data = new ScaleWriter()
    .u8(ConsensusLogIndex.SCHEDULED_CHANGE)
    .raw(encodeAuthorityList(change.authorities))
    .u32(change.delay)
    .finish();
  return { kind: 'consensus', engine: GRANDPA_ENGINE, data };
}

function grandpaLogs(header: Header): Uint8Array[] {
  return header.logs.flatMap((log) =>
    log.kind === 'consensus' && log.engine === GRANDPA_ENGINE ? [log.data] : [],
  );
}

function readChange(reader: ScaleReader): ScheduledChange {
  return { authorities: readAuthorityList(reader), delay: reader.u32('delay') };
}

function tryDecode<T>(data: Uint8Array, read: (reader: ScaleReader) => T): T | undefined {
  const reader = new ScaleReader(data, 'GRANDPA digest log');
  reader.skip(1);
  try {
    return read(reader);
  } catch {
    return undefined; // Substrate passes over a log that it cannot decode
  }
}
