import { KafkaLog } from './kafka-log.js';
import { LogTransport } from './log-transport.js';
import { PostgresLog } from './postgres-log.js';
import { type EventTransport, type MessagingLogger, silentLogger } from './transport.js';

/** What either kind needs may be given to both, so that a caller need not know which was chosen. */
export type TransportOptions =
  | {
      readonly kind: 'postgres';
      readonly databaseUrl: string;
      readonly clientId?: string;
      readonly logger?: MessagingLogger;
    }
  | {
      readonly kind: 'kafka';
      readonly brokers: readonly string[];
      readonly clientId: string;
      readonly databaseUrl?: string;
      readonly logger?: MessagingLogger;
    };

/** The transport that was chosen by configuration. Connects when it is first used, and never fails here. */
export function createTransport(options: TransportOptions): EventTransport {
  const logger = options.logger ?? silentLogger;
  const log =
    options.kind === 'postgres'
      ? new PostgresLog({ ...options, logger })
      : new KafkaLog({ ...options, logger });
  return new LogTransport(log, logger);
}
