import type { Sql } from '@quittance/database';
import type { ChainId } from '@quittance/money';

import type { Finding } from './finding.js';

/** What of a chain was compared: breaks in it that were not found again are gone. */
export type Scope =
  | { readonly kind: 'blocks'; readonly fromBlock: bigint; readonly toBlock: bigint }
  | { readonly kind: 'transactions'; readonly transactions: readonly string[] }
  | { readonly kind: 'balances'; readonly subjects: readonly string[] };

export type ScopedBreak = { readonly id: string; readonly type: string; readonly subject: string };

/** A break that ended by itself, and the transaction of the books that ended it. */
export type Healing = { readonly id: string; readonly fixedBy: string | null };

/** Open breaks of what was compared. */
export async function openBreaks(sql: Sql, chainId: ChainId, scope: Scope): Promise<ScopedBreak[]> {
  const { condition, values } = conditionOf(scope);
  return sql<ScopedBreak>(
    `SELECT b.id::text AS id, b.type, b.subject FROM ledger.reconciliation_break b
      WHERE b.chain_id = $1 AND b.state = 'open' AND ${condition}`,
    [chainId, ...values],
  );
}

/** Records what was found, each once: what was healed and is found again is open again. Gives their ids by key. */
export async function recordFindings(
  sql: Sql,
  chainId: ChainId,
  findings: readonly Finding[],
): Promise<ReadonlyMap<string, string>> {
  if (findings.length === 0) return new Map();
  // Sorted and each once: one statement must not meet a row twice, nor two of them in another order.
  const byKey = new Map(findings.map((finding) => [breakKey(finding), finding]));
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, finding]) => finding);
  const column = <Value>(read: (finding: Finding) => Value): Value[] => sorted.map(read);
  const rows = await sql<ScopedBreak>(upsertBreaks, [
    chainId,
    column(({ type }) => type),
    column(({ subject }) => subject),
    column(({ block }) => block.toString()),
    column(({ blockHash }) => blockHash),
    column(({ transaction }) => transaction),
    column(({ asset }) => asset),
    column(({ value }) => value.toString()),
    column(({ detail }) => detail),
    column(({ paymentId }) => paymentId),
    column(({ transactionId }) => transactionId),
    column(({ wallet }) => wallet),
    column(({ effect }) => effect.toString()),
  ]);
  return new Map(rows.map((row) => [breakKey(row), row.id]));
}

/** Ends breaks of which nothing is left. What people decided meanwhile stays as it is. */
export async function healBreaks(sql: Sql, healings: readonly Healing[]): Promise<void> {
  if (healings.length === 0) return;
  const sorted = [...healings].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
  await sql(
    `UPDATE ledger.reconciliation_break b
        SET state = 'healed', closed_at = clock_timestamp(), last_seen_at = clock_timestamp(),
            fixed_by = given.fixed_by, proposed_resolution = NULL, proposed_by = NULL, proposal_reason = NULL
       FROM unnest($1::bigint[], $2::bigint[]) AS given (id, fixed_by)
      WHERE b.id = given.id AND b.state = 'open'`,
    [sorted.map(({ id }) => id), sorted.map(({ fixedBy }) => fixedBy)],
  );
}

/** They were looked at and nothing could be said: others come first the next time. */
export async function touchBreaks(sql: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql(
    'UPDATE ledger.reconciliation_break SET last_seen_at = clock_timestamp() WHERE id = ANY ($1::bigint[])',
    [ids],
  );
}

export const breakKey = ({ type, subject }: Pick<Finding, 'subject'> & { readonly type: string }): string =>
  `${type} ${subject}`;

const upsertBreaks = `
  INSERT INTO ledger.reconciliation_break AS b
         (chain_id, type, subject, block_number, block_hash, transaction, asset, value, detail, payment_id, transaction_id, wallet,
          effect)
  SELECT $1, given.*
    FROM unnest($2::text[], $3::text[], $4::numeric[], $5::text[], $6::text[], $7::text[], $8::numeric[], $9::text[], $10::uuid[],
                $11::bigint[], $12::text[], $13::numeric[]) AS given
  ON CONFLICT (chain_id, type, subject) DO UPDATE
     SET last_seen_at = clock_timestamp(), block_number = excluded.block_number, value = excluded.value,
         detail = excluded.detail, payment_id = excluded.payment_id, transaction_id = excluded.transaction_id,
         effect = excluded.effect,
         state = CASE b.state WHEN 'healed' THEN 'open' ELSE b.state END,
         closed_at = CASE b.state WHEN 'healed' THEN NULL ELSE b.closed_at END,
         fixed_by = CASE b.state WHEN 'healed' THEN NULL ELSE b.fixed_by END
  RETURNING b.id::text AS id, b.type, b.subject`;

function conditionOf(scope: Scope): { readonly condition: string; readonly values: readonly unknown[] } {
  switch (scope.kind) {
    case 'blocks':
      return {
        condition: `b.type <> 'balance' AND b.block_number BETWEEN $2::numeric AND $3::numeric`,
        values: [scope.fromBlock, scope.toBlock],
      };
    case 'transactions':
      return {
        condition: `b.type <> 'balance' AND b.transaction = ANY ($2::text[])`,
        values: [scope.transactions],
      };
    case 'balances':
      return {
        condition: `b.type = 'balance' AND b.subject = ANY ($2::text[])`,
        values: [scope.subjects],
      };
  }
}
