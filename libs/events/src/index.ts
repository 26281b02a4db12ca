export {
  catalogue,
  type ChainEvent,
  createEvent,
  type EventOf,
  type EventParts,
  eventSchemas,
  type EventType,
  isPaymentEvent,
  type ParsedEvent,
  parseEvent,
  type PaymentEvent,
  type QuittanceEvent,
  type TopicName,
  topicOf,
  topics,
} from './catalogue.js';
export { type BlockRef, digits, type GasSpent } from './fields.js';
export { madeUpPayment, type MadeUpBusiness } from './made-up-payment.js';
export { eventJsonSchemas } from './json-schema.js';
export { paymentAcceptedVariants } from './payment-accepted.v1/fixture.js';
