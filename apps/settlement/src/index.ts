export { type Config, parseConfig, settings } from './config.js';
export { type Service, startService } from './service.js';
