import type { Database, Sql } from '@quittance/database';
import { isPaymentEvent, type QuittanceEvent } from '@quittance/events';

import { noFees } from '../merchant/tariff.js';
import { Chart } from './chart.repository.js';
import { headerOf } from './header.js';
import { writeHeaders } from './journal.repository.js';
import type { Line } from './line.js';
import { PaymentShelf } from './payment-books.repository.js';

/**
 * The rows that posting writes, in tables of the schema `bare` that have the same columns and nothing else than primary
 * keys: what the machine could do at most. For measurements alone.
 */
export class BareBooks {
  readonly #chart = new Chart();
  readonly #payments = new PaymentShelf(noFees);

  constructor(private readonly database: Database) {}

  async post(events: readonly QuittanceEvent[], shard: number): Promise<void> {
    const plan = await this.#payments.plan(this.database.sql, events.filter(isPaymentEvent));
    const missing = this.#chart.missing(plan.postings);
    if (missing.length > 0) this.#chart.keep(await this.#chart.open(this.database.sql, missing));
    const accountOf = (line: Line): ReturnType<Chart['find']> => this.#chart.find(line, new Map());
    const headers = plan.postings.map(headerOf);
    await this.database.transaction(async ({ sql, commit }) => {
      const bare = bareSql(sql);
      await commit(
        Promise.all([...this.#payments.write(bare, plan), writeHeaders(bare, { headers, shard, accountOf })]),
      );
    });
  }
}

const bareSql =
  (sql: Sql): Sql =>
  (text, values) =>
    sql(text.replaceAll(/\bledger\.(transaction|entry|payment)\b/g, 'bare.$1'), values);
