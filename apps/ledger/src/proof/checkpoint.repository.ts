import type { Database } from '@quittance/database';

import { noSeals, sealsDigest, sealsOf } from './checkpoint.js';
import type { CheckpointSigner } from './checkpoint-key.adapter.js';

type SealRow = { readonly size: string; readonly root: string; readonly sealed_at: Date };

/** Seals read at once. */
const sealsChunk = 10_000;

/** Signs what was sealed. Replicas may do it at once: of one size there is one checkpoint. */
export class CheckpointRepository {
  #isKeyKnown = false;

  constructor(
    private readonly database: Database,
    private readonly signer: CheckpointSigner,
  ) {}

  /** Signs the latest seal unless it is signed, and gives its size and the note. */
  async sign(): Promise<{ readonly size: number; readonly note: string } | null> {
    const checkpoint = await this.#next();
    if (checkpoint === null) return null;
    const { size } = checkpoint;
    const note = this.signer.sign(checkpoint);
    const { verifierKey } = this.signer;
    return this.database.transaction(async ({ sql }) => {
      if (!this.#isKeyKnown)
        await sql('INSERT INTO ledger.checkpoint_key (verifier_key) VALUES ($1) ON CONFLICT DO NOTHING', [
          verifierKey,
        ]);
      const kept = await sql(
        `INSERT INTO ledger.checkpoint (size, note, verifier_key) VALUES ($1::bigint, $2, $3)
         ON CONFLICT DO NOTHING RETURNING size`,
        [size, note, verifierKey],
      );
      this.#isKeyKnown = true;
      return kept.length === 0 ? null : { size, note };
    });
  }

  /** What is to be signed: the latest seal, and all seals since the last checkpoint. */
  async #next(): Promise<Parameters<CheckpointSigner['sign']>[0] | null> {
    const [last] = await this.database.sql<{ size: string; note: string }>(
      'SELECT c.size::text, c.note FROM ledger.checkpoint c ORDER BY c.size DESC LIMIT 1',
    );
    let next: Parameters<CheckpointSigner['sign']>[0] | null = null;
    let seals = last === undefined ? noSeals : sealsOf(last.note);
    for (let after = Number(last?.size ?? 0); ; after = next?.size ?? after) {
      const rows = await this.database.sql<SealRow>(
        `SELECT size::text, encode(root, 'hex') AS root, sealed_at FROM ledger.seal s
          WHERE s.size > $1::bigint ORDER BY s.size LIMIT $2`,
        [after, sealsChunk],
      );
      for (const { size, root, sealed_at: at } of rows) {
        const seal = { size: Number(size), root, sealedAt: at.toISOString() };
        seals = sealsDigest(seals, seal);
        next = { ...seal, seals };
      }
      if (rows.length < sealsChunk) return next;
    }
  }
}
