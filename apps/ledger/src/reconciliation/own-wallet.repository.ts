import type { Database, Sql } from '@quittance/database';
import type { AssetId, ChainId } from '@quittance/money';

import { observedAccount, type WalletUse } from './cause.js';

/** A wallet of ours, one asset of it: from `firstBlock` on its balance is accounted for. */
export type OwnWallet = {
  readonly address: string;
  readonly use: WalletUse;
  readonly asset: AssetId;
  readonly firstBlock: bigint;
};

/** What the books say that a wallet held after a block. */
export type BookedBalance = OwnWallet & {
  readonly booked: bigint;
  /** What breaks that are known say that the chain has more, less what journals put right of it. */
  readonly explained: bigint;
  /** How often people ended a difference of it. */
  readonly settled: number;
};

type BalanceRow = WalletRow & { booked: string; explained: string; settled: number };

type WalletRow = { address: string; use: WalletUse; asset: AssetId; first_block: string };

/** Wallets of ours as they are accounted for. */
export class OwnWalletRepository {
  constructor(private readonly database: Database) {}

  async list(chainId: ChainId): Promise<OwnWallet[]> {
    const rows = await this.database.sql<WalletRow>(
      `SELECT address, use, asset, first_block::text FROM ledger.own_wallet WHERE chain_id = $1 ORDER BY address, asset`,
      [chainId],
    );
    return rows.map(walletOf);
  }

  /**
   * What the books say that each wallet held after a block, all of it as of one moment: what stands there now, without what
   * is known to be of later blocks, and without what was posted lately for transactions that were not seen yet.
   */
  async balancesAt(chainId: ChainId, block: bigint): Promise<BookedBalance[]> {
    const rows = await this.database.sql<BalanceRow>(balancesSql, [chainId, block]);
    return rows.map((row) => ({
      ...walletOf(row),
      booked: BigInt(row.booked),
      explained: BigInt(row.explained),
      settled: row.settled,
    }));
  }
}

const walletOf = ({ address, use, asset, first_block: firstBlock }: WalletRow): OwnWallet => ({
  address,
  use,
  asset,
  firstBlock: BigInt(firstBlock),
});

export type Opened = OwnWallet & { readonly opening: bigint; readonly transactionId: string | null };

export async function openWallet(sql: Sql, chainId: ChainId, wallet: Opened): Promise<void> {
  const { address, use, asset, firstBlock, opening, transactionId } = wallet;
  await sql(
    `INSERT INTO ledger.own_wallet (chain_id, address, use, asset, first_block, opening, transaction_id)
     VALUES ($1, $2, $3, $4, $5::numeric, $6::numeric, $7::bigint)
     ON CONFLICT (chain_id, address, asset) DO NOTHING`,
    [chainId, address, use, asset, firstBlock, opening, transactionId],
  );
}

export const walletAccount = (
  chainId: ChainId,
  { use, address }: Pick<OwnWallet, 'use' | 'address'>,
): string => observedAccount.wallet(chainId, use, address);

const balancesSql = `
  SELECT w.address, w.use, w.asset, w.first_block::text,
         (coalesce(now.amount, 0) - coalesce(later.amount, 0) - coalesce(unseen.amount, 0) - coalesce(unplaced.amount, 0))::text AS booked,
         (coalesce(known.amount, 0) - coalesce(fixed.amount, 0))::text AS explained, known.settled
    FROM ledger.own_wallet w
    JOIN ledger.reconciliation r ON r.chain_id = w.chain_id
    LEFT JOIN ledger.asset s ON s.code = w.asset
    LEFT JOIN ledger.account a ON a.code = 'G:wallet:' || w.use || ':' || w.chain_id || ':' || w.address AND a.asset_id = s.id
    LEFT JOIN LATERAL (
      SELECT sum(b.debit - b.credit) AS amount FROM ledger.balance b WHERE b.account_id = a.id AND b.layer = 'settled') now ON true
    LEFT JOIN LATERAL (
      SELECT sum(e.amount) AS amount
        FROM ledger.own_transaction o
        JOIN ledger.transaction t ON t.chain_transaction = o.transaction
        JOIN ledger.entry e ON e.transaction_id = t.id AND e.account_id = a.id AND e.layer = 'settled'
       WHERE o.chain_id = w.chain_id AND o.block_number > $2::numeric AND o.is_canonical) later ON true
    LEFT JOIN LATERAL (
      SELECT sum(e.amount) AS amount
        FROM ledger.entry e
        JOIN ledger.transaction t ON t.id = e.transaction_id AND t.chain_transaction IS NOT NULL
       WHERE e.account_id = a.id AND e.transaction_id > r.swept_id AND e.layer = 'settled'
         AND NOT EXISTS (SELECT FROM ledger.own_transaction o
                          WHERE o.chain_id = w.chain_id AND o.transaction = t.chain_transaction AND o.is_canonical)) unseen ON true
    LEFT JOIN LATERAL (
      SELECT sum(e.amount) AS amount
        FROM ledger.observed_transfer v
        JOIN ledger.entry e ON e.transaction_id = v.transaction_id AND e.account_id = a.id AND e.layer = 'settled'
       WHERE v.chain_id = w.chain_id AND v.block_number > $2::numeric AND v.transaction = '') unplaced ON true
    LEFT JOIN LATERAL (
      SELECT sum(b.effect) FILTER (WHERE b.block_number BETWEEN w.first_block AND $2::numeric) AS amount,
             count(*) FILTER (WHERE b.type = 'balance')::int AS settled
        FROM ledger.reconciliation_break b
       WHERE b.chain_id = w.chain_id AND b.wallet = w.address AND b.asset = w.asset AND b.state <> 'healed'
         AND (b.type <> 'balance' OR b.state <> 'open')) known ON true
    LEFT JOIN LATERAL (
      SELECT sum(e.amount) AS amount
        FROM ledger.entry e
        JOIN ledger.transaction t ON t.id = e.transaction_id AND t.chain_transaction IS NULL
       WHERE e.account_id = a.id AND e.layer = 'settled'
         AND e.transaction_id IN (
           SELECT b.fixed_by FROM ledger.reconciliation_break b
            WHERE b.chain_id = w.chain_id AND b.wallet = w.address AND b.asset = w.asset
              AND b.state IN ('explained', 'written_off') AND b.fixed_by IS NOT NULL)) fixed ON true
   WHERE w.chain_id = $1 AND w.first_block <= $2::numeric
   ORDER BY w.address, w.asset`;
