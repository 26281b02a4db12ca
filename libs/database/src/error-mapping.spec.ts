import { describe, expect, it } from '@jest/globals';

import {
  DatabaseConflictError,
  DatabaseConstraintError,
  DatabaseUnavailableError,
  databaseErrorOf,
  TransactionClosedError,
} from './index.js';

const driverError = (code: string): Error =>
  Object.assign(new Error(`Postgres says ${code}`), { code, severity: 'ERROR' });

/** As Prisma 7 hands on what its adapter could name, and what it could not. */
const wrapped = (code: string, adapter: Record<string, unknown>): Error =>
  Object.assign(new Error(`Raw query failed: ${code}`), {
    code,
    meta: { driverAdapterError: Object.assign(new Error('adapter'), { cause: adapter }) },
  });

describe('a fault of the database', () => {
  it.each([
    ['a primary that was demoted', '25006'],
    ['a changed password', '28P01'],
    ['a lost privilege', '42501'],
    ['a column that is not migrated yet', '42703'],
    ['a table that is not migrated yet', '42P01'],
    ['a plan made before a migration', '0A000'],
    ['a prepared statement that is gone', '26000'],
    ['a database that is gone', '3D000'],
    ['a transaction the server gave up', '25P02'],
    ['an unreadable disk', '58030'],
    ['a full disk', '53100'],
    ['a corrupt index', 'XX002'],
    ['a defect of the server', 'XX000'],
    ['a lost connection', '08006'],
  ])('is %s (%s), which can be tried again', (_what, code) => {
    const direct = databaseErrorOf(driverError(code));
    expect(direct).toBeInstanceOf(DatabaseUnavailableError);
    expect(direct).toMatchObject({ retryable: true });
    const byPrisma = wrapped('P2010', { originalCode: code, originalMessage: 'no', kind: 'postgres', code });
    expect(databaseErrorOf(byPrisma)).toBeInstanceOf(DatabaseUnavailableError);
  });

  it.each([
    'P1000',
    'P1001',
    'P1003',
    'P1010',
    'P1011',
    'P1017',
    'P2021',
    'P2022',
    'P2024',
    'P2028',
    'P2037',
  ])('is what Prisma calls %s', (code) => {
    expect(databaseErrorOf(Object.assign(new Error('prisma'), { code }))).toBeInstanceOf(
      DatabaseUnavailableError,
    );
  });

  it.each(['DatabaseNotReachable', 'TlsConnectionError', 'AuthenticationFailed', 'TableDoesNotExist'])(
    'is what the adapter calls %s',
    (kind) => {
      expect(databaseErrorOf(wrapped('P2010', { kind }))).toBeInstanceOf(DatabaseUnavailableError);
    },
  );
});

describe('what depends on the data', () => {
  it.each(['22003', '22P02', '22021', 'P0001', 'P0002'])('stays what it is: %s', (code) => {
    const error = driverError(code);
    expect(databaseErrorOf(error)).toBe(error);
    const byPrisma = wrapped('P2010', { originalCode: code, originalMessage: 'no', kind: 'postgres' });
    expect(databaseErrorOf(byPrisma)).toBe(byPrisma);
  });

  it('stays what it is even when its words are those of a lost connection', () => {
    const error = Object.assign(new Error('the payer said: connection terminated'), { code: 'P0001' });
    expect(databaseErrorOf(error)).toBe(error);
  });

  it('is a constraint when a guard has a name', () => {
    expect(databaseErrorOf(driverError('23514'))).toBeInstanceOf(DatabaseConstraintError);
    expect(databaseErrorOf(wrapped('P2002', { originalCode: '23505', kind: 'any' }))).toBeInstanceOf(
      DatabaseConstraintError,
    );
  });
});

describe('other errors', () => {
  it('are left alone: they are not from the database', () => {
    for (const error of [new RangeError('a bug'), 'text', undefined, { code: 'P2025' }])
      expect(databaseErrorOf(error)).toBe(error);
  });

  it('are left alone when they are in our terms already', () => {
    const cause = driverError('42P01');
    for (const error of [
      new DatabaseUnavailableError('x', cause),
      new DatabaseConflictError('40001', 'x', cause),
      new DatabaseConstraintError('c', '23505', 'x', cause),
      new TransactionClosedError('x', { cause }),
    ])
      expect(databaseErrorOf(error)).toBe(error);
  });

  it('are conflicts when a transaction gave way, whoever says so', () => {
    for (const error of [
      driverError('40001'),
      driverError('40P01'),
      wrapped('P2034', { kind: 'TransactionWriteConflict' }),
    ])
      expect(databaseErrorOf(error)).toBeInstanceOf(DatabaseConflictError);
  });
});
