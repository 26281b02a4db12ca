import type { Database } from '@quittance/database';
import { type AssetId, type ChainId, evmNativeAssetId } from '@quittance/money';

import { prefixEnd } from '../posting/account-code.js';
import { walletAccounts } from './booked.repository.js';
import { factsOf } from '../posting/facts-text.js';
import type { PaymentFacts } from '../posting/payment-facts.js';
import { observedAccount, type WalletUse } from './cause.js';
import type { ChainMovement } from './movement.js';

type BookedPayment = { readonly id: string } & Pick<PaymentFacts, 'payTo' | 'amount' | 'accepted'>;

/** Payments of one payer that are looked through, the newest first. */
const paymentsPerPayerMax = 2_000;
const addressLength = 42;

/** What the books know of wallets, payers and payments; nothing of it is changed here. */
export class BooksView {
  #merchants: { readonly lastAccount: string; readonly addresses: readonly string[] } | null = null;

  constructor(private readonly database: Database) {}

  /** Addresses that were ever paid through us. Read anew whenever an account was opened. */
  async merchants(chainId: ChainId): Promise<readonly string[]> {
    const [row] = await this.database.sql<{ last: string }>(
      'SELECT coalesce(max(id), 0)::text AS last FROM ledger.account',
    );
    const lastAccount = `${chainId} ${row?.last ?? ''}`;
    if (this.#merchants?.lastAccount === lastAccount) return this.#merchants.addresses;
    const addresses = await this.addressesUnder(`F:merchant:${chainId}:`);
    this.#merchants = { lastAccount, addresses };
    return addresses;
  }

  /** Wallets of ours that the books have accounts of. */
  async ownWallets(chainId: ChainId): Promise<ReadonlyMap<string, WalletUse>> {
    const uses = await Promise.all(
      (['relayer', 'treasury'] as const).map(async (use) => {
        const addresses = await this.addressesUnder(`G:wallet:${use}:${chainId}:`);
        return addresses.map((address): [string, WalletUse] => [address, use]);
      }),
    );
    return new Map(uses.flat());
  }

  /** The first block in which a payment of a chain is settled; null where none is. */
  async firstBlock(chainId: ChainId): Promise<bigint | null> {
    const [row] = await this.database.sql<{ block: string | null }>(
      'SELECT min(block_number)::text AS block FROM ledger.settled_log WHERE chain_id = $1',
      [chainId],
    );
    return row?.block === null || row === undefined ? null : BigInt(row.block);
  }

  /** Of some addresses, those that ever paid through us. */
  async payers(chainId: ChainId, addresses: readonly string[]): Promise<ReadonlySet<string>> {
    if (addresses.length === 0) return new Set();
    const rows = await this.database.sql<{ code: string }>(
      'SELECT DISTINCT code FROM ledger.account WHERE code = ANY ($1::text[])',
      [addresses.map((address) => observedAccount.payer(chainId, address))],
    );
    return new Set(rows.map(({ code }) => code.slice(-addressLength)));
  }

  /** The payment in the books that waits for just this movement. */
  async awaiting(chainId: ChainId, movement: ChainMovement): Promise<string | null> {
    const { asset, from: payer, to: payee, amount, nonce } = movement;
    const open = await this.paymentsOf(chainId, { asset, payer, settled: false });
    const found = open.find(
      (payment) =>
        payment.payTo === payee &&
        BigInt(payment.amount) === amount &&
        (nonce === null || payment.accepted === null || payment.accepted.nonce === nonce),
    );
    return found?.id ?? null;
  }

  /** Whether a merchant gives back to who had paid it: null where not; else the one payment that it can be, if there is one. */
  async refunded(
    chainId: ChainId,
    { asset, from: merchant, to: payer, amount }: ChainMovement,
  ): Promise<{ readonly paymentId: string | null } | null> {
    const paid = (await this.paymentsOf(chainId, { asset, payer, settled: true })).filter(
      ({ payTo }) => payTo === merchant,
    );
    if (paid.length === 0) return null;
    const equal = paid.filter((payment) => BigInt(payment.amount) === amount).map(({ id }) => id);
    const given = await this.database.sql<{ payment_id: string }>(
      'SELECT payment_id FROM ledger.observed_transfer WHERE payment_id = ANY ($1::uuid[])',
      [equal],
    );
    const left = equal.filter((id) => !given.some(({ payment_id: other }) => other === id));
    return { paymentId: left.length === 1 ? (left[0] ?? null) : null };
  }

  /** Native coin by transactions in what the books have of a wallet, all of it. */
  async nativeTransactionsOf(chainId: ChainId, wallet: string): Promise<string[]> {
    const rows = await this.database.sql<{ transaction: string }>(
      `SELECT DISTINCT t.chain_transaction AS transaction
         FROM ledger.account a
         JOIN ledger.asset s ON s.id = a.asset_id AND s.code = $2
         JOIN ledger.entry e ON e.account_id = a.id AND e.layer = 'settled'
         JOIN ledger.transaction t ON t.id = e.transaction_id AND t.chain_transaction IS NOT NULL
        WHERE a.code = ANY ($1::text[])`,
      [walletAccounts(chainId, [wallet]), evmNativeAssetId(chainId)],
    );
    return rows.map(({ transaction }) => transaction);
  }

  /** What the books have of a wallet now. */
  async balanceNow(account: string, asset: AssetId): Promise<bigint> {
    const [row] = await this.database.sql<{ balance: string }>(
      `SELECT coalesce(sum(b.debit - b.credit), 0)::text AS balance
         FROM ledger.account a JOIN ledger.asset s ON s.id = a.asset_id AND s.code = $2
         JOIN ledger.balance b ON b.account_id = a.id AND b.layer = 'settled'
        WHERE a.code = $1`,
      [account, asset],
    );
    return BigInt(row?.balance ?? 0);
  }

  /** Facts are read here and not by the database, whose json refuses some of what a payer may write. */
  private async paymentsOf(
    chainId: ChainId,
    { asset, payer, settled }: { readonly asset: AssetId; readonly payer: string; readonly settled: boolean },
  ): Promise<BookedPayment[]> {
    const rows = await this.database.sql<{ id: string; facts: string }>(
      `SELECT p.id, p.facts FROM ledger.payment p
        WHERE p.id IN (
          SELECT t.payment_id
            FROM ledger.account a
            JOIN ledger.asset s ON s.id = a.asset_id AND s.code = $2
            JOIN ledger.entry e ON e.account_id = a.id
            JOIN ledger.transaction t ON t.id = e.transaction_id
           WHERE a.code = $1 AND t.payment_id IS NOT NULL
           ORDER BY e.transaction_id DESC LIMIT ${paymentsPerPayerMax})
          AND EXISTS (SELECT FROM ledger.settled_log l WHERE l.payment_id = p.id) = $3`,
      [observedAccount.payer(chainId, payer), asset, settled],
    );
    return rows.map(({ id, facts }) => ({ ...factsOf(facts), id }));
  }

  private async addressesUnder(prefix: string): Promise<string[]> {
    const rows = await this.database.sql<{ address: string }>(
      `SELECT DISTINCT right(code, ${addressLength}) AS address FROM ledger.account
        WHERE code COLLATE "C" > $1 AND code COLLATE "C" < $2 ORDER BY address`,
      [prefix, prefixEnd(prefix)],
    );
    return rows.map(({ address }) => address);
  }
}
