import { toHex, type Hex } from '@runtime-bridge/base';
import { decodeEgressMessages } from '@runtime-bridge/blob-codec';

import type { EgressReport } from '../runner/messages.js';

/** What one report may carry per sender; what is left comes with the next. */
const MAX_MESSAGES = 200;
const MAX_BYTES = 512 * 1024;

/**
 * What of a worker's egress list the chain does not have yet, in order of sequences, bounded.
 * @param encoded SCALE Vec<(MessageOrigin, Vec<SignedMessage>)>
 * @param ingressOf next sequence that the chain takes of a sender, undefined when not known
 * @throws CodecError when the list cannot be read
 */
export function egressReports(
  encoded: Uint8Array,
  ingressOf: (origin: Hex) => bigint | undefined,
): EgressReport[] {
  // pRuntime answers an empty body before initialization.
  if (encoded.length === 0) return [];
  return decodeEgressMessages(encoded).flatMap((queue) => {
    const origin = toHex(queue.origin);
    const from = ingressOf(origin) ?? 0n;
    const open = queue.messages
      .filter(({ sequence }) => sequence >= from)
      .sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
    const messages: { sequence: bigint; raw: Uint8Array }[] = [];
    let size = 0;
    for (const { sequence, raw } of open) {
      size += raw.length;
      if (messages.length >= MAX_MESSAGES || (size > MAX_BYTES && messages.length > 0)) break;
      // Copied: a view would carry the whole answer across the process boundary.
      messages.push({ sequence, raw: raw.slice() });
    }
    return messages.length === 0 ? [] : [{ origin, messages }];
  });
}
