export { type Config, parseConfig, settings } from './config.js';
export { openApiDocument } from './openapi.js';
export { type Service, startService } from './service.js';
