export { Demo, type DemoCollaborators } from './demo.js';
export { ChainRpc } from './chain-rpc.js';
export { MonitorApi, type DataProviderInfo, type WorkerState } from './monitor-api.js';
export type { DevNetwork } from './dev-network.js';
export type { DemoOptions } from './options.js';
export { pools, wantedWorkers, type WantedWorker } from './inventory.js';
export { SupervisedProcess } from './supervised-process.js';
