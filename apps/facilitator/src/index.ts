export { type Config, parseConfig, settings } from './config.js';
export { openApiDocument } from './openapi.js';
