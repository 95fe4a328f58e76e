import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { argumentsFor, optionsOf, type CliOptions } from './options.js';

function parse(command: 'all' | 'chains' | 'workers', args: string[]): CliOptions {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  optionsOf(command).forEach((option) => program.addOption(option));
  program.parse(args, { from: 'user' });
  return program.opts();
}

describe('command line', () => {
  it('has the defaults of the dev network', () => {
    expect(parse('all', [])).toMatchObject({
      blockMs: 600,
      sessionBlocks: 10,
      authorities: 4,
      finalityLag: 2,
      justificationPeriod: 8,
      relay: 'old',
      pruntime: ['0.2.6'],
      volatileWorkers: false,
    });
  });

  it.each([
    ['--relay-port', '65536'],
    ['--relay-port', '-1'],
    ['--block-ms', '5'],
    ['--session-blocks', '0'],
    ['--authorities', '1001'],
    ['--finality-lag', '1.5'],
    ['--relay', 'older'],
    ['--pruntime', '0.2.5'],
    ['--workers', 'three'],
  ])('refuses %s %s', (name, value) => {
    expect(() => parse('all', [name, value])).toThrow(CommanderError);
  });

  it('hands each process its options', () => {
    const options = parse('all', [
      '--seed',
      's t',
      '--workers',
      '7',
      '--volatile-workers',
      '--para-port',
      '0',
    ]);
    const chains = argumentsFor('chains', options);
    const workers = argumentsFor('workers', options);
    expect(parse('chains', chains)).toMatchObject({ seed: 's t', paraPort: 0, relayPort: 9944 });
    expect(parse('workers', workers)).toMatchObject({
      seed: 's t',
      workers: 7,
      volatileWorkers: true,
      pruntime: ['0.2.6'],
    });
    expect(() => parse('chains', workers)).toThrow(CommanderError);
  });
});
