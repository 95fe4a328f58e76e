export { createTrader, type TraderCollaborators } from './service.js';
export { retiredVariables, traderSettings, type TraderSettings } from './settings.js';
