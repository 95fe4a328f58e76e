export {
  createMonitor,
  type Monitor,
  type MonitorCollaborators,
  type MonitorOverrides,
} from './service.js';
export { monitorSettings, type MonitorSettings } from './settings.js';
