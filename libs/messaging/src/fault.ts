const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  // A socket file that is not there: the server is down.
  'ENOENT',
]);
/**
 * An SQL state outside the classes that depend on the data: 22 (bad data), 23 (refused data), P0 (raised by a guard).
 * The others are faults of the database: an event may not be put aside because of a privilege or a table that is
 * missing. Five characters, a digit among them (EPIPE has none); P1 to P9 are no SQL states but Prisma's numbers.
 */
const databaseFault = /^(?!22|23|P\d)(?=.*\d)[0-9A-Z]{5}$/;
const connectionMessage = /connection terminated|connection timeout|timeout exceeded when trying to connect/i;
const causeDepthMax = 5;

/** Whether trying the same again later may work: the error says so (`retryable`), a connection broke, or Postgres failed. */
export function isRetryable(fault: unknown, depth = 0): boolean {
  if (typeof fault !== 'object' || fault === null || depth > causeDepthMax) return false;
  const { retryable, code, cause, message } = fault as Record<string, unknown>;
  if (typeof retryable === 'boolean') return retryable;
  if (typeof code === 'string' && (connectionCodes.has(code) || databaseFault.test(code))) return true;
  if (typeof message === 'string' && connectionMessage.test(message)) return true;
  return isRetryable(cause, depth + 1);
}

const reasonLengthMax = 1_000;

/** One bounded line about a fault, for a log or a dead letter. */
export function describeFault(fault: unknown): string {
  const text = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault);
  return text.slice(0, reasonLengthMax);
}
