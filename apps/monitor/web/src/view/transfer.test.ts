import { describe, expect, it } from 'vitest';
import { transferFormats } from '../../../src/api/contract.js';
import { exampleOf, guessFormat } from './transfer.js';

describe('the format of a pasted text', () => {
  it.each(['csv', 'yaml', 'json'] as const)('is seen by its looks: %s', (format) => {
    expect(guessFormat(exampleOf(format))).toBe(format);
  });

  it('is PRBv3 where pools hold their workers', () => {
    expect(guessFormat('[{"pool": {"pid": 1}, "workers": []}]')).toBe('prbv3');
    expect(guessFormat(' {"pools": []}')).toBe('json');
  });

  it('has an example each', () => {
    for (const format of transferFormats) expect(exampleOf(format)).not.toBe('');
  });
});
