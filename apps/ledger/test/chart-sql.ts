import { type ChartRule, patternOf, segmentsOf } from '../src/posting/chart.js';

/** What the chart comes to in SQL: the text that stands in the migration, which a test compares. */

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** All that every code of a rule begins with. */
const prefixOf = ({ code }: ChartRule): string => code.split('{')[0] ?? code;

// Lengths stand apart from patterns: a counted repetition makes a pattern ten times as dear.
function conditionOf(rule: ChartRule): string {
  if (!rule.code.includes('{')) return `code = ${quoted(rule.code)}`;
  const segments = segmentsOf(rule);
  const pattern = segments.map((one) => (one.length === null ? one.pattern : `${one.pattern}+`)).join(':');
  const lengths = segments.flatMap(({ length }, index) => {
    if (length === null) return [];
    const [min, max] = length;
    const bounds = min === max ? `= ${min}` : `BETWEEN ${min} AND ${max}`;
    return [`length(split_part(code, ':', ${index + 1})) ${bounds}`];
  });
  return [
    `starts_with(code, ${quoted(prefixOf(rule))})`,
    `code ~ ${quoted(`^${pattern}$`)}`,
    ...lengths,
  ].join('\n   AND ');
}

export function accountClassSql(chart: readonly ChartRule[]): string {
  const cases = chart.map((rule) => `  WHEN ${conditionOf(rule)} THEN ${quoted(rule.class)}`);
  return `CREATE OR REPLACE FUNCTION ledger.account_class(code text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
${cases.join('\n')}
END;`;
}

/** Only of codes that are in the chart. */
export function accountFloorSql(chart: readonly ChartRule[]): string {
  const cases = chart.flatMap((rule) =>
    rule.floor === null
      ? []
      : [`  WHEN starts_with(code, ${quoted(prefixOf(rule))}) THEN ${rule.floor}::numeric`],
  );
  return `CREATE OR REPLACE FUNCTION ledger.account_floor(code text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
${cases.join('\n')}
END;`;
}

export function chartRowsSql(chart: readonly ChartRule[]): string {
  const rows = chart.map((rule, index) => {
    const texts = [rule.code, patternOf(rule), rule.class, rule.normal].map(quoted).join(', ');
    return `  (${index + 1}, ${texts}, ${rule.floor ?? 'NULL'}, ${quoted(rule.meaning)})`;
  });
  return `INSERT INTO ledger.chart (position, code, pattern, class, normal, floor, meaning) VALUES\n${rows.join(',\n')};`;
}
