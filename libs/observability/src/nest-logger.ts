import type { LoggerService } from '@nestjs/common';

import type { Logger } from './logger.js';

/** Gives Nest's own messages to our logger; Nest passes the context as the last parameter. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...details: unknown[]): void {
    this.write('debug', message, details);
  }

  error(message: unknown, ...details: unknown[]): void {
    this.write('error', message, details);
  }

  warn(message: unknown, ...details: unknown[]): void {
    this.write('warn', message, details);
  }

  debug(message: unknown, ...details: unknown[]): void {
    this.write('debug', message, details);
  }

  verbose(message: unknown, ...details: unknown[]): void {
    this.write('trace', message, details);
  }

  fatal(message: unknown, ...details: unknown[]): void {
    this.write('fatal', message, details);
  }

  private write(
    level: 'debug' | 'error' | 'warn' | 'trace' | 'fatal',
    message: unknown,
    details: readonly unknown[],
  ): void {
    const last = details.at(-1);
    const context = typeof last === 'string' ? { context: last } : {};
    const rest = typeof last === 'string' ? details.slice(0, -1) : details;
    const more = rest.length === 0 ? {} : { details: rest };
    if (message instanceof Error) {
      this.logger[level]({ ...context, ...more, err: message }, message.message);
    } else {
      this.logger[level](
        { ...context, ...more },
        typeof message === 'string' ? message : JSON.stringify(message),
      );
    }
  }
}
