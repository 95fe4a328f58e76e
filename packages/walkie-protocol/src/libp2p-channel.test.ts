import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { describe, expect, it } from 'vitest';
import './polyfill.js';
import { Libp2pChannel } from './libp2p-channel.js';

const channelOf = (stream: Stream) => new Libp2pChannel(stream, 'QmPeer');
const signal = () => AbortSignal.timeout(5_000);

async function pair(): Promise<[Stream, Stream]> {
  return await streamPair();
}

describe('Libp2pChannel', () => {
  it('carries bytes and the half-close, nothing included', async () => {
    for (const size of [0, 1, 3_000_000]) {
      const [here, there] = await pair();
      const bytes = new Uint8Array(size).fill(7);
      const read = channelOf(there).readAll(size, signal());
      await channelOf(here).writeAll(bytes, signal());
      expect(Buffer.compare(await read, bytes)).toBe(0);
    }
  });

  it('reads what came, and the half-close, before anybody listened', async () => {
    const [here, there] = await pair();
    await channelOf(here).writeAll(Uint8Array.of(1, 2), signal());
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await channelOf(there).readAll(10, signal())).toEqual(Uint8Array.of(1, 2));
  });

  it('fails at a reset, before and while reading, and at a message that is too large', async () => {
    const [here, there] = await pair();
    const reading = channelOf(there).readAll(10, signal());
    here.send(Uint8Array.of(1));
    here.abort(new Error('gone'));
    await expect(reading).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const late = channelOf(there).readAll(10, signal());
    await expect(late).rejects.toMatchObject({ code: 'INTERRUPTED' });

    const [from, to] = await pair();
    const small = channelOf(to).readAll(2, signal());
    from.send(Uint8Array.of(1, 2, 3));
    await expect(small).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(to.status).toBe('aborted');
  });

  it('gives up reading and writing with the signal', async () => {
    const [here, there] = await pair();
    const reading = channelOf(there).readAll(10, AbortSignal.timeout(20));
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
    const writing = channelOf(here).writeAll(Uint8Array.of(1), AbortSignal.abort());
    await expect(writing).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('waits for a slow reader instead of piling up what it writes', async () => {
    const sent: number[] = [];
    let drain!: () => void;
    const slow = {
      send: (bytes: Uint8Array) => {
        sent.push(bytes.length);
        return false;
      },
      onDrain: () => new Promise<void>((resolve) => (drain = resolve)),
      close: () => Promise.resolve(),
    } as unknown as Stream;
    const writing = channelOf(slow).writeAll(new Uint8Array(600_000), signal());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sent).toEqual([262_144]);
    while (sent.length < 3) {
      drain();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    drain();
    await writing;
    expect(sent).toEqual([262_144, 262_144, 75_712]);
  });
});
