import { integerOf, type ControlCommand } from '../control/control-server.js';
import { FaultRequestError } from '../faults/index.js';
import type { StateVersion } from '../primitives/trie.js';
import type { ChainDriver } from './driver.js';

/** What the control port of the chains can do besides faults. */
export function chainCommands(
  driver: ChainDriver,
  actions: {
    disconnect: () => void;
    /** Submits the extrinsic that sets new code. */
    upgrade: (specVersion: number, stateVersion: StateVersion) => void;
  },
): Readonly<Record<string, ControlCommand>> {
  const { state } = driver.pair;
  return {
    heights: {
      description: 'tells the heights of both chains',
      run: async () => driver.heights(),
    },
    pause: {
      description: 'no further blocks',
      run: async () => {
        driver.pause();
        return driver.heights();
      },
    },
    resume: {
      description: 'blocks again',
      run: async () => {
        driver.resume();
        return driver.heights();
      },
    },
    step: {
      description: 'makes {"count": n} relay blocks at once, with --clock stepped',
      run: async (parameters) => {
        const count = integerOf(parameters, 'count', 1, 1, 1_000_000);
        try {
          await driver.step(count);
        } catch (error) {
          if (error instanceof RangeError) throw new FaultRequestError(error.message);
          throw error;
        }
        return driver.heights();
      },
    },
    finality: {
      description: 'sets {"lag": blocks}, or holds finality with {"held": true}; it jumps after',
      run: async (parameters) => {
        state.finalityLag = integerOf(parameters, 'lag', state.finalityLag, 0, 1_000_000);
        state.isFinalityHeld = booleanOf(parameters, 'held', state.isFinalityHeld);
        return state;
      },
    },
    reorg: {
      description: 'replaces the newest {"depth": n} relay blocks, as far as they are not final',
      run: async (parameters) => ({
        replaced: await driver.reorganise(integerOf(parameters, 'depth', 1, 1, 1_000_000)),
        ...driver.heights(),
      }),
    },
    parachain: {
      description:
        'sets {"blocksPerHead": n, "relayBlocksPerBlock": n}: heads skip blocks, or come seldom',
      run: async (parameters) => {
        state.paraBlocksPerHead = integerOf(
          parameters,
          'blocksPerHead',
          state.paraBlocksPerHead,
          1,
          1000,
        );
        state.relayBlocksPerParaBlock = integerOf(
          parameters,
          'relayBlocksPerBlock',
          state.relayBlocksPerParaBlock,
          1,
          1000,
        );
        return state;
      },
    },
    upgrade: {
      description:
        'sudo sets a new runtime for the parachain: {"specVersion": n, "stateVersion": 0|1}; ' +
        'from 1290 on its extrinsics have CheckMetadataHash',
      run: async (parameters) => {
        const specVersion = integerOf(parameters, 'specVersion', 1290, 1, 999_999_999);
        const stateVersion = integerOf(parameters, 'stateVersion', 0, 0, 1);
        actions.upgrade(specVersion, stateVersion === 1 ? 1 : 0);
        return { specVersion, stateVersion };
      },
    },
    disconnect: {
      description: 'breaks every RPC connection now',
      run: async () => {
        actions.disconnect();
        return {};
      },
    },
  };
}

function booleanOf(
  parameters: Readonly<Record<string, unknown>>,
  name: string,
  fallback: boolean,
): boolean {
  const value = parameters[name] ?? fallback;
  if (typeof value !== 'boolean') throw new FaultRequestError(`${name} is true or false`);
  return value;
}
