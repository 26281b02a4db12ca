import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import fc from 'fast-check';

import { chart, chartRuleOf, type ChartRule, patternOf, segmentsOf } from '../src/posting/chart.js';
import { accountClassSql, accountFloorSql, chartRowsSql } from './chart-sql.js';

/** The chart in the code and the chart in the database are one: by its text, by its rows, and by what they let in. */

const migration = new URL(
  '../../../prisma/migrations/20261128110001_ledger_chart/migration.sql',
  import.meta.url,
);
const rules: readonly ChartRule[] = chart;

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'chart-spec' });
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

const characters = (set: string): string[] =>
  Array.from({ length: 95 }, (_, index) => String.fromCharCode(index + 32)).filter((one) =>
    new RegExp(`^${set}$`).test(one),
  );

/** Any code that a rule allows, from the rule alone. */
function codesOf(rule: ChartRule): fc.Arbitrary<string> {
  const parts = segmentsOf(rule).map(({ pattern, length }) => {
    if (length === null) return fc.constantFrom(...pattern.replace(/^\((.*)\)$/, '$1').split('|'));
    const set = pattern.indexOf('[');
    const [minLength, maxLength] = [length[0] - set, length[1] - set];
    return fc
      .string({
        unit: fc.constantFrom(...characters(pattern.slice(set))),
        minLength,
        maxLength,
        size: 'max',
      })
      .map((text) => `${pattern.slice(0, set)}${text}`);
  });
  return fc.tuple(...parts).map((texts) => texts.join(':'));
}

const anyRule = fc.constantFrom(...rules);
const good = anyRule.chain((rule) => codesOf(rule).map((code) => ({ rule, code })));

/** A good code with one small thing done to it, which seldom leaves it good. */
const nearly = fc
  .record({
    code: good.map(({ code }) => code),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    cut: fc.nat(3),
    put: fc.oneof(
      fc.constantFrom('', ':', 'G', 'x', '0', 'A', ' ', '\n', 'é', '0x', '|ok', 'a'.repeat(70)),
      fc.string({ maxLength: 3 }),
    ),
  })
  .map(({ code, at, cut, put }) => {
    const place = Math.floor(at * (code.length + 1));
    return `${code.slice(0, place)}${put}${code.slice(place + cut)}`;
  })
  // No text in Postgres can hold it.
  .filter((code) => !code.includes('\u0000'));

type Judged = { readonly code: string; readonly class: string | null; readonly floor: string | null };

const judged = (codes: readonly string[]): Promise<Judged[]> =>
  database.sql<Judged>(
    `SELECT code, ledger.account_class(code) AS class,
            CASE WHEN ledger.account_class(code) IS NOT NULL THEN ledger.account_floor(code)::text END AS floor
       FROM unnest($1::text[]) WITH ORDINALITY AS given (code, n) ORDER BY n`,
    [codes],
  );

const judgedHere = (code: string): Judged => {
  const rule = chartRuleOf(code);
  return { code, class: rule?.class ?? null, floor: rule?.floor?.toString() ?? null };
};

describe('the chart of accounts', () => {
  it('stands in the migration as the code makes it', () => {
    const text = readFileSync(migration, 'utf8');
    for (const made of [chartRowsSql(rules), accountClassSql(rules), accountFloorSql(rules)])
      expect(text).toContain(made);
  });

  it('is in the database row by row', async () => {
    const rows = await database.sql(
      'SELECT code, pattern, class, normal, floor::integer AS floor, meaning FROM ledger.chart ORDER BY position',
    );
    expect(rows).toEqual(rules.map((rule) => ({ ...rule, pattern: patternOf(rule) })));
  });

  it('takes every code of every rule, and each by one rule alone', async () => {
    const codes = fc.sample(good, { numRuns: 400, seed: 5 });
    for (const { rule, code } of codes) {
      expect(chartRuleOf(code)).toEqual(rule);
      expect(rules.filter((one) => new RegExp(patternOf(one)).test(code))).toHaveLength(1);
    }
    expect(await judged(codes.map(({ code }) => code))).toEqual(codes.map(({ code }) => judgedHere(code)));
    expect(new Set(codes.map(({ rule }) => rule.code)).size).toBe(rules.length);
  });

  it('is judged alike by the code, by the function and by the rows, whatever the code', async () => {
    const codes = [...new Set(fc.sample(nearly, { numRuns: 1_500, seed: 6 }))];
    const refused = codes.filter((code) => chartRuleOf(code) === null);
    // Otherwise this would show nothing.
    expect(Math.min(refused.length, codes.length - refused.length)).toBeGreaterThan(60);
    expect(await judged(codes)).toEqual(codes.map(judgedHere));
    const byRow = await database.sql<{ code: string; class: string | null }>(
      `SELECT given.code, (SELECT c.class FROM ledger.chart c WHERE given.code ~ c.pattern) AS class
         FROM unnest($1::text[]) WITH ORDINALITY AS given (code, n) ORDER BY n`,
      [codes],
    );
    expect(byRow).toEqual(codes.map((code) => ({ code, class: chartRuleOf(code)?.class ?? null })));
  });

  it('cannot be changed by the service', async () => {
    for (const attack of [
      `INSERT INTO ledger.chart VALUES (99, 'X', 'X', 'asset', 'debit', NULL, 'mine')`,
      'UPDATE ledger.chart SET floor = NULL',
      'DELETE FROM ledger.chart',
      'TRUNCATE ledger.chart',
      `CREATE OR REPLACE FUNCTION ledger.account_class(code text) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'asset'`,
    ])
      await expect(database.sql(attack)).rejects.toMatchObject({ cause: { code: '42501' } });
  });
});
