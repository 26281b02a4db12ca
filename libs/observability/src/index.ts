/**
 * What every service needs to run: settings, logs, health, start and shutdown.
 *
 * @packageDocumentation
 */
export { type CheckResult, checkTimeoutMs, type HealthCheck, readiness, type Readiness } from './health.js';
export { HealthController, HealthModule, type HealthModuleOptions } from './health.module.js';
export { createLogger, type Logger, type LoggerOptions, type LogLevel, logLevels } from './logger.js';
export { NestLogger } from './nest-logger.js';
export {
  isRetryableFault,
  problem,
  type Problem,
  problemContentType,
  problemOfError,
  retryAfterS,
  type RetryableFault,
} from './problem.js';
export { redactFields, redactText } from './redaction.js';
export { runService, type ServiceRun } from './service-run.js';
export {
  ConfigError,
  describeSettings,
  type Environment,
  readSettings,
  type ServiceConfig,
  serviceConfig,
  serviceSettings,
  type ServiceSettingsOptions,
  type SettingDescription,
  type SettingsReading,
  textSetting,
  wholeNumberSetting,
} from './settings.js';
export { onShutdown, type ProcessLike, type ShutdownOptions, shutdownTimeoutMs } from './shutdown.js';
export { TimeoutError, withTimeout } from './timeout.js';
