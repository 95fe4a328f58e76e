export { audit, compare, type AuditOptions, type AuditResult } from './audit.js';
export { ChainReader, type MessageCount, type WorkerOnChain } from './chain-reader.js';
export { parseExpectation, type Expectation } from './expectation.js';
export { readWorkerInfo, type WorkerInfo } from './worker-info.js';
