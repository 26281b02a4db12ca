export { type Anvil, type AnvilAccount, type AnvilOptions, startAnvil } from './anvil.js';
export { startTestDatabase, type TestDatabase } from './database.js';
export { type KafkaUnavailable, startKafka, type TestKafka } from './kafka.js';
