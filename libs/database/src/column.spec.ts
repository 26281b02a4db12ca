import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EmbeddedPostgres } from '@quittance/embedded';
import fc from 'fast-check';

import { column } from './column.js';
import { Database } from './database.js';

let server: EmbeddedPostgres;
let database: Database;

beforeAll(async () => {
  server = await EmbeddedPostgres.start();
  database = Database.connect({ url: server.adminUrl, applicationName: 'column-spec' });
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

const runs = { numRuns: 60 };

async function echoed(type: string, values: Buffer): Promise<(string | null)[]> {
  const rows = await database.sql<{ value: string | null }>(
    `SELECT value::text AS value FROM unnest($1::${type}[]) WITH ORDINALITY AS given (value, place) ORDER BY place`,
    [values],
  );
  return rows.map(({ value }) => value);
}

const list = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<(Value | null)[]> =>
  fc.array(fc.option(value, { nil: null }), { maxLength: 40 });
const texts = (values: readonly unknown[]): (string | null)[] =>
  values.map((value) => (value === null ? null : String(value)));

describe('a column of values arrives as it was given', () => {
  it('numbers without a fraction, up to the largest that are kept', async () => {
    const edges = [2n ** 256n, 2n ** 128n, 2n ** 63n, 2n ** 53n, 10_000n, 1n].flatMap((edge) => [
      edge - 1n,
      edge,
      edge + 1n,
    ]);
    const amount = fc.oneof(
      fc.constantFrom(...edges, ...edges.map((edge) => -edge)),
      fc.bigInt({ min: -(2n ** 256n), max: 2n ** 256n }),
    );
    await fc.assert(
      fc.asyncProperty(list(amount), async (values) => {
        expect(await echoed('numeric', column.numeric(values))).toEqual(texts(values));
      }),
      runs,
    );
  });

  it('text, bytes and null', async () => {
    // Postgres has no NUL in a text.
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
    await fc.assert(
      fc.asyncProperty(list(text), async (values) => {
        expect(await echoed('text', column.text(values))).toEqual(values);
        const bytes = values.map((value) => (value === null ? null : Buffer.from(value)));
        expect(await echoed('bytea', column.bytea(bytes))).toEqual(
          bytes.map((value) => (value === null ? null : `\\x${value.toString('hex')}`)),
        );
      }),
      runs,
    );
  });

  it('ids, times and integers', async () => {
    const whole = (bits: bigint): fc.Arbitrary<bigint> =>
      fc.bigInt({ min: -(2n ** bits), max: 2n ** bits - 1n });
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          ids: list(fc.uuid()),
          int8s: list(whole(63n)),
          int4s: list(whole(31n).map(Number)),
          int2s: list(whole(15n).map(Number)),
          dates: list(fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true })),
        }),
        async ({ ids, int8s, int4s, int2s, dates }) => {
          expect(await echoed('uuid', column.uuid(ids))).toEqual(ids);
          expect(await echoed('uuid', column.uuid(ids.map((id) => id?.toUpperCase() ?? null)))).toEqual(ids);
          expect(await echoed('int8', column.int8(int8s))).toEqual(texts(int8s));
          expect(await echoed('int4', column.int4(int4s))).toEqual(texts(int4s));
          expect(await echoed('int2', column.int2(int2s))).toEqual(texts(int2s));
          const times = await database.sql<{ value: Date | null }>(
            'SELECT value FROM unnest($1::timestamptz[]) WITH ORDINALITY AS given (value, place) ORDER BY place',
            [column.timestamptz(dates.map((date) => date?.getTime() ?? null))],
          );
          expect(times.map(({ value }) => value)).toEqual(dates);
        },
      ),
      runs,
    );
  });

  it.each(['', 'no-uuid', '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f00zz', '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f000'])(
    'or is refused: %j is no UUID',
    (value) => {
      expect(() => column.uuid([value])).toThrow(TypeError);
    },
  );
});
