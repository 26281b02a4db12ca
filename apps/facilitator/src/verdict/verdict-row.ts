import type { VerdictRecord } from './verdict-record.js';

const columns = [
  ['route', 'text'],
  ['valid', 'boolean'],
  ['reason', 'text'],
  ['fingerprint', 'text'],
  ['payment_id', 'uuid'],
  ['x402_version', 'smallint'],
  ['scheme', 'text'],
  ['network', 'text'],
  ['asset', 'text'],
  ['payer', 'text'],
  ['pay_to', 'text'],
  ['amount', 'numeric'],
  ['block_number', 'bigint'],
  ['judged_at', 'timestamptz'],
] as const;

type Column = (typeof columns)[number][0];
type Row = Readonly<Record<Column, string | number | boolean | null>>;

/** Keeps any number of verdicts in one statement; its parameters are {@link verdictValues}. */
export const keepVerdicts = `INSERT INTO facilitator.verdict (${columns.map(([name]) => name).join(', ')})
  SELECT * FROM unnest(${columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')})`;

export function verdictValues(records: readonly VerdictRecord[]): unknown[] {
  const rows = records.map(verdictRow);
  return columns.map(([name]) => rows.map((row) => row[name]));
}

/** A verdict by column; what could lose digits as text. */
export function verdictRow(record: VerdictRecord): Row {
  return {
    route: record.route,
    valid: record.reason === null,
    reason: record.reason,
    fingerprint: record.fingerprint,
    payment_id: record.paymentId,
    x402_version: record.x402Version,
    scheme: record.scheme,
    network: record.network,
    asset: record.asset,
    payer: record.payer,
    pay_to: record.payTo,
    amount: record.amount,
    block_number: record.blockNumber?.toString(10) ?? null,
    judged_at: record.judgedAt.toISOString(),
  };
}
