import { describe, expect, it } from 'vitest';
import { readOptions } from './options.js';
import { faultArguments } from './network-options.js';

const read = (...args: string[]) => readOptions(['node', 'demo', ...args]);

describe('readOptions', () => {
  it('hands the shape of the network on to the process that it is of', () => {
    const options = read('--session-blocks', '3', '--vote-ancestries', '--light-workers');
    expect(options.networkArgs).toEqual({
      chains: ['--session-blocks', '3', '--vote-ancestries'],
      workers: ['--light-workers'],
    });
    expect(read().networkArgs).toEqual({ chains: [], workers: [] });
  });

  it('keeps faults in order', () => {
    const { nodes, fault } = read('--nodes', '2', '--fault', 'relay:null', '--fault', 'para:drop');
    expect({ nodes, fault }).toEqual({ nodes: 2, fault: ['relay:null', 'para:drop'] });
  });
});

describe('faultArguments', () => {
  it('tells each process of its own faults', () => {
    const faults = ['relay2:latency,ms=5', 'worker1:hang', 'workers:late,ms=9'];
    expect(faultArguments(faults, 'chains')).toEqual(['--fault', 'relay2:latency,ms=5']);
    expect(faultArguments(faults, 'workers')).toEqual([
      ...['--fault', 'worker1:hang'],
      ...['--fault', 'workers:late,ms=9'],
    ]);
  });
});
