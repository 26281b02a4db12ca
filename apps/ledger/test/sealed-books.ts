import { Database } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';

import { PostingRepository } from '../src/posting/posting.repository.js';
import { CheckpointSigner } from '../src/proof/checkpoint-key.adapter.js';
import { CheckpointRepository } from '../src/proof/checkpoint.repository.js';
import { SealingRepository } from '../src/proof/sealing.repository.js';
import { filled, PaymentStory } from './payment-events.js';

export const testOrigin = 'books.test/ledger';
export const testKey = '9d'.repeat(32);

/** A ledger database with the parts that post, seal and sign, and no service around them. */
export class SealedBooks {
  readonly signer = CheckpointSigner.of(testOrigin, testKey);
  readonly postings: PostingRepository;
  readonly sealing: SealingRepository;
  readonly checkpoints: CheckpointRepository;
  #stories = 0;

  private constructor(
    readonly server: TestDatabase,
    readonly database: Database,
    readonly superuser: pg.Client,
    sealedMax: number | undefined,
  ) {
    this.postings = new PostingRepository(database);
    this.sealing = new SealingRepository(database, sealedMax);
    this.checkpoints = new CheckpointRepository(database, this.signer);
  }

  static async start({ sealedMax }: { readonly sealedMax?: number } = {}): Promise<SealedBooks> {
    const server = await startTestDatabase();
    const database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'sealed-books' });
    const superuser = new pg.Client({ connectionString: server.adminUrl });
    await superuser.connect();
    return new SealedBooks(server, database, superuser, sealedMax);
  }

  async close(): Promise<void> {
    await this.superuser.end();
    await this.database.close();
    await this.server.stop();
  }

  /** Posts payments from authorization to confirmation: five transactions of the books each, by three statements. */
  async post(payments: number): Promise<readonly PaymentStory[]> {
    const stories = Array.from({ length: payments }, () => {
      this.#stories += 1;
      return new PaymentStory({
        name: `payment ${this.#stories}`,
        amount: BigInt(this.#stories) * 1_000_001n,
      });
    });
    // One after the other: what comes together for a payment is posted together, in fewer transactions of the books.
    const steps: readonly ((story: PaymentStory) => QuittanceEvent)[] = [
      (story) => story.accepted(),
      (story) => story.submitted(),
      (story) => story.confirmed('us'),
    ];
    for (const step of steps)
      await this.postings.post({ events: stories.map(step), shard: this.#stories % 3 });
    return stories;
  }

  async postFiller(name: string): Promise<void> {
    await this.postings.post({ events: [filled(name, 21_000n)], shard: 0 });
  }

  /** Until nothing is left, and gives the size of the tree. */
  async sealAll(): Promise<number> {
    for (;;) {
      const sealed = await this.sealing.seal();
      if (sealed.outcome !== 'sealed') return this.size();
    }
  }

  async size(): Promise<number> {
    const [row] = await this.database.sql<{ size: string }>(
      'SELECT coalesce(max(size), 0) AS size FROM ledger.seal',
    );
    return Number(row?.size);
  }
}
