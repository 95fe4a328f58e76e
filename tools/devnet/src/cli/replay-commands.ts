import { record } from '../replay/recorder.js';
import { writeRecording } from '../replay/recording.js';
import { startReplay } from '../replay/replay-server.js';
import { aborted, logOf, ready, type CliContext } from './commands.js';

/** Options of `record`. */
export interface RecordCommandOptions {
  relay: string;
  para: string;
  paraId: number;
  from?: number;
  count: number;
  out: string;
}

/** Options of `replay`. */
export interface ReplayCommandOptions {
  from: string;
  host: string;
  relayPort: number;
  paraPort: number;
}

/** Records and ends. */
export async function recordCommand(
  options: RecordCommandOptions,
  context: CliContext,
): Promise<void> {
  const log = logOf(context, 'record');
  const { relay, para, paraId, from, count, out } = options;
  const recording = await record({ relayUrl: relay, paraUrl: para, paraId, from, count }, { log });
  await writeRecording(out, recording);
  log('recording written', {
    directory: out,
    relayFirst: recording.relay.first,
    relayLast: recording.relay.last,
    paraLast: recording.para.last,
  });
}

/** Serves a recording until the signal. */
export async function replayCommand(
  options: ReplayCommandOptions,
  context: CliContext,
): Promise<void> {
  const log = logOf(context, 'replay');
  const { from, ...rest } = options;
  const replay = await startReplay({ ...rest, directory: from }, { log });
  ready(context, { relay: replay.relayUrl, para: replay.paraUrl });
  await aborted(context.signal);
  await replay.stop();
}
