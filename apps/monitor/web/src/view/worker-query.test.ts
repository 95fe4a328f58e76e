import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionStates, workerStates } from '../../../src/api/contract.js';
import { defaultColumns, isSortable, workerColumns } from './worker-columns.js';
import {
  defaultQuery,
  formatWorkerQuery,
  isFiltering,
  parseWorkerQuery,
  workerFlags,
  type WorkerQuery,
} from './worker-query.js';

const ids = workerColumns.map(({ id }) => id);

const queries: fc.Arbitrary<WorkerQuery> = fc.record({
  text: fc.string().filter((text) => text === '' || text.trim() !== ''),
  states: fc.subarray([...workerStates]),
  sessions: fc.subarray<string>([...sessionStates]),
  pools: fc.uniqueArray(fc.nat().map(String)),
  managers: fc.subarray(['QmYwAPJz', 'QmT5NvUt']),
  flags: fc.subarray([...workerFlags]),
  sort: fc.record({
    by: fc.constantFrom(...ids.filter(isSortable)),
    descending: fc.boolean(),
  }),
  columns: fc.subarray(ids, { minLength: 1 }),
});

describe('the view of the table in the address', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(queries, (query) => {
        expect(parseWorkerQuery(formatWorkerQuery(query))).toEqual(query);
      }),
    );
  });

  it('is nothing for the default', () => {
    expect(formatWorkerQuery(defaultQuery)).toBe('');
    expect(parseWorkerQuery('')).toEqual(defaultQuery);
  });

  it('is short and legible', () => {
    const query = { ...defaultQuery, states: ['S_ERROR', 'S_KICKED'] as const };
    expect(formatWorkerQuery(query)).toBe('?state=S_ERROR,S_KICKED');
  });

  it('leaves out what it does not know', () => {
    const query = parseWorkerQuery(
      '?state=S_NEW,S_ERROR&flag=odd&sort=-publicKey&columns=nope&other=1',
    );
    expect(query).toEqual({ ...defaultQuery, states: ['S_ERROR'] });
    expect(parseWorkerQuery('?columns=v,odd').columns).toEqual(['v']);
    expect(parseWorkerQuery('?columns=').columns).toEqual(defaultColumns);
  });

  it('knows whether it leaves workers out', () => {
    expect(isFiltering(defaultQuery)).toBe(false);
    expect(isFiltering({ ...defaultQuery, sort: { by: 'lag', descending: true } })).toBe(false);
    expect(isFiltering({ ...defaultQuery, flags: ['behind'] })).toBe(true);
    expect(isFiltering({ ...defaultQuery, text: ' ' })).toBe(false);
  });
});
