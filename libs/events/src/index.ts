export {
  catalogue,
  createEvent,
  type EventOf,
  type EventParts,
  eventSchemas,
  type EventType,
  type ParsedEvent,
  parseEvent,
  type QuittanceEvent,
  type TopicName,
  topicOf,
  topics,
} from './catalogue.js';
export { type BlockRef, digits, type GasSpent } from './fields.js';
export { eventJsonSchemas } from './json-schema.js';
