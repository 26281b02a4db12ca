import type { QuittanceEvent, TopicName } from '@quittance/events';

/** Some events of a topic, those of one key in order. Messages that were no events are not in it: they went to the dead letters. */
export type EventBatch = {
  readonly topic: TopicName;
  /** Where they come from: partitions that no other member of the group gets batches of at the same time. */
  readonly partitions: readonly number[];
  readonly events: readonly QuittanceEvent[];
};

export type SubscribeOptions = {
  /**
   * Consumers of one group share its partitions; a new group starts at the oldest event. Begins with the service's
   * name and may go on after a dot (`ledger`, `ledger.reports`): a database role moves the offsets of no other group.
   */
  readonly group: string;
  readonly topics: readonly TopicName[];
  /** Most events in one batch. Default `batchMaxDefault`. */
  readonly batchMax?: number;
  /** How long events may wait for others, for who prefers fewer and larger batches to early ones. Default 0: they wait a
   * moment while many come, and not at all otherwise. */
  readonly gatherMs?: number;
  /**
   * Types of events that nobody waits for, though others of their topic are urgent: where only such have come they may
   * wait a moment, to be handed over with what comes next. A hint: not every transport takes it.
   */
  readonly unhurried?: readonly QuittanceEvent['type'][];
  readonly onBatch: (batch: EventBatch) => Promise<void>;
};

/** A way for events to travel. Delivery is at least once; the events of one key arrive in the order they were published in. */
export type EventTransport = {
  /**
   * Resolves when all events are kept durably.
   *
   * @throws TransportUnavailableError when they may not be; publish them again.
   */
  publish(events: readonly QuittanceEvent[]): Promise<void>;

  /**
   * Hands events to `onBatch` until `close`; the offset moves after its promise resolves. Does not wait for the broker:
   * while that is away the subscription keeps trying with bounded back-off.
   *
   * A fault of `onBatch` that says `retryable` or is a broken connection is tried again for ever. Any other is tried
   * `handlerTriesMax` times, then event by event; an event that still fails goes to the dead letters.
   */
  subscribe(options: SubscribeOptions): Promise<void>;

  /** @throws TransportUnavailableError when the broker does not answer in time. */
  ping(): Promise<void>;

  /** Stops taking events, waits (bounded) for the handlers that are running, closes all connections. May be called twice. */
  close(): Promise<void>;
};

/** Postgres schemas that have an outbox and an inbox. */
export type ServiceSchema = 'facilitator' | 'settlement' | 'ledger';

/** Runs one parametrized statement on the caller's connection or transaction. */
export type Sql = <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Where messaging says what it does; a pino logger is one. */
export type MessagingLogger = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

const nothing = (): void => undefined;

export const silentLogger: MessagingLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export const batchMaxDefault = 500;
