import type pg from 'pg';

import { databaseErrorOf } from './error-mapping.js';

/**
 * Runs one SQL statement with `$1…` parameters and gives its rows.
 *
 * How values go in, and what to write in the SQL:
 * - text, uuid, numbers, booleans, Date: as they are (`$1::uuid`, `$2::timestamptz`); a bigint too (`$1::numeric`, `$1::int8`);
 * - arrays of those, for set-based statements: a JavaScript array (`unnest($1::uuid[], $2::numeric[])`); null elements are fine;
 * - json: **text**, `JSON.stringify(value)` with `$1::jsonb`. A bare array would be taken for a Postgres array;
 *   for many rows of json pass an array of such texts with `$1::jsonb[]`, or one text with `jsonb_to_recordset($1::jsonb)`;
 * - bytes: a Buffer or Uint8Array (`$1::bytea`), arrays of Buffers with `$1::bytea[]`; null for SQL NULL, never undefined.
 *
 * What comes out: int2, int4 and floats as number; int8 and numeric as **string** (never a rounded number); timestamptz
 * and timestamp as Date; json and jsonb parsed (amounts inside must be strings); bytea as Buffer; arrays of text, int and
 * uuid as arrays. Inside a transaction it runs on that transaction's connection, as its Prisma client does.
 *
 * @throws DatabaseUnavailableError, DatabaseConstraintError, DatabaseConflictError.
 */
export type Sql = <Row = Record<string, unknown>>(
  text: string,
  values?: readonly unknown[],
) => Promise<Row[]>;

type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

/** Sql over a pool or one connection of it. */
export function sqlOn(queryable: Queryable): Sql {
  return async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    try {
      return (await queryable.query<Row & object>(prepared(text, values))).rows;
    } catch (error) {
      throw databaseErrorOf(error);
    }
  };
}

/** A statement as node-postgres takes it. */
export function prepared(text: string, values: readonly unknown[]): pg.QueryConfig {
  return { ...preparedAs(text), text, values: [...values] };
}

/** Texts are few and come from us; a text past this many is run without being kept, so that servers do not fill up. */
const preparedMax = 300;
const names = new Map<string, string>();

// Parsing and planning took half of the database's time: a connection does it once for a text that has a name.
function preparedAs(text: string): { name?: string } {
  const known = names.get(text);
  if (known !== undefined) return { name: known };
  if (names.size >= preparedMax) return {};
  const name = `quittance_${names.size + 1}`;
  names.set(text, name);
  return { name };
}
