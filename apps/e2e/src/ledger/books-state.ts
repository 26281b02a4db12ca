import { queryAt } from '../books.js';

/** What the books hold, in figures that any change of them would change. */
export type BooksState = {
  readonly payments: number;
  readonly headers: number;
  readonly lines: number;
  /** Of all payments: how often each was written. */
  readonly versions: number;
  /** A digest of every balance. */
  readonly balances: string;
};

/** What must be none, ever. */
export type BooksFaults = {
  /** Balances that are not the sum of their lines. */
  readonly drift: number;
  /** Transactions whose lines do not add up to 0 by asset and layer, or that have none. */
  readonly unbalanced: number;
  /** Payments that are not settled exactly once. */
  readonly notOnce: number;
};

export async function booksState(adminUrl: string): Promise<BooksState> {
  const [row] = await queryAt<Record<keyof BooksState, string>>(
    adminUrl,
    `SELECT (SELECT count(*) FROM ledger.payment) AS payments, (SELECT count(*) FROM ledger.transaction) AS headers,
            (SELECT count(*) FROM ledger.entry) AS lines, (SELECT coalesce(sum(version), 0) FROM ledger.payment) AS versions,
            (SELECT md5(coalesce(string_agg(format('%s %s %s %s', account_id, layer, debit, credit), ',' ORDER BY account_id, layer), ''))
               FROM (SELECT account_id, layer, sum(debit) AS debit, sum(credit) AS credit
                       FROM ledger.balance GROUP BY account_id, layer) b) AS balances`,
  );
  if (row === undefined) throw new TypeError('a statement without a row');
  const { payments, headers, lines, versions, balances } = row;
  return {
    payments: Number(payments),
    headers: Number(headers),
    lines: Number(lines),
    versions: Number(versions),
    balances,
  };
}

export async function booksFaults(adminUrl: string): Promise<BooksFaults> {
  const [row] = await queryAt<Record<keyof BooksFaults, string>>(
    adminUrl,
    `SELECT (SELECT count(*) FROM
              (SELECT account_id, layer, sum(debit) AS debit, sum(credit) AS credit FROM ledger.balance GROUP BY 1, 2) b
              FULL JOIN (SELECT account_id, layer, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
                                coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit
                           FROM ledger.entry GROUP BY 1, 2) e USING (account_id, layer)
             WHERE (b.debit, b.credit) IS DISTINCT FROM (e.debit, e.credit)) AS drift,
            (SELECT count(*) FROM (SELECT FROM ledger.entry GROUP BY transaction_id, asset_id, layer HAVING sum(amount) <> 0) u)
              + (SELECT count(*) FROM ledger.transaction) - (SELECT count(DISTINCT transaction_id) FROM ledger.entry) AS unbalanced,
            (SELECT count(*) FROM ledger.payment p
              WHERE (SELECT count(*) FROM ledger.transaction t WHERE t.payment_id = p.id AND t.settlement IS NOT NULL) <> 1)
              AS "notOnce"`,
  );
  if (row === undefined) throw new TypeError('a statement without a row');
  return { drift: Number(row.drift), unbalanced: Number(row.unbalanced), notOnce: Number(row.notOnce) };
}
