export { defineCommand, type Command, type CommandContext } from './command.js';
export { ExitCode, ServiceError, ServiceErrorCode } from './errors.js';
export {
  Health,
  HealthServer,
  readHealth,
  type HealthServerOptions,
  type PartHealth,
} from './health.js';
export { createLogger, LOG_LEVELS, type LoggingOptions, type LogLevel } from './logging.js';
export { createMetrics, type ProcessMetrics } from './metrics.js';
export { ProgressBar, type ProgressSink } from './progress-bar.js';
export {
  commonSettings,
  runService,
  STOP_DEADLINE_MS,
  type ProcessHandle,
  type ProcessOutput,
  type ServiceContext,
  type ServiceDescription,
} from './run-service.js';
export {
  booleanSetting,
  choiceSetting,
  integerSetting,
  listSetting,
  stringSetting,
  urlListSetting,
  type Setting,
  type SettingsOf,
  type SettingsSchema,
  type SettingText,
} from './setting.js';
export {
  printSettings,
  readSettings,
  settingsHelp,
  settingsMarkdown,
  type Environment,
  type ReadSettings,
  type RetiredVariables,
} from './settings.js';
export {
  renewableMetrics,
  StandbyService,
  type Standing,
  type StandbyCollaborators,
  type Turn,
  type TurnSource,
} from './standby.js';
