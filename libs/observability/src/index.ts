export { closeOf } from './closing.js';
/**
 * What every service needs to run: settings, logs, health, metrics, start and shutdown.
 *
 * @packageDocumentation
 */
export { armCrashPoint, crashPoint, type CrashPointName } from './crash-point.js';
export { type CheckResult, checkTimeoutMs, type HealthCheck, readiness, type Readiness } from './health.js';
export { HealthController, HealthModule, type HealthModuleOptions } from './health.module.js';
export { createLogger, type Logger, type LoggerOptions, type LogLevel, logLevels } from './logger.js';
export {
  type CollectedGaugeOptions,
  collectTimeoutMs,
  type Counter,
  type Figure,
  type Gauge,
  type GaugeReading,
  type Histogram,
  type HistogramOptions,
  type LabelArgument,
  type Labels,
  type MetricOptions,
  Metrics,
  metricsContentType,
  type MetricsOptions,
  seriesMax,
} from './metrics.js';
export { MetricError } from './metric.error.js';
export { MetricsController, MetricsModule, type MetricsModuleOptions } from './metrics.module.js';
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
