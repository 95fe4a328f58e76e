import { sleep } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import { inOrder, span } from './ordered.js';

const never = new AbortController().signal;

async function collect<R>(source: AsyncIterable<{ height: number; result: R }>): Promise<R[]> {
  const results: R[] = [];
  for await (const { result } of source) results.push(result);
  return results;
}

describe('inOrder', () => {
  it('yields in order whatever is ready first', async () => {
    const work = async (height: number) => {
      await sleep(10 - height);
      return height;
    };
    const options = { maxAhead: 4, maxBytesAhead: 1_000, sizeOf: () => 1 };
    expect(await collect(inOrder(span(1, 9), work, options, never))).toEqual([...span(1, 9)]);
  });

  it('runs ahead by so many pieces and bytes only', async () => {
    let begun = 0;
    const options = { maxAhead: 5, maxBytesAhead: 30, sizeOf: () => 10 };
    const source = inOrder(span(1, 100), async () => (begun += 1), options, never);
    await source.next();
    await sleep(5);
    expect(begun).toBeLessThanOrEqual(7);
    // Nobody takes anything: nothing more is begun.
    const before = begun;
    await sleep(10);
    expect(begun).toBe(before);
    await source.return();
  });

  it('fails when the turn of the failure comes, and gives up the rest', async () => {
    const aborted: number[] = [];
    const work = async (height: number, signal: AbortSignal) => {
      signal.addEventListener('abort', () => aborted.push(height));
      if (height === 3) throw new Error('three');
      if (height > 3) await sleep(60_000, signal);
      return height;
    };
    const options = { maxAhead: 5, maxBytesAhead: 1_000, sizeOf: () => 1 };
    const seen: number[] = [];
    const run = async () => {
      for await (const { result } of inOrder(span(1, 9), work, options, never)) seen.push(result);
    };
    await expect(run()).rejects.toThrow('three');
    expect(seen).toEqual([1, 2]);
    expect(aborted).toContain(5);
  });
});
