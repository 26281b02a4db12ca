import { type DestinationStream, type Logger, pino } from 'pino';

import { redactFields, redactText } from './redaction.js';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

export type { Logger };

export type LoggerOptions = {
  readonly service: string;
  readonly level: LogLevel;
  /** Where lines go; standard output unless told. */
  readonly destination?: DestinationStream;
};

/** A JSON logger, one line a record, that hides secrets by name and by look in fields, messages and errors. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      // The last gate: messages and serialized errors pass here too, whichever way they were logged.
      hooks: { streamWrite: redactText },
      // Errors are flattened by `redactFields` already; the standard serializer would rename them.
      serializers: { err: (error: unknown) => error },
    },
    // Every line is written at once; with a least length of 0, a flush would wait for nothing.
    options.destination ?? pino.destination({ dest: 1, sync: false, minLength: 1 }),
  );
}

/** How long an ending process waits for its last lines to be read. */
const flushTimeoutMs = 1_000;

/**
 * Resolves when all lines so far are written, or nobody reads them: to be awaited before the process ends. The destination
 * writes what is left while the process exits, and would try for ever if its reader were gone.
 */
export async function flushed(logger: Logger): Promise<void> {
  const written = Promise.withResolvers<void>();
  const timer = setTimeout(() => written.resolve(), flushTimeoutMs);
  logger.flush(() => written.resolve());
  await written.promise;
  clearTimeout(timer);
}
