export { createMonitor, type Monitor } from './service.js';
export { monitorSettings, type MonitorSettings } from './settings.js';
