import type { Database } from '@quittance/database';
import { type AssetId, type ChainId, evmNativeAssetId } from '@quittance/money';

import type { BlockRange, SeenTransaction } from './seen.js';
import { type BookedMovement, byPlace, logPart, nativePart, outside } from './movement.js';

type PaymentRow = {
  payment_id: string;
  block: string;
  block_hash: string;
  transaction: string;
  log_index: number;
  account: string;
  asset: string;
  amount: string;
  transaction_id: string;
};

type ObservedRow = {
  block: string;
  block_hash: string;
  transaction: string;
  part: string;
  asset: AssetId;
  sender: string;
  recipient: string;
  amount: string;
  payment_id: string | null;
  transaction_id: string;
};

/** What stands in the books, by where it is on its chain. */
export class BookedRepository {
  constructor(private readonly database: Database) {}

  /** Logs in a range of blocks, in order. */
  async logsIn(chainId: ChainId, { fromBlock, toBlock }: BlockRange): Promise<BookedMovement[]> {
    return this.logs(chainId, 'l.block_number BETWEEN $2::numeric AND $3::numeric', [fromBlock, toBlock]);
  }

  /** Logs of some transactions, whatever their blocks, in order. */
  async logsOf(chainId: ChainId, transactions: readonly string[]): Promise<BookedMovement[]> {
    return this.logs(chainId, 'l.transaction = ANY ($2::text[])', [transactions]);
  }

  /** What the books have of the native coin of wallets of ours by transactions, each where the chain has it. */
  async nativeBy(
    chainId: ChainId,
    wallets: readonly string[],
    seen: readonly SeenTransaction[],
  ): Promise<BookedMovement[]> {
    if (seen.length === 0 || wallets.length === 0) return [];
    const bySeen = new Map(seen.map((one) => [one.transaction, one]));
    const rows = await this.database.sql<{
      transaction: string;
      account: string;
      amount: string;
      payment_id: string | null;
      transaction_id: string;
    }>(
      `SELECT t.chain_transaction AS transaction, a.code AS account, sum(e.amount)::text AS amount,
              CASE WHEN count(DISTINCT t.payment_id) = 1 THEN min(t.payment_id::text) END AS payment_id, max(t.id)::text AS transaction_id
         FROM ledger.transaction t
         JOIN ledger.entry e ON e.transaction_id = t.id
         JOIN ledger.account a ON a.id = e.account_id
         JOIN ledger.asset s ON s.id = e.asset_id
        WHERE t.chain_transaction = ANY ($1::text[]) AND t.book = 'G' AND e.layer = 'settled' AND s.code = $2
          AND a.code = ANY ($3::text[])
        GROUP BY t.chain_transaction, a.code
       HAVING sum(e.amount) <> 0`,
      [[...bySeen.keys()], evmNativeAssetId(chainId), walletAccounts(chainId, wallets)],
    );
    const movements = rows.flatMap((row): BookedMovement[] => {
      const at = bySeen.get(row.transaction);
      const wallet = row.account.slice(-addressLength);
      if (at === undefined) return [];
      const net = BigInt(row.amount);
      const parties = net < 0n ? { from: wallet, to: outside } : { from: outside, to: wallet };
      return [
        {
          place: {
            block: at.block,
            blockHash: at.blockHash,
            transaction: row.transaction,
            part: nativePart(wallet),
          },
          asset: evmNativeAssetId(chainId),
          ...parties,
          amount: net < 0n ? -net : net,
          paymentId: row.payment_id,
          transactionId: row.transaction_id,
        },
      ];
    });
    return movements.sort((a, b) => byPlace(a.place, b.place));
  }

  private async logs(
    chainId: ChainId,
    condition: string,
    values: readonly unknown[],
  ): Promise<BookedMovement[]> {
    const [payments, observed] = await Promise.all([
      this.payments(condition, [chainId, ...values]),
      this.observed(condition, [chainId, ...values]),
    ]);
    return observed.length === 0
      ? payments
      : [...payments, ...observed].sort((a, b) => byPlace(a.place, b.place));
  }

  private async payments(condition: string, values: readonly unknown[]): Promise<BookedMovement[]> {
    const rows = await this.database.sql<PaymentRow>(paymentsSql(condition), values);
    const movements = new Map<string, BookedMovement>();
    for (const row of rows) {
      const known = movements.get(row.payment_id) ?? emptyMovement(row);
      movements.set(row.payment_id, withLine(known, row));
    }
    return [...movements.values()];
  }

  /** Those that were not taken back. */
  private async observed(condition: string, values: readonly unknown[]): Promise<BookedMovement[]> {
    const rows = await this.database.sql<ObservedRow>(
      `SELECT l.block_number::text AS block, l.block_hash, l.transaction, l.part, l.asset, l.sender, l.recipient,
              l.amount::text AS amount, l.payment_id, l.transaction_id::text AS transaction_id
         FROM ledger.observed_transfer l
        WHERE l.chain_id = $1 AND ${condition}
          -- Native coin by a transaction is read from the lines themselves.
          AND (l.part LIKE 'log:%' OR l.transaction = '')
          AND NOT EXISTS (SELECT FROM ledger.transaction r WHERE r.reverses = l.transaction_id)
        ORDER BY l.block_number, l.transaction COLLATE "C", l.part, l.block_hash COLLATE "C"`,
      values,
    );
    return rows.map(({ block, block_hash: blockHash, transaction, part, ...row }) => ({
      place: { block: BigInt(block), blockHash, transaction, part },
      asset: row.asset,
      from: row.sender,
      to: row.recipient,
      amount: BigInt(row.amount),
      paymentId: row.payment_id,
      transactionId: row.transaction_id,
    }));
  }
}

const addressLength = 42;

export const walletAccounts = (chainId: ChainId, wallets: readonly string[]): string[] =>
  wallets.flatMap((wallet) => ['relayer', 'treasury'].map((use) => `G:wallet:${use}:${chainId}:${wallet}`));

/** Settled lines of each payment that is settled, summed by account: several postings make one movement. */
const paymentsSql = (condition: string): string => `
  SELECT l.payment_id, l.block_number::text AS block, l.block_hash, l.transaction, l.log_index, b.account, b.asset, b.amount, b.transaction_id
    FROM (SELECT l.* FROM ledger.settled_log l WHERE l.duplicate_of IS NULL AND l.chain_id = $1 AND ${condition}
          UNION ALL
          SELECT l.* FROM ledger.settled_log l WHERE l.duplicate_of IS NOT NULL AND l.chain_id = $1 AND ${condition}) l
   CROSS JOIN LATERAL (
     SELECT a.code AS account, s.code AS asset, sum(e.amount)::text AS amount, max(t.id)::text AS transaction_id
       FROM ledger.transaction t
       JOIN ledger.entry e ON e.transaction_id = t.id
       JOIN ledger.account a ON a.id = e.account_id
       JOIN ledger.asset s ON s.id = e.asset_id
      WHERE t.payment_id = l.payment_id AND t.book = 'F' AND t.source IN ('event', 'journal') AND e.layer = 'settled'
      GROUP BY a.code, s.code HAVING sum(e.amount) <> 0) b
   ORDER BY l.block_number, l.transaction, l.log_index, l.block_hash, l.duplicate_of IS NOT NULL, l.payment_id`;

function emptyMovement(row: PaymentRow): BookedMovement {
  return {
    place: {
      block: BigInt(row.block),
      blockHash: row.block_hash,
      transaction: row.transaction,
      part: logPart(row.log_index),
    },
    asset: row.asset as AssetId,
    from: outside,
    to: outside,
    amount: 0n,
    paymentId: row.payment_id,
    transactionId: row.transaction_id,
  };
}

/** The payer is credited, and the merchant debited with what arrived. */
function withLine(movement: BookedMovement, { account, asset, amount, transaction_id: id }: PaymentRow) {
  const address = account.slice(-addressLength);
  const isLater = BigInt(id) > BigInt(movement.transactionId);
  const posted = { ...movement, transactionId: isLater ? id : movement.transactionId };
  if (account.startsWith('F:payer:')) return { ...posted, from: address };
  if (!account.startsWith('F:merchant:')) return posted;
  return { ...posted, asset: asset as AssetId, to: address, amount: BigInt(amount) };
}
