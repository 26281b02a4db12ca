import {
  DatabaseConflictError,
  DatabaseConstraintError,
  DatabaseUnavailableError,
  TransactionClosedError,
} from './database-error.js';

type Fault = { readonly code: string; readonly message: string; readonly constraint: string };

const conflictStates = new Set(['40001', '40P01']);
/** Bad data, refused data, and what a function raises itself: the classes that depend on what was to be written. */
const dataClasses = new Set(['22', '23', 'P0']);
/** Five characters, a digit among them (EPIPE has none); P1 to P9 is how Prisma numbers its own errors. */
const sqlState = /^(?!P[1-9])(?=.*\d)[0-9A-Z]{5}$/;

const conflictPrismaCode = 'P2034';
/**
 * Prisma: all of P1 (unreachable, refused, timed out, closed), no such table or column, pool exhausted, transaction
 * expired, too many connections.
 */
const unavailablePrismaCode = /^P(1\d{3}|2021|2022|2024|2028|2037)$/;

/** How Prisma's adapter names what may come without an SQL state. */
const unavailableKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TlsConnectionError',
  'AuthenticationFailed',
  'DatabaseAccessDenied',
  'DatabaseDoesNotExist',
  'TableDoesNotExist',
  'ColumnNotFound',
]);

const unavailableSystemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/** node-postgres reports these by message alone. */
const unavailableMessages =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|connection error and is not queryable|client was closed|timeout expired|cannot use a pool after calling end/i;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Puts a driver's or Prisma's error into our terms: constraint, conflict or unavailable. Of what Postgres refuses only
 * bad data (classes 22 and P0) is given back as it is: a lost privilege or a missing column is mended on the server,
 * and what was to be written may not be thrown away for it.
 */
export function databaseErrorOf(error: unknown): unknown {
  if (isOurs(error)) return error;
  for (const fault of faultsOf(error)) {
    const mapped = sqlState.test(fault.code) ? mapSqlState(fault, error) : mapFault(fault, error);
    if (mapped !== null) return mapped;
  }
  return error;
}

const isOurs = (error: unknown): boolean =>
  error instanceof DatabaseUnavailableError ||
  error instanceof DatabaseConstraintError ||
  error instanceof DatabaseConflictError ||
  error instanceof TransactionClosedError;

/** What Postgres itself says is the last word, whatever wraps it. */
function mapSqlState({ code, message, constraint }: Fault, cause: unknown): unknown {
  if (conflictStates.has(code)) return new DatabaseConflictError(code, message, cause);
  if (code.startsWith('23')) return new DatabaseConstraintError(constraint, code, message, cause);
  return dataClasses.has(code.slice(0, 2)) ? cause : new DatabaseUnavailableError(message, cause);
}

function mapFault({ code, message }: Fault, cause: unknown): Error | null {
  if (code === conflictPrismaCode) return new DatabaseConflictError(code, message, cause);
  const unavailable =
    unavailableSystemCodes.has(code) ||
    unavailablePrismaCode.test(code) ||
    unavailableKinds.has(code) ||
    unavailableMessages.test(message);
  return unavailable ? new DatabaseUnavailableError(message, cause) : null;
}

/** The error itself and what Prisma and its adapter wrapped, the innermost (Postgres's own words) first. */
function faultsOf(error: unknown): Fault[] {
  const faults: Fault[] = [];
  let current: unknown = error;
  for (let depth = 0; isRecord(current) && depth < wrappedDepthMax; depth += 1) {
    faults.unshift({
      code: textOf(current['originalCode']) || textOf(current['code']) || textOf(current['kind']),
      message: textOf(current['originalMessage']) || textOf(current['message']) || textOf(current['kind']),
      constraint: constraintOf(current['constraint']),
    });
    current = isRecord(current['meta']) ? current['meta']['driverAdapterError'] : innerOf(current);
  }
  return faults;
}

const wrappedDepthMax = 5;

/** An AggregateError (both addresses of "localhost" refused) has an empty message and the reasons inside. */
function innerOf(error: Record<string, unknown>): unknown {
  const errors = error['errors'];
  return Array.isArray(errors) ? errors[0] : error['cause'];
}

/** node-postgres gives a name; Prisma's adapter an object with the index, or just the columns. */
function constraintOf(value: unknown): string {
  return isRecord(value) ? textOf(value['index']) : textOf(value);
}
