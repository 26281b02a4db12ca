import { setTimeout as sleep } from 'node:timers/promises';

import type { Database, Sql } from '@quittance/database';

import { factsOf } from '../posting/facts-text.js';
import { type Confirmation, confirmationOf } from '../posting/payment-facts.js';

/** Headers that are looked at in one transaction. */
const headersMax = 5_000;
/** How long those that are posting are waited for, and how often they are looked at. */
const waitMaxMs = 2_000;
const pollMs = 20;

type Placed = { readonly paymentId: string; readonly chainId: string; readonly at: Confirmation | null };

/** Keeps where the settlement of each payment is, by what is known of the payment. */
export class PlacementRepository {
  constructor(private readonly database: Database) {}

  /**
   * Places payments by what was posted since. Gives the last transaction of the books up to which all are placed, and none
   * can appear any more; null while postings are under way that do not end.
   */
  async place(): Promise<string | null> {
    const horizon = await this.horizon();
    if (horizon === null) return null;
    while (await this.placeSome(horizon));
    return horizon;
  }

  /** Places some payments anew. */
  async placePayments(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.database.transaction(async ({ sql }) => {
      await lockPlacement(sql);
      await placeAll(sql, ids);
    });
  }

  /** Ids are taken before they are committed: the last one counts once nothing is under way that was when it was read. */
  private async horizon(): Promise<string | null> {
    const [last] = await this.database.sql<{ id: string; xid: string }>(
      `SELECT coalesce(max(id), 0)::text AS id, pg_snapshot_xmax(pg_current_snapshot())::text AS xid FROM ledger.transaction`,
    );
    if (last === undefined) return null;
    for (let waitedMs = 0; waitedMs <= waitMaxMs; waitedMs += pollMs) {
      const [now] = await this.database.sql<{ ended: boolean }>(
        'SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AS ended',
        [last.xid],
      );
      if (now?.ended === true) return last.id;
      await sleep(pollMs);
    }
    return null;
  }

  /** Whether there are more. */
  private async placeSome(horizon: string): Promise<boolean> {
    return this.database.transaction(async ({ sql }) => {
      const placedId = await lockPlacement(sql);
      if (BigInt(placedId) >= BigInt(horizon)) return false;
      const rows = await sql<{ id: string; payment_id: string }>(
        `SELECT t.id::text AS id, t.payment_id FROM ledger.transaction t
          WHERE t.id > $1::bigint AND t.id <= $2::bigint AND t.book = 'F' AND t.source = 'event'
            AND t.event_type LIKE 'settlement.%' AND t.event_type NOT IN ('settlement.submitted', 'settlement.replaced')
          ORDER BY t.id LIMIT ${headersMax}`,
        [placedId, horizon],
      );
      await placeAll(sql, [...new Set(rows.map(({ payment_id: id }) => id))]);
      const isAll = rows.length < headersMax;
      const upTo = isAll ? horizon : (rows.at(-1)?.id ?? horizon);
      await sql('UPDATE ledger.placement SET placed_id = $1::bigint', [upTo]);
      return !isAll;
    });
  }
}

/** Keeps others out who place: an owner of a log must not change while its duplicates are told. */
async function lockPlacement(sql: Sql): Promise<string> {
  const [row] = await sql<{ placed_id: string }>('SELECT placed_id::text FROM ledger.placement FOR UPDATE');
  return row?.placed_id ?? '0';
}

async function placeAll(sql: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const rows = await sql<{ id: string; facts: string }>(
    'SELECT id, facts FROM ledger.payment WHERE id = ANY ($1::uuid[]) ORDER BY id',
    [ids],
  );
  const placed = rows.map(({ id, facts: text }): Placed => {
    const facts = factsOf(text);
    return { paymentId: id, chainId: facts.chainId, at: confirmationOf(facts) };
  });
  const settled = placed.flatMap((one) => (one.at === null ? [] : [{ ...one, at: one.at }]));
  // Those that are elsewhere now leave their place first: another one may have it.
  const kept = await leavePlaces(sql, ids, new Map(settled.map((one) => [one.paymentId, one.at])));
  const moved = settled.filter(({ paymentId }) => !kept.has(paymentId));
  if (moved.length === 0) return;
  await sql(insertPlaced, [
    moved.map(({ paymentId }) => paymentId),
    moved.map(({ chainId }) => chainId),
    moved.map(({ at }) => at.blockNumber),
    moved.map(({ at }) => at.transaction),
    moved.map(({ at }) => at.logIndex),
    moved.map(({ at }) => at.blockHash),
  ]);
}

/** Gives those that stay where they are. */
async function leavePlaces(
  sql: Sql,
  ids: readonly string[],
  places: ReadonlyMap<string, Confirmation>,
): Promise<ReadonlySet<string>> {
  const rows = await sql<{
    payment_id: string;
    transaction: string;
    log_index: number;
    block_hash: string;
    duplicate_of: string | null;
  }>(
    'SELECT payment_id, transaction, log_index, block_hash, duplicate_of FROM ledger.settled_log WHERE payment_id = ANY ($1::uuid[])',
    [ids],
  );
  const stays = rows.filter((row) => {
    const at = places.get(row.payment_id);
    return (
      row.duplicate_of === null &&
      at?.blockHash === row.block_hash &&
      at.transaction === row.transaction &&
      at.logIndex === row.log_index
    );
  });
  const kept = new Set(stays.map(({ payment_id: id }) => id));
  const left = rows.flatMap(({ payment_id: id }) => (kept.has(id) ? [] : [id]));
  if (left.length > 0)
    await sql('DELETE FROM ledger.settled_log WHERE payment_id = ANY ($1::uuid[])', [left]);
  return kept;
}

// Of several payments with one log the first keeps it: the others are its duplicates.
const insertPlaced = `
  INSERT INTO ledger.settled_log (payment_id, chain_id, block_number, transaction, log_index, block_hash, duplicate_of)
  SELECT g.id, g.chain_id, g.block, g.transaction, g.log_index, g.hash,
         coalesce((SELECT l.payment_id FROM ledger.settled_log l
                    WHERE l.chain_id = g.chain_id AND l.block_number = g.block AND l.transaction = g.transaction
                      AND l.log_index = g.log_index AND l.block_hash = g.hash AND l.duplicate_of IS NULL),
                  nullif(first_value(g.id) OVER (PARTITION BY g.chain_id, g.hash, g.transaction, g.log_index ORDER BY g.id), g.id))
    FROM unnest($1::uuid[], $2::text[], $3::numeric[], $4::text[], $5::integer[], $6::text[])
      AS g (id, chain_id, block, transaction, log_index, hash)
   ORDER BY g.block, g.transaction, g.log_index`;
