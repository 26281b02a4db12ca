export { type Config, ConfigError, parseConfig } from './config.js';
export { createProgress, type Progress } from './progress.js';
export { StandaloneError } from './standalone.error.js';
export { runStandalone, type StandaloneOptions } from './standalone.js';
