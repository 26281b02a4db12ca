import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

export type BlockCheck = { readonly level: number; readonly block: string; readonly differences: number };

/** Rolls up what is sealed. The database does it: a service that goes wrong cannot write a wrong sum. */
@Injectable()
export class RollUpRepository {
  constructor(private readonly database: Database) {}

  /** Rolls up the next full block and gives its level; null where there is none. What another process does is left to it. */
  async next(): Promise<number | null> {
    const [row] = await this.database.sql<{ level: number | null }>('SELECT ledger.roll_up() AS level');
    return row?.level ?? null;
  }

  /**
   * Makes one block of all those rolled up anew and compares, `share` (0 to 1) of the way through them; null where none is.
   * Where they differ the books become read-only in the same transaction.
   */
  async checkOne(share: number): Promise<BlockCheck | null> {
    return this.database.transaction(async ({ sql }) => {
      const [row] = await sql<{ level: number; block: string; differences: string }>(
        `SELECT r.level, r.block, ledger.rollup_differences(r.level, r.block)::text AS differences
           FROM (SELECT level, block FROM ledger.rollup ORDER BY level, block
                 OFFSET (SELECT floor($1::float8 * count(*))::bigint FROM ledger.rollup) LIMIT 1) r`,
        [share],
      );
      if (row === undefined) return null;
      const found = { ...row, differences: Number(row.differences) };
      if (found.differences > 0) {
        await sql('SELECT ledger.suspend($1)', [
          `block ${found.block} of level ${found.level} is rolled up wrongly: ${found.differences} rows differ`,
        ]);
      }
      return found;
    });
  }
}
