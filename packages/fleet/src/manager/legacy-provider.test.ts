import { afterEach, expect, it } from 'vitest';

import { FleetRig } from '../rig/fleet-rig.test.support.js';
import { LegacyProvider } from '../rig/legacy-provider.test.support.js';

/** Our runners on a data provider of 2022, which has only what it wrote. */

let rig: FleetRig;
afterEach(async () => {
  await rig.close();
});

async function legacyRig(): Promise<LegacyProvider> {
  rig = await FleetRig.create(0);
  const provider = new LegacyProvider('of-2022');
  provider.relayHeight = 100;
  rig.providers.splice(0, rig.providers.length, provider);
  rig.look();
  return provider;
}

it.each([
  ['from the beginning', {}],
  ['at the beginning of a range', { initialized: true, h: 21, q: 6, b: 6 }],
  ['inside of a range', { initialized: true, h: 23, q: 6, b: 6 }],
  ['inside of a range, with blocks to catch up', { initialized: true, h: 63, q: 26, b: 11 }],
  [
    'without the para headers of its relay headers',
    { initialized: true, h: 25, q: 4, b: 4, relayRoot: true },
  ],
  [
    'without them in the window that has not ended',
    { initialized: true, h: 93, q: 38, b: 38, relayRoot: true },
  ],
  ['in the window that has not ended', { initialized: true, h: 91, q: 40, b: 40 }],
])('a worker %s comes to the head and stays there', async (_what, start) => {
  const provider = await legacyRig();
  const worker = await rig.add('w1', { enabled: false });
  Object.assign(worker, start);
  await rig.inventory.updateWorkers([{ id: { kind: 'name', name: 'w1' }, input: rig.input('w1') }]);
  rig.run(30);
  await rig.until('active', () => rig.status('w1') === 'S_ACTIVE', 15_000);
  const { head } = rig;
  await rig.until('the head moved on', () => rig.head > head + 8);
  await rig.until('at the head', () => worker.b > rig.head - 4);
  await rig.until('still active', () => rig.status('w1') === 'S_ACTIVE');
  // It is asked for more than it has, and that is no trouble.
  expect(provider.missed.length).toBeGreaterThan(0);
});
