import { setImmediate as nextTurn } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { Database, Sql } from '@quittance/database';
import { type ChainEvent, isPaymentEvent, type QuittanceEvent } from '@quittance/events';
import { takeUnseen } from '@quittance/messaging';
import { crashPoint } from '@quittance/observability';

import { postChains } from './chain-books.repository.js';
import { type AccountRow, Chart, type OpenedAccounts } from './chart.repository.js';
import { noFees, type Tariff } from '../merchant/tariff.js';
import { headerOf, type NumberedPosting } from './header.js';
import { writeHeaders } from './journal.repository.js';
import type { Line } from './line.js';
import { isOutdated, type PaymentPlan, PaymentShelf } from './payment-books.repository.js';
import { OutdatedPlanError } from './posting-error.js';
import type { Posting } from './posting.js';
import { readReversals, type Reversal } from './reversal.repository.js';
import { afterFinalKind } from './reversal.js';

export type PostingOptions = {
  readonly tariff?: Tariff;
  /** Called once it is committed, for each event that took back what was final. */
  readonly onReorgAfterFinal?: (event: QuittanceEvent) => void;
};

/** Events to be posted, and which rows of the balances it adds to. */
export type PostingWork = { readonly events: readonly QuittanceEvent[]; readonly shard: number };

type Written = {
  readonly fresh: readonly QuittanceEvent[];
  readonly opened: OpenedAccounts;
  readonly afterFinal: readonly QuittanceEvent[];
};
type WrittenChains = Pick<Written, 'fresh' | 'opened'> & { readonly postings: readonly NumberedPosting[] };
type PlannedWork = {
  readonly plan: PaymentPlan;
  readonly chainEvents: readonly ChainEvent[];
  readonly shard: number;
};

/** A transaction of this many events costs hardly more an event than a larger one. */
const partEventsMin = 750;
/** Transactions at a time: the database writes one while the other is planned. */
const lanes = 2;
/** How often a batch is planned anew because somebody else posts the same payments. */
const plansMax = 5;
const noAccounts: OpenedAccounts = new Map();

/**
 * Posts events. What payments need is worked out before the transaction, and written by it in one go, without a look
 * at anything. Locks are taken in one order everywhere, and sorted within each kind (inbox, chains, payments, balances),
 * so that transactions that meet wait for each other and never in a circle.
 */
@Injectable()
export class PostingRepository {
  readonly #chart = new Chart();
  readonly #payments: PaymentShelf;

  constructor(
    private readonly database: Database,
    private readonly options: PostingOptions = {},
  ) {
    this.#payments = new PaymentShelf(options.tariff ?? noFees);
  }

  /**
   * Posts what the events change; events seen before change nothing. Gives those not seen before. Those of many payments
   * are posted in several transactions, each of some payments: while the database writes one, the next is worked out.
   * Where one fails, others may be posted all the same: brought again, they change nothing.
   *
   * @throws EventContradictsError, MoneyError for an event that cannot be posted; OutdatedPlanError,
   * DatabaseUnavailableError and the like.
   */
  async post({ events, shard }: PostingWork): Promise<readonly QuittanceEvent[]> {
    const parts = partsOf(events).map((part) => ({ events: part, shard }));
    const posted = new Map<PostingWork, readonly QuittanceEvent[]>();
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let part = parts[next++]; part !== undefined; part = parts[next++])
        posted.set(part, await this.postPart(part));
    };
    const ended = [lane()];
    // What is planned first is on its way before the next is planned.
    while (ended.length < Math.min(lanes, parts.length)) {
      await nextTurn();
      ended.push(lane());
    }
    for (const end of await Promise.allSettled(ended)) if (end.status === 'rejected') throw end.reason;
    return parts.flatMap((part) => posted.get(part) ?? []);
  }

  private async postPart(work: PostingWork): Promise<readonly QuittanceEvent[]> {
    for (let plans = 1; ; plans += 1) {
      try {
        return await this.postOnce(work);
      } catch (fault) {
        const isReplay = isOutdated(fault);
        this.#payments.forget({ isReplay });
        if (!isReplay) throw fault;
        if (plans === plansMax) throw new OutdatedPlanError(plansMax, fault);
      }
    }
  }

  private async postOnce({ events, shard }: PostingWork): Promise<readonly QuittanceEvent[]> {
    const plan = await this.#payments.plan(this.database.sql, events.filter(isPaymentEvent));
    const chainEvents = events.filter((event) => !isPaymentEvent(event));
    if (plan.changes.length === 0 && chainEvents.length === 0) return [];
    await this.openAccounts(plan.postings);
    crashPoint('ledger.taken');
    const { fresh, opened, afterFinal } = await this.write({ plan, chainEvents, shard });
    // Only now are they there for sure.
    this.#chart.keep(opened);
    this.#payments.keep(plan);
    crashPoint('ledger.committed');
    for (const event of afterFinal) this.options.onReorgAfterFinal?.(event);
    return [...plan.fresh, ...fresh];
  }

  /** In a transaction of their own, ahead of the lines: an account without any does no harm. */
  private async openAccounts(postings: readonly NumberedPosting[]): Promise<void> {
    const missing = this.#chart.missing(postings);
    if (missing.length === 0) return;
    this.#chart.keep(await this.database.transaction(async ({ sql }) => this.#chart.open(sql, missing)));
  }

  private async write({ plan, chainEvents, shard }: PlannedWork): Promise<Written> {
    return this.database.transaction(async ({ sql, commit }) => {
      const { fresh, opened, postings: ofChains } = await this.writeChains(sql, chainEvents);
      const postings = [...plan.postings, ...ofChains];
      const reversals = await readReversals(
        sql,
        postings.map(({ posting }) => posting),
      );
      const headers = postings.map((one) => ({ ...headerOf(one), ...reversals.get(one.posting) }));
      const accountOf = (line: Line): AccountRow => this.#chart.find(line, opened);
      await commit(
        Promise.all([
          ...this.#payments.write(sql, plan),
          ...(headers.length === 0 ? [] : [writeHeaders(sql, { headers, shard, accountOf })]),
        ]),
      );
      return { fresh, opened, afterFinal: eventsAfterFinal(reversals) };
    });
  }

  private async writeChains(sql: Sql, events: readonly ChainEvent[]): Promise<WrittenChains> {
    if (events.length === 0) return { fresh: [], postings: [], opened: noAccounts };
    const fresh = await takeUnseen(sql, 'ledger', events);
    const posted = await postChains(
      sql,
      fresh.filter((event) => !isPaymentEvent(event)),
    );
    const postings = posted.map((posting) => ({ posting, settlement: null }));
    const missing = this.#chart.missing(postings);
    const opened = missing.length === 0 ? noAccounts : await this.#chart.open(sql, missing);
    return { fresh, postings, opened };
  }
}

/** All events of a payment are in one part, in their order. What is told of chains goes with everything else. */
function partsOf(events: readonly QuittanceEvent[]): (readonly QuittanceEvent[])[] {
  if (events.length <= partEventsMin || !events.every(isPaymentEvent)) return [events];
  const payments = [...Map.groupBy(events, ({ data }) => data.paymentId).values()];
  const parts: QuittanceEvent[][] = [];
  let part: QuittanceEvent[] | undefined;
  for (const own of payments) {
    if (part === undefined || part.length >= partEventsMin) parts.push((part = []));
    part.push(...own);
  }
  return parts;
}

function eventsAfterFinal(reversals: ReadonlyMap<Posting, Reversal>): readonly QuittanceEvent[] {
  const last = [...reversals].filter(([, { kind }]) => kind === afterFinalKind);
  // A header in each book tells of one event.
  return [...new Map(last.map(([{ event }]) => [event.id, event])).values()];
}
