import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Which of the two chains. */
export type ChainName = 'relay' | 'para';

/** What was recorded of one chain. */
export interface ChainRecording {
  /** First and last recorded block, inclusive; the last one stands for the finalised head. */
  readonly first: number;
  readonly last: number;
  /** Results by `keyOf` the call. */
  readonly answers: ReadonlyMap<string, unknown>;
}

/** What a bridge needs of two chains, as their nodes answered it. */
export type Recording = Readonly<Record<ChainName, ChainRecording>>;

/** A directory that holds no recording, or one of another format. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}

const FORMAT = 1;

/** Name of a call among the answers. */
export function keyOf(method: string, params: readonly unknown[]): string {
  return `${method} ${JSON.stringify(params)}`;
}

/** Writes `index.json`, and per chain a file with one `[call, result]` a line. */
export async function writeRecording(directory: string, recording: Recording): Promise<void> {
  await mkdir(directory, { recursive: true });
  const range = ({ first, last }: ChainRecording) => ({ first, last });
  for (const chain of ['relay', 'para'] as const) {
    const lines = [...recording[chain].answers].map((entry) => JSON.stringify(entry));
    await writeFile(join(directory, `${chain}.jsonl`), `${lines.join('\n')}\n`);
  }
  const index = { format: FORMAT, relay: range(recording.relay), para: range(recording.para) };
  await writeFile(join(directory, 'index.json'), `${JSON.stringify(index, undefined, 2)}\n`);
}

/**
 * Reads a whole recording into memory.
 *
 * @throws RecordingError when there is none, or it is of another format
 */
export async function readRecording(directory: string): Promise<Recording> {
  let index: { format: number } & Record<ChainName, { first: number; last: number }>;
  try {
    index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as typeof index;
  } catch (error) {
    throw new RecordingError(`${directory} holds no recording`, { cause: error });
  }
  if (index.format !== FORMAT) {
    throw new RecordingError(`${directory}: format ${index.format}, ${FORMAT} is expected`);
  }
  const load = async (chain: ChainName): Promise<ChainRecording> => {
    const text = await readFile(join(directory, `${chain}.jsonl`), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '');
    const answers = new Map(lines.map((line) => JSON.parse(line) as [string, unknown]));
    return { ...index[chain], answers };
  };
  return { relay: await load('relay'), para: await load('para') };
}
