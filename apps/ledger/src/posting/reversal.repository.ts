import type { Sql } from '@quittance/database';
import type { EventOf } from '@quittance/events';

import type { Header } from './header.js';
import type { Line } from './line.js';
import type { Posting } from './posting.js';
import { afterFinalKind, isAfterFinal, isMirror } from './reversal.js';

type Reorg = Posting & { readonly event: EventOf<'settlement.reorged'> };
/** What a header says of the one that it takes back. */
export type Reversal = Pick<Header, 'kind' | 'reverses'>;

/**
 * What postings of reorganizations take back: the header they are the exact mirror of, where they are, and whether it was
 * final. To be asked after what is told of chains was written.
 */
export async function readReversals(
  sql: Sql,
  postings: readonly Posting[],
): Promise<ReadonlyMap<Posting, Reversal>> {
  const reorgs = postings.filter((posting): posting is Reorg => posting.event.type === 'settlement.reorged');
  if (reorgs.length === 0) return new Map();
  const finality = await readFinality(sql, reorgs);
  const originals = await readOriginals(sql, reorgs);
  return new Map(
    reorgs.map((posting) => {
      const { event, book, lines } = posting;
      const original = originals.get(`${event.data.takesBack.toLowerCase()} ${book}`);
      const isFinal = isAfterFinal(event, finality.get(event.data.chainId));
      const reverses = original !== undefined && isMirror(lines, original.lines) ? original.id : null;
      return [posting, { kind: isFinal ? afterFinalKind : event.type, reverses }] as const;
    }),
  );
}

async function readFinality(sql: Sql, reorgs: readonly Reorg[]) {
  const rows = await sql<{ id: string; block: string; at: Date | null }>(
    `SELECT chain_id AS id, final_block::text AS block, final_at AS at
       FROM ledger.chain WHERE chain_id = ANY ($1::text[])`,
    [[...new Set(reorgs.map(({ event }) => event.data.chainId))]],
  );
  return new Map(rows.map(({ id, block, at }) => [id, { block: BigInt(block), at }]));
}

type OriginalRow = {
  readonly id: string;
  readonly event_id: string;
  readonly book: string;
  readonly lines: readonly (Omit<Line, 'amount'> & { readonly amount: string })[];
};

/** The headers of the events that no longer hold, by event and book; those that have a mirror already are left out. */
async function readOriginals(sql: Sql, reorgs: readonly Reorg[]) {
  const rows = await sql<OriginalRow>(
    `SELECT t.id, t.source_event_id AS event_id, t.book,
            (SELECT json_agg(json_build_object('account', a.code, 'asset', s.code, 'layer', e.layer, 'amount', e.amount::text))
               FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id JOIN ledger.asset s ON s.id = e.asset_id
              WHERE e.transaction_id = t.id) AS lines
       FROM ledger.transaction t
      WHERE t.source_event_id = ANY ($1::uuid[])
        AND NOT EXISTS (SELECT FROM ledger.transaction r WHERE r.reverses = t.id)`,
    [[...new Set(reorgs.map(({ event }) => event.data.takesBack))]],
  );
  return new Map(
    rows.map(({ id, event_id: eventId, book, lines }) => {
      const read = lines.map((line) => ({ ...line, amount: BigInt(line.amount) }));
      return [`${eventId} ${book}`, { id, lines: read }];
    }),
  );
}
