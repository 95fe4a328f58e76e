import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { AbortScope } from './abort-scope.js';

describe('AbortScope', () => {
  it('ends with either parent and leaves nothing behind', () => {
    const a = new AbortController();
    const b = new AbortController();
    const scope = new AbortScope(a.signal, undefined, b.signal);
    expect(scope.signal.aborted).toBe(false);
    b.abort('why');
    expect(scope.signal.aborted).toBe(true);
    expect(scope.signal.reason).toBe('why');
    expect(getEventListeners(a.signal, 'abort')).toHaveLength(0);
  });

  it('ends by itself without touching its parent', () => {
    const parent = new AbortController();
    const scope = new AbortScope(parent.signal);
    scope.end();
    expect(scope.signal.aborted).toBe(true);
    expect(parent.signal.aborted).toBe(false);
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0);
  });

  it('is over at once with a parent that is', () => {
    const parent = new AbortController();
    parent.abort('gone');
    expect(new AbortScope(parent.signal).signal.reason).toBe('gone');
  });
});
