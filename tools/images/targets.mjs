// The images, by the names of their stages in docker/Dockerfile.

/** @typedef {{ folder: string, service: boolean, assets: string[], ports: number[] }} Target */

/** @type {Record<string, Target>} */
export const targets = {
  'data-provider': { folder: 'apps/data-provider', service: true, assets: [], ports: [8012] },
  lifecycle: { folder: 'apps/lifecycle', service: true, assets: [], ports: [4567] },
  trader: { folder: 'apps/trader', service: true, assets: [], ports: [4567] },
  monitor: {
    folder: 'apps/monitor',
    service: true,
    assets: ['apps/monitor/public'],
    ports: [3000],
  },
  prb: { folder: 'apps/prb', service: false, assets: [], ports: [] },
  devnet: { folder: 'tools/devnet', service: false, assets: [], ports: [] },
};
