import type { Sql } from '@quittance/database';

import type { Line } from './line.js';
import { UnknownAccountError } from './posting-error.js';

/** An account as lines name it in the database. */
export type AccountRow = { readonly accountId: bigint; readonly assetId: number };

/** Accounts by code and asset. */
export type OpenedAccounts = ReadonlyMap<string, AccountRow>;

const knownMax = 100_000;
const keyOf = (account: string, asset: string): string => `${account} ${asset}`;
/** By asset, and by code within. */
type KnownAccounts = Map<string, Map<string, AccountRow>>;

/** The accounts that are known to be there: an account is opened once and never removed, so each is asked for once. */
export class Chart {
  #known: KnownAccounts = new Map();
  #size = 0;

  /** The lines whose accounts are not known, one for each account. */
  missing(postings: Iterable<{ readonly posting: { readonly lines: readonly Line[] } }>): Line[] {
    const missing = new Map<string, Line>();
    for (const { posting } of postings) {
      for (const line of posting.lines) {
        if (this.#known.get(line.asset)?.has(line.account) !== true)
          missing.set(keyOf(line.account, line.asset), line);
      }
    }
    return [...missing.values()];
  }

  /** Opens the accounts of the lines. They may be kept once the transaction is committed. */
  async open(sql: Sql, lines: readonly Line[]): Promise<OpenedAccounts> {
    return openAccounts(sql, lines);
  }

  keep(opened: OpenedAccounts): void {
    if (this.#size + opened.size > knownMax) {
      this.#known = new Map();
      this.#size = 0;
    }
    for (const [key, row] of opened) {
      const blank = key.indexOf(' ');
      const [account, asset] = [key.slice(0, blank), key.slice(blank + 1)];
      const ofAsset = this.#known.get(asset) ?? new Map<string, AccountRow>();
      this.#known.set(asset, ofAsset.set(account, row));
    }
    this.#size += opened.size;
  }

  /** @throws UnknownAccountError for an account that was not opened. */
  find({ account, asset }: Line, opened: OpenedAccounts): AccountRow {
    const known = this.#known.get(asset)?.get(account);
    const found = known ?? (opened.size === 0 ? undefined : opened.get(keyOf(account, asset)));
    if (found === undefined) throw new UnknownAccountError(account);
    return found;
  }
}

async function openAccounts(sql: Sql, lines: readonly Line[]): Promise<OpenedAccounts> {
  await sql(
    `INSERT INTO ledger.asset (code)
     SELECT given.code FROM unnest($1::text[]) AS given (code)
      WHERE NOT EXISTS (SELECT FROM ledger.asset s WHERE s.code = given.code)
      ORDER BY given.code
     ON CONFLICT (code) DO NOTHING`,
    [[...new Set(lines.map((line) => line.asset))]],
  );
  const named = [lines.map((line) => line.account), lines.map((line) => line.asset)];
  // A scalar subquery, because an anti-join here is planned to read every account of the asset.
  await sql(
    `INSERT INTO ledger.account (code, asset_id)
     SELECT given.code, s.id
       FROM unnest($1::text[], $2::text[]) AS given (code, asset) JOIN ledger.asset s ON s.code = given.asset
      WHERE (SELECT a.id FROM ledger.account a WHERE a.code = given.code COLLATE "C" AND a.asset_id = s.id) IS NULL
      ORDER BY given.code, s.id
     ON CONFLICT (code, asset_id) DO NOTHING`,
    named,
  );
  // A statement of its own: it must see what others opened meanwhile.
  const rows = await sql<{ code: string; asset: string; account_id: string; asset_id: number }>(
    `SELECT a.code, s.code AS asset, a.id AS account_id, a.asset_id
       FROM unnest($1::text[], $2::text[]) AS given (code, asset)
       JOIN ledger.asset s ON s.code = given.asset
       JOIN ledger.account a ON a.code = given.code COLLATE "C" AND a.asset_id = s.id`,
    named,
  );
  return new Map(
    rows.map((row) => [
      keyOf(row.code, row.asset),
      { accountId: BigInt(row.account_id), assetId: row.asset_id },
    ]),
  );
}
