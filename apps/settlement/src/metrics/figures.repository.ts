import type { Database } from '@quittance/database';
import type { ChainId } from '@quittance/money';

/** How one chain stands in the database: the same whichever process is asked. */
export type StoredFigures = {
  readonly chainId: ChainId;
  readonly queued: number;
  /** Of the payment that has been waiting longest; 0 when none waits. */
  readonly queueAgeSeconds: number;
  readonly outstandingBatches: number;
  /** The last block that has been applied, null on a chain that has never been followed. */
  readonly appliedBlock: bigint | null;
  readonly finalBlock: bigint | null;
  readonly isSuspended: boolean;
};

type FiguresRow = {
  readonly chain_id: ChainId;
  readonly queued: number;
  readonly age_seconds: number;
  readonly outstanding: number;
  readonly block_number: string | null;
  readonly final_number: string | null;
  readonly suspended: boolean;
};

/** Rows counted of a chain: a longer queue is shown as this long. */
const countMax = 100_000;

/** Figures that the database knows. */
export class FiguresRepository {
  private asked: Promise<readonly StoredFigures[]> | null = null;

  constructor(
    private readonly database: Database,
    private readonly chainIds: readonly ChainId[],
  ) {}

  /** Asks once for all who want to know at the same time. */
  async read(): Promise<readonly StoredFigures[]> {
    this.asked ??= this.ask().finally(() => {
      this.asked = null;
    });
    return this.asked;
  }

  private async ask(): Promise<readonly StoredFigures[]> {
    const rows = await this.database.sql<FiguresRow>(readFigures, [this.chainIds]);
    return rows.map((row) => ({
      chainId: row.chain_id,
      queued: row.queued,
      queueAgeSeconds: row.age_seconds,
      outstandingBatches: row.outstanding,
      appliedBlock: row.block_number === null ? null : BigInt(row.block_number),
      finalBlock: row.final_number === null ? null : BigInt(row.final_number),
      isSuspended: row.suspended,
    }));
  }
}

const readFigures = `
  SELECT chain.chain_id, queue.queued, queue.age_seconds, batches.outstanding,
         followed.block_number::text, followed.final_number::text, status.suspended_reason IS NOT NULL AS suspended
  FROM unnest($1::text[]) AS chain (chain_id)
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS queued,
           greatest(coalesce(extract(epoch FROM now() - min(created_at)), 0), 0)::float8 AS age_seconds
    FROM (SELECT created_at FROM settlement.payment p
          WHERE p.chain_id = chain.chain_id AND p.state = 'queued' LIMIT ${countMax}) AS waiting) AS queue
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS outstanding
    FROM (SELECT FROM settlement.batch b
          WHERE b.chain_id = chain.chain_id AND b.state = 'outstanding' LIMIT ${countMax}) AS under_way) AS batches
  LEFT JOIN settlement.follower_cursor followed USING (chain_id)
  LEFT JOIN settlement.chain_status status USING (chain_id)`;
