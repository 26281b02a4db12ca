import type { Sql } from '@quittance/database';

/** A row of what is to be sealed: the headers that one statement wrote. */
export type UnsealedBatch = {
  readonly id: string;
  readonly first_id: string;
  readonly last_id: string;
  readonly xid: string;
  readonly headers: string;
};

/** A transaction as it is sealed, by its canonical text. Ids are exact as numbers up to 2^53. */
export type CommittedTransaction = { readonly id: number; readonly xid: string; readonly text: string };

type TextRow = { readonly headers: string | null; readonly entries: string | null };

// There may be fifty thousand headers a second. All rows come as one text, of headers the canonical one but for the
// entries: to send and read each value by itself costs several times as much, to look up the codes of accounts in the
// statement too. A record separator cannot be part of a value.
const committedTexts = `
  SELECT (SELECT string_agg(x.header, E'\\x1e')
            FROM (SELECT concat(t.id, ' ', t.xid, E' quittance ledger transaction 1\\nid ', t.id, E'\\nbook ', t.book,
                           E'\\nsource ', t.source, E'\\nevent ', t.source_event_id, ' ', t.event_type,
                           E'\\npayment ', coalesce(t.payment_id::text, '-'), E'\\nchain ', coalesce(t.chain_transaction, '-'),
                           E'\\neffective ', extract(epoch FROM t.effective_at), E'\\noccurred ', extract(epoch FROM t.occurred_at),
                           E'\\nrecorded ', extract(epoch FROM t.recorded_at), E'\\nreverses ', coalesce(t.reverses::text, '-'),
                           E'\\nshard ', t.shard, E'\\n') AS header
                    FROM ledger.transaction t WHERE t.id BETWEEN $1::bigint AND $2::bigint ORDER BY t.id) x) AS headers,
         (SELECT string_agg(concat(e.transaction_id, ' ', e.line, ' ', e.account_id, ' ', e.asset_id, ' ', e.layer, ' ', e.amount), E'\\n')
            FROM (SELECT * FROM ledger.entry e WHERE e.transaction_id BETWEEN $1::bigint AND $2::bigint
                   ORDER BY e.transaction_id, e.line) e) AS entries`;

/** Reads what was just committed. Accounts and assets never change, so that each is asked for once. */
export class CommittedReader {
  readonly #accounts = new CodeBook(
    'SELECT id::float8, code FROM ledger.account WHERE id = ANY ($1::bigint[])',
  );
  readonly #assets = new CodeBook('SELECT id::float8, code FROM ledger.asset WHERE id = ANY ($1::integer[])');

  /** Transactions of the ids from `first` to `last`, by rising id; those that are not committed are not among them. */
  async read(sql: Sql, first: number, last: number): Promise<CommittedTransaction[]> {
    const [row] = await sql<TextRow>(committedTexts, [first, last]);
    const lines = (row?.entries ?? '').split('\n');
    const entries = row?.entries == null ? [] : lines.map(entryOf);
    await this.#accounts.learn(sql, entries, ({ account }) => account);
    await this.#assets.learn(sql, entries, ({ asset }) => asset);
    let next = 0;
    return (row?.headers ?? '')
      .split('\x1e')
      .filter((header) => header !== '')
      .map((header) => {
        const blank = header.indexOf(' ');
        const end = header.indexOf(' ', blank + 1);
        const id = Number(header.slice(0, blank));
        let text = header.slice(end + 1);
        // Both are sorted by it.
        while (next < entries.length && (entries[next]?.id ?? 0) < id) next += 1;
        for (let entry = entries[next]; entry?.id === id; entry = entries[++next])
          text += `entry ${entry.line} ${this.#accounts.code(entry.account)} ${this.#assets.code(entry.asset)} ${entry.rest}
`;
        return { id, xid: header.slice(blank + 1, end), text };
      });
  }
}

type CommittedEntry = {
  readonly id: number;
  readonly line: string;
  readonly account: number;
  readonly asset: number;
  /** Layer and amount. */
  readonly rest: string;
};

function entryOf(row: string): CommittedEntry {
  const line = row.indexOf(' ');
  const account = row.indexOf(' ', line + 1);
  const asset = row.indexOf(' ', account + 1);
  const rest = row.indexOf(' ', asset + 1);
  return {
    id: Number(row.slice(0, line)),
    line: row.slice(line + 1, account),
    account: Number(row.slice(account + 1, asset)),
    asset: Number(row.slice(asset + 1, rest)),
    rest: row.slice(rest + 1),
  };
}

const codesMax = 100_000;

/** Codes by id, asked for when first needed. */
class CodeBook {
  #codes = new Map<number, string>();

  constructor(private readonly query: string) {}

  async learn(
    sql: Sql,
    entries: readonly CommittedEntry[],
    idOf: (entry: CommittedEntry) => number,
  ): Promise<void> {
    let missing = this.#missing(entries, idOf);
    if (missing.size === 0) return;
    if (this.#codes.size + missing.size > codesMax) {
      this.#codes = new Map();
      missing = this.#missing(entries, idOf);
    }
    const rows = await sql<{ id: number; code: string }>(this.query, [[...missing]]);
    for (const { id, code } of rows) this.#codes.set(id, code);
  }

  code(id: number): string {
    return this.#codes.get(id) ?? '';
  }

  #missing(entries: readonly CommittedEntry[], idOf: (entry: CommittedEntry) => number): Set<number> {
    const missing = new Set<number>();
    for (const entry of entries) {
      const id = idOf(entry);
      if (!this.#codes.has(id)) missing.add(id);
    }
    return missing;
  }
}
