export { createTransport, type TransportOptions } from './create-transport.js';
export { type DeadLetter, deadLetterSchema } from './dead-letter.js';
export { handlerTriesMax } from './delivery.js';
export { eventRoute } from './event-route.js';
export { EventServer, type EventServerOptions, OnEventBatch } from './event-server.js';
export { takeUnseen } from './inbox.js';
export { emitEvents } from './outbox.js';
export { OutboxRelay, type OutboxRelayOptions, relayBatchMax } from './outbox-relay.js';
export { PostgresSession } from './postgres-session.js';
export {
  brokersProblem,
  type MessagingSettings,
  messagingSettings,
  type TransportChoice,
  transportChoice,
} from './settings.js';
export { eventPlace, type EventPlace } from './topic-partition.js';
export {
  EventHandlerFaultHiddenError,
  TransportMisconfiguredError,
  TransportUnavailableError,
} from './transport.error.js';
export {
  batchMaxDefault,
  type EventBatch,
  type EventTransport,
  type MessagingLogger,
  type ServiceSchema,
  type Sql,
  type SubscribeOptions,
} from './transport.js';
