import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

/** Rows read at once. */
const chunk = 5_000;

type SealRow = {
  readonly size: string;
  readonly first: string;
  readonly root: string;
  readonly sealed_at: Date;
};

/** What `verify.mjs` reads besides a journal, as JSON Lines in pieces of bounded size. */
@Injectable()
export class ProofFilesRepository {
  constructor(private readonly database: Database) {}

  /** Every seal, by size. */
  async *seals(): AsyncGenerator<string> {
    for (let after = '0'; ;) {
      const rows = await this.database.sql<SealRow>(
        `SELECT size::text, first_position::text AS first, encode(root, 'hex') AS root, sealed_at FROM ledger.seal s
          WHERE s.size > $1::bigint ORDER BY s.size LIMIT $2`,
        [after, chunk],
      );
      yield rows
        .map(({ size, first, root, sealed_at: at }) => {
          const seal = { size: Number(size), firstPosition: Number(first), root, sealedAt: at.toISOString() };
          return `${JSON.stringify(seal)}\n`;
        })
        .join('');
      if (rows.length < chunk) return;
      after = rows.at(-1)?.size ?? after;
    }
  }

  /** Every checkpoint, by size. */
  async *checkpoints(): AsyncGenerator<string> {
    for (let after = '0'; ;) {
      const rows = await this.database.sql<{ size: string; note: string }>(
        'SELECT size::text, note FROM ledger.checkpoint c WHERE c.size > $1::bigint ORDER BY c.size LIMIT $2',
        [after, chunk],
      );
      yield rows.map(({ size, note }) => `${JSON.stringify({ size: Number(size), note })}\n`).join('');
      if (rows.length < chunk) return;
      after = rows.at(-1)?.size ?? after;
    }
  }
}
