import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { type Cover, coverOf, type Rolled } from './block.js';

/** What is rolled up only grows: to know it a little late costs a few lines more to read. */
const knownForMs = 1_000;

@Injectable()
export class BlockRepository {
  #known: { readonly rolled: Rolled; readonly until: number } | undefined;

  constructor(private readonly database: Database) {}

  /** The first `size` transactions of the sealed order as what is rolled up of them, and the rest. */
  async cover(size: bigint): Promise<Cover> {
    return coverOf(size, await this.rolled());
  }

  private async rolled(): Promise<Rolled> {
    const now = performance.now();
    if (this.#known !== undefined && now < this.#known.until) return this.#known.rolled;
    const [row] = await this.database.sql<{ small: string; large: string }>(rolledBlocks);
    const rolled = { small: BigInt(row?.small ?? 0), large: BigInt(row?.large ?? 0) };
    this.#known = { rolled, until: now + knownForMs };
    return rolled;
  }
}

const rolledBlocks = `
  SELECT coalesce((SELECT max(block) + 1 FROM ledger.rollup WHERE level = 0), 0)::text AS small,
         coalesce((SELECT max(block) + 1 FROM ledger.rollup WHERE level = 1), 0)::text AS large`;
