import { expect } from '@jest/globals';
import { Database } from '@quittance/database';
import type { ChainId } from '@quittance/money';
import type { z } from 'zod';

import { EntryPoster } from '../src/posting/entry-poster.repository.js';
import { PostingRepository } from '../src/posting/posting.repository.js';
import { BookedRepository } from '../src/reconciliation/booked.repository.js';
import { BooksView } from '../src/reconciliation/books-view.repository.js';
import { ChainReconciliation } from '../src/reconciliation/chain-reconciliation.repository.js';
import { OwnWalletRepository } from '../src/reconciliation/own-wallet.repository.js';
import { PlacementRepository } from '../src/reconciliation/placement.repository.js';
import { ProgressRepository } from '../src/reconciliation/progress.repository.js';
import { RunRepository } from '../src/reconciliation/run.repository.js';
import { SealingRepository } from '../src/proof/sealing.repository.js';
import { chainOf } from './chain-of-month.js';
import {
  chains,
  generatedMonth,
  type Month,
  merchantAddress,
  month,
  networks,
  tariff,
  tariffSetting,
} from './generated-month.js';
import type { Verdict } from './outside-checkers.js';
import { type Person, tokenOf } from './people.js';
import { settle } from './reconciled-books.js';
import { RunningLedger } from './running-ledger.js';

/** How many payments a month has. */
export const payments = 240;

export const encoded = encodeURIComponent;
export const merchantZero = `F:merchant:${chains.base}:${merchantAddress(0)}`;
export const range = `from=${month.from}&to=${month.to}`;

type Asked = {
  readonly code: string;
  readonly asset: string;
  readonly from?: string;
  readonly to?: string;
  readonly layer?: string;
  /** As which file; as JSON unless told. */
  readonly as?: 'csv' | 'camt053';
};

/** Of the whole month and what is settled unless told. */
export function statementPath({
  code,
  asset,
  from = month.from,
  to = month.to,
  layer = 'settled',
  as,
}: Asked): string {
  const file = as === undefined ? 'statement' : `statement.${as}`;
  return `/accounts/${encoded(code)}/${file}?asset=${encoded(asset)}&layer=${layer}&from=${from}&to=${to}`;
}

/** What an outside checker is expected to say. */
export const passes = (checker: string): { checker: string; complaints: string } => ({
  checker,
  complaints: '',
});
export const said = ({ checker, complaints }: Verdict): { checker: string; complaints: string } => ({
  checker,
  complaints,
});

export type Download = { readonly text: string; readonly headers: Headers };

/** A ledger with a month of generated business in its books, all of it sealed. */
export class RunningMonth {
  readonly business = generatedMonth(payments);
  readonly #postings: PostingRepository;
  readonly #poster: EntryPoster;
  readonly #sealing: SealingRepository;

  private constructor(
    readonly ledger: RunningLedger,
    private readonly database: Database,
    private readonly reader: Person | undefined,
  ) {
    this.#postings = new PostingRepository(database, { tariff });
    this.#poster = new EntryPoster(database);
    this.#sealing = new SealingRepository(database);
  }

  /** `reader` is who reads, where tokens are asked for. */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    reader?: Person,
  ): Promise<RunningMonth> {
    const ledger = await RunningLedger.start({
      NETWORKS: JSON.stringify(networks),
      MERCHANT_FEES: tariffSetting,
      ...settings,
    });
    const database = Database.connect({
      url: ledger.server.serviceUrls.ledger,
      applicationName: 'month-spec',
    });
    const started = new RunningMonth(ledger, database, reader);
    await started.post(started.business);
    return started;
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.ledger.close();
  }

  async post({ steps, transfers }: Month): Promise<void> {
    for (const events of steps) await this.#postings.post({ events, shard: 0 });
    for (const transfer of transfers) await this.#poster.post(transfer);
    while ((await this.#sealing.seal()).outcome !== 'nothing');
  }

  /** Compares the books with what a chain has of the month, until nothing is left to compare. */
  async compareWith(chainId: ChainId): Promise<void> {
    const { database } = this;
    const reader = chainOf(this.business, chainId);
    const reconciliation = new ChainReconciliation({
      chainId,
      reader,
      database,
      booked: new BookedRepository(database),
      view: new BooksView(database),
      wallets: new OwnWalletRepository(database),
      progress: new ProgressRepository(database),
      runs: new RunRepository(database),
      placement: new PlacementRepository(database),
      poster: this.#poster,
      own: new Map(),
      graceMs: 0,
    });
    await settle(reconciliation, reader);
  }

  /** The latest seal of the books. */
  async sealed(): Promise<{ size: number; root: string }> {
    const [seal] = await this.database.sql<{ size: number; root: string }>(
      `SELECT size::integer AS size, encode(root, 'hex') AS root FROM ledger.seal s ORDER BY s.size DESC LIMIT 1`,
    );
    if (seal === undefined) throw new RangeError('nothing is sealed');
    return seal;
  }

  async read<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> {
    const { status, body } = await this.ledger.get(path, this.#token);
    expect({ status, body }).toMatchObject({ status: 200 });
    return schema.parse(body);
  }

  async download(path: string): Promise<Download> {
    const response = await fetch(`${this.ledger.service.url}${path}`, {
      headers: this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` },
    });
    const text = await response.text();
    expect({ status: response.status, text: response.status === 200 ? '' : text }).toEqual({
      status: 200,
      text: '',
    });
    return { text, headers: response.headers };
  }

  get #token(): string | undefined {
    return this.reader === undefined ? undefined : tokenOf(this.reader);
  }
}
