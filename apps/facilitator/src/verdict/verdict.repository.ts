import type { Database } from '@quittance/database';

import type { VerdictPage, VerdictsQuery, VerdictView } from './verdict.schema.js';

type VerdictRow = {
  readonly sequence: string;
  readonly route: VerdictView['route'];
  readonly valid: boolean;
  readonly reason: string | null;
  readonly fingerprint: string;
  readonly payment_id: string | null;
  readonly x402_version: number;
  readonly scheme: string;
  readonly network: string;
  readonly asset: string;
  readonly payer: string | null;
  readonly pay_to: string;
  readonly amount: string;
  readonly block_number: string | null;
  readonly judged_at: Date;
};

/** Reads the trail of verdicts. */
export class VerdictRepository {
  constructor(private readonly database: Pick<Database, 'sql'>) {}

  /** The newest first, a page at a time. */
  async page({ payer, payee, reason, from, to, cursor, limit }: VerdictsQuery): Promise<VerdictPage> {
    const values: unknown[] = [];
    const place = (value: unknown): string => `$${values.push(value)}`;
    const conditions = [
      payer === undefined ? [] : `payer = ${place(payer)}`,
      payee === undefined ? [] : `pay_to = ${place(payee)}`,
      reason === undefined ? [] : `reason = ${place(reason)}`,
      from === undefined ? [] : `judged_at >= ${place(from)}::timestamptz`,
      to === undefined ? [] : `judged_at < ${place(to)}::timestamptz`,
      cursor === undefined
        ? []
        : `(judged_at, sequence) < (${place(new Date(cursor.judgedAtMs))}::timestamptz, ${place(cursor.sequence)}::bigint)`,
    ].flat();
    const rows = await this.database.sql<VerdictRow>(
      `SELECT sequence, route, valid, reason, fingerprint, payment_id, x402_version, scheme, network, asset, payer, pay_to,
              amount::text AS amount, block_number, judged_at
         FROM facilitator.verdict ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
        ORDER BY judged_at DESC, sequence DESC LIMIT ${place(limit + 1)}`,
      values,
    );
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const isMore = rows.length > limit && last !== undefined;
    return { items: shown.map(viewOf), nextCursor: isMore ? cursorOf(last) : null };
  }
}

function cursorOf({ judged_at: judgedAt, sequence }: VerdictRow): string {
  return Buffer.from(`${judgedAt.getTime()}.${sequence}`).toString('base64url');
}

function viewOf(row: VerdictRow): VerdictView {
  return {
    sequence: row.sequence,
    route: row.route,
    valid: row.valid,
    reason: row.reason,
    fingerprint: row.fingerprint,
    paymentId: row.payment_id,
    x402Version: row.x402_version === 1 ? 1 : 2,
    scheme: row.scheme,
    network: row.network,
    asset: row.asset,
    payer: row.payer,
    payTo: row.pay_to,
    amount: row.amount,
    blockNumber: row.block_number,
    judgedAt: row.judged_at.toISOString(),
  };
}
