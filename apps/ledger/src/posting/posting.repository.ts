import { Injectable } from '@nestjs/common';
import type { Database, Sql } from '@quittance/database';
import { isPaymentEvent, type QuittanceEvent } from '@quittance/events';
import { takeUnseen } from '@quittance/messaging';
import { crashPoint } from '@quittance/observability';

import { postChains } from './chain-books.repository.js';
import { Chart, type OpenedAccounts } from './chart.repository.js';
import { writePostings } from './journal.repository.js';
import { PaymentShelf } from './payment-books.repository.js';

/** Events to be posted by one transaction, and which rows of the balances it adds to. */
export type PostingWork = { readonly events: readonly QuittanceEvent[]; readonly shard: number };

/**
 * Posts events. Locks are taken in one order everywhere, and sorted within each kind (inbox, payments, chains, assets,
 * accounts, balances), so that transactions that meet wait for each other and never in a circle.
 */
@Injectable()
export class PostingRepository {
  readonly #chart = new Chart();
  readonly #payments = new PaymentShelf();

  constructor(private readonly database: Database) {}

  /**
   * Posts what the events change, in one transaction; events seen before change nothing. Gives those not seen before.
   *
   * @throws EventContradictsError, MoneyError for an event that cannot be posted; DatabaseUnavailableError and the like.
   */
  async post(work: PostingWork): Promise<readonly QuittanceEvent[]> {
    const { fresh, opened } = await this.database.transaction(async ({ sql }) => {
      const events = await takeUnseen(sql, 'ledger', work.events);
      crashPoint('ledger.taken');
      return { fresh: events, opened: await this.write(sql, { ...work, events }) };
    });
    // Only now are they there for sure.
    this.#chart.keep(opened);
    this.#payments.keep(fresh.filter(isPaymentEvent));
    crashPoint('ledger.committed');
    return fresh;
  }

  private async write(sql: Sql, { events, shard }: PostingWork): Promise<OpenedAccounts> {
    const ofPayments = await this.#payments.post(sql, events.filter(isPaymentEvent));
    const ofChains = await postChains(
      sql,
      events.filter((event) => !isPaymentEvent(event)),
    );
    const postings = [...ofPayments, ...ofChains];
    if (postings.length === 0) return new Map();
    const opened = await this.#chart.open(
      sql,
      postings.flatMap(({ lines }) => lines),
    );
    await writePostings(sql, { postings, shard, accountOf: (line) => this.#chart.find(line, opened) });
    return opened;
  }
}
