export { createLifecycle, type Lifecycle, type LifecycleCollaborators } from './service.js';
export { lifecycleSettings, retiredVariables, type LifecycleSettings } from './settings.js';
