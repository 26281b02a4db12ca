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
    options.destination ?? pino.destination({ dest: 1, sync: false }),
  );
}
