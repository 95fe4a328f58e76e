export * from './amounts.js';
export * from './contract.js';
export * from './fleet-model.js';
export * from './glossary.js';
