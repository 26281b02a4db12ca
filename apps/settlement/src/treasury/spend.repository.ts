import type { Database } from '@quittance/database';
import type { ChainId } from '@quittance/money';

import type { Hex } from '../payment/payment.js';

/** Newest mined batches that are looked through for those of the last hour: more than a chain takes from us in one. */
const batchesMax = 20_000;
/** A key whose lease ended longer ago than this belongs to nobody who runs. */
const leaseGraceMs = 60_000;

/** What relayers spend, and which of them somebody signs with. */
export class SpendRepository {
  constructor(private readonly database: Database) {}

  /** Wei that each relayer of a chain spent within the last hour; those that spent nothing are left out. */
  async lastHour(chainId: ChainId): Promise<ReadonlyMap<Hex, bigint>> {
    const rows = await this.database.sql<{ relayer: Hex; spent: string }>(readSpent, [chainId]);
    return new Map(rows.map(({ relayer, spent }) => [relayer, BigInt(spent)]));
  }

  /** Relayers of a chain that a process holds now, or held a moment ago. */
  async inUse(chainId: ChainId): Promise<ReadonlySet<Hex>> {
    const rows = await this.database.sql<{ address: Hex }>(readInUse, [chainId, leaseGraceMs]);
    return new Set(rows.map(({ address }) => address));
  }
}

const readSpent = `
  SELECT relayer, sum(spent)::text AS spent
  FROM (SELECT relayer, fee + CASE WHEN succeeded THEN coalesce(top_up_wei, 0) ELSE 0 END AS spent, block_time FROM settlement.batch
        WHERE chain_id = $1 AND state = 'mined' ORDER BY block_number DESC LIMIT ${batchesMax}) AS newest
  WHERE block_time >= extract(epoch FROM now()) - 3600
  GROUP BY relayer`;

const readInUse = `
  SELECT address FROM settlement.relayer
  WHERE chain_id = $1 AND lease_until > clock_timestamp() - $2::int * interval '1 millisecond'`;
