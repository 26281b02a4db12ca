import type { Database } from '@quittance/database';
import type { ChainId } from '@quittance/money';

import type { Hex } from '../payment/payment.js';

/** A stored transaction without its bytes, which may be many. */
export type StoredTransaction = {
  readonly hash: Hex;
  readonly relayer: Hex;
  readonly nonce: bigint;
  /** No later version replaces it. */
  readonly newest: boolean;
};

export type Bytes = { readonly hash: Hex; readonly raw: Hex };

type Row = { readonly hash: Hex; readonly relayer: Hex; readonly nonce: string; readonly newest: boolean };

/** What is stored and may have to be handed to the chain again. */
export class ResendRepository {
  /** @param holder Names this process among those that share the relayers' keys. */
  constructor(
    private readonly database: Database,
    private readonly holder: string,
  ) {}

  /**
   * Versions of batches whose outcome is not known, lowest nonces and oldest versions first: those of relayers that this
   * process holds or nobody does, and any that have been on their way for long.
   */
  async outstanding(chainId: ChainId, limit: number): Promise<StoredTransaction[]> {
    return transactionsOf(await this.database.sql<Row>(readOutstanding, [chainId, this.holder, limit]));
  }

  /** Batches of a relayer that count as mined or displaced, from a nonce on. */
  async endedFrom(
    { chainId, relayer }: { readonly chainId: ChainId; readonly relayer: Hex },
    nonce: bigint,
    limit: number,
  ): Promise<StoredTransaction[]> {
    return transactionsOf(await this.database.sql<Row>(readEnded, [chainId, relayer, nonce, limit]));
  }

  async bytesOf(hashes: readonly Hex[]): Promise<Bytes[]> {
    if (hashes.length === 0) return [];
    return this.database.sql<Bytes>(readBytes, [hashes]);
  }
}

function transactionsOf(rows: readonly Row[]): StoredTransaction[] {
  return rows.map(({ nonce, ...row }) => ({ ...row, nonce: BigInt(nonce) }));
}

const readOutstanding = `
  SELECT t.hash, b.relayer, b.nonce::text,
         NOT EXISTS (SELECT FROM settlement.transaction l WHERE l.batch_id = t.batch_id AND l.version > t.version) AS newest
  FROM settlement.batch b
  JOIN settlement.relayer r ON r.chain_id = b.chain_id AND r.address = b.relayer
  JOIN settlement.transaction t ON t.batch_id = b.batch_id
  WHERE b.chain_id = $1 AND b.state = 'outstanding'
    AND (r.lease_holder = $2::uuid OR r.lease_until <= clock_timestamp() OR b.updated_at <= clock_timestamp() - interval '5 seconds')
  ORDER BY b.nonce, b.relayer, t.version LIMIT $3::int`;

const readEnded = `
  SELECT t.hash, b.relayer, b.nonce::text, true AS newest
  FROM settlement.batch b
  JOIN LATERAL (
    SELECT hash FROM settlement.transaction t WHERE t.batch_id = b.batch_id
    ORDER BY (t.hash = b.mined_hash) IS TRUE DESC, t.version DESC LIMIT 1) t ON true
  WHERE b.chain_id = $1 AND b.relayer = $2 AND b.nonce >= $3::bigint AND b.state <> 'outstanding'
  ORDER BY b.nonce LIMIT $4::int`;

const readBytes = `
  SELECT t.hash, t.raw FROM settlement.transaction t JOIN settlement.batch b USING (batch_id)
  WHERE t.hash = ANY ($1::text[]) ORDER BY b.nonce, t.version`;
