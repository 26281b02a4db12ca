export { type Anvil, type AnvilAccount, type AnvilOptions, startAnvil } from './anvil.js';
export {
  type DurableDatabase,
  startDurableDatabase,
  startTestDatabase,
  type TestDatabase,
} from './database.js';
export { type KafkaUnavailable, startKafka, type TestKafka } from './kafka.js';
export { type RpcFault, type RpcFaultEffect, type RpcFaultName, type RpcFaultScope } from './rpc-fault.js';
export { type RpcFaultProxy, type RpcFaultProxyOptions, startRpcFaultProxy } from './rpc-fault-proxy.js';
export {
  type BooksToFill,
  fillBooks,
  filledBooks,
  linesPerPayment,
  transactionsPerPayment,
} from './filled-books.js';
