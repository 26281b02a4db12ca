import { randomUUID } from 'node:crypto';

import { type Database, DatabaseConstraintError } from '@quittance/database';
import { eventPlace } from '@quittance/messaging';
import type { PaymentId } from '@quittance/protocol';

import type { Reservation, Reserved } from '../settle/settle.js';
import type { Attempt } from './attempt.js';
import { attemptOf, type AttemptRow, attemptsColumn } from './attempt-row.js';
import { Gathering } from './gathering.js';
import type { BalanceBlock, OpenAuthorization, Payment, Purse, LookedUp } from './payment.js';
import { acceptedEvent } from './payment-event.js';
import { paymentColumns, paymentOf, type PaymentRow, reservationJson } from './payment-row.js';
import type { PaymentTransition } from './payment-view.js';

const openAuthorizationsMax = 100;
const findsMax = 500;
/** Bounds how long one call holds the locks of its purses. */
const reservationsMax = 100;
/** One that waits for a purse which another replica holds must not keep all others waiting. */
const callsMax = 2;
/**
 * Under load many go together, at a little wait each; one payment at a time waits for nothing. Reservations gather
 * longer: each call is a commit, and wakes all that follows from it.
 */
const findCompanyMs = 1;
const reserveCompanyMs = 8;

type Asked = { readonly purse: Purse; readonly at: BalanceBlock };
/** Without an id only what is in flight is asked for. */
type AskedForBoth = Asked & { readonly id: PaymentId | null };

/** The payment registry in Postgres: what is known, and what is taken on. */
export class PaymentRepository {
  readonly #finds: Gathering<PaymentId, Payment | null>;
  readonly #lookUps: Gathering<AskedForBoth, LookedUp>;
  readonly #reserves: Gathering<Reservation, Reserved>;

  constructor(private readonly database: Database) {
    this.#finds = new Gathering({
      run: (ids) => this.#findEach(ids),
      itemsMax: findsMax,
      runsMax: callsMax,
      companyMs: findCompanyMs,
    });
    this.#lookUps = new Gathering({
      run: (asked) => this.#lookUpEach(asked),
      itemsMax: findsMax,
      runsMax: callsMax,
      companyMs: findCompanyMs,
    });
    this.#reserves = new Gathering({
      run: (reservations) => this.#reserveMany(reservations),
      itemsMax: reservationsMax,
      runsMax: callsMax,
      companyMs: reserveCompanyMs,
      isOfOneItem: (fault) => fault instanceof DatabaseConstraintError,
    });
  }

  find(id: PaymentId): Promise<Payment | null> {
    return this.#finds.ask(id);
  }

  async findMany(ids: readonly PaymentId[]): Promise<Payment[]> {
    const rows = await this.database.sql<PaymentRow>(
      `SELECT ${paymentColumns} FROM facilitator.payment WHERE id = ANY ($1::uuid[])`,
      [ids],
    );
    return rows.map(paymentOf);
  }

  async transitions(id: PaymentId): Promise<PaymentTransition[]> {
    const rows = await this.database.prisma.facilitatorPaymentTransition.findMany({
      where: { paymentId: id },
      orderBy: { sequence: 'asc' },
    });
    return rows.map((row) => ({
      from: row.fromState,
      to: row.toState,
      eventId: row.eventId,
      reason: row.reason,
      transaction: row.transactionHash,
      at: row.at,
    }));
  }

  async attempts(id: PaymentId): Promise<readonly Attempt[]> {
    const [row] = await this.database.sql<{ attempts: readonly AttemptRow[] | null }>(
      `SELECT ${attemptsColumn} AS attempts FROM facilitator.payment WHERE id = $1`,
      [id],
    );
    return (row?.attempts ?? []).map(attemptOf);
  }

  /** As `find` and `inFlight` in one; nothing is left out of what is in flight. */
  lookUp(id: PaymentId, purse: Purse, at: BalanceBlock): Promise<LookedUp> {
    return this.#lookUps.ask({ id, purse, at });
  }

  async inFlight(purse: Purse, at: BalanceBlock): Promise<bigint> {
    if (at.landed.length === 0) return (await this.#lookUps.ask({ id: null, purse, at })).inFlight;
    const { chainId, asset, payer } = purse;
    const [row] = await this.database.sql<{ sum: string }>(
      'SELECT facilitator.in_flight($1, $2, $3, $4::bigint, $5::numeric, $6::text[])::text AS sum',
      [chainId, asset, payer, at.number, at.time, at.landed],
    );
    return BigInt(row?.sum ?? 0);
  }

  /** Payments that count as in flight though the chain may know better; the oldest, and not too many. */
  async openAuthorizations({ chainId, asset, payer }: Purse, at: BalanceBlock): Promise<OpenAuthorization[]> {
    return this.database.sql<OpenAuthorization>(
      `SELECT id, method, nonce FROM facilitator.payment
        WHERE chain_id = $1 AND asset = $2 AND payer = $3
          AND (state IN ('accepted', 'submitted') OR (state = 'failed' AND NOT authorization_spent AND valid_before >= $4::numeric))
        ORDER BY accepted_at LIMIT $5`,
      [chainId, asset, payer, at.time, openAuthorizationsMax],
    );
  }

  /** Reserves with its event in one transaction. Payments of one purse queue there, so that no two count the same money. */
  reserve(reservation: Reservation): Promise<Reserved> {
    return this.#reserves.ask(reservation);
  }

  async #findEach(ids: readonly PaymentId[]): Promise<Array<Payment | null>> {
    const found = new Map((await this.findMany([...new Set(ids)])).map((payment) => [payment.id, payment]));
    return ids.map((id) => found.get(id) ?? null);
  }

  async #lookUpEach(asked: readonly AskedForBoth[]): Promise<LookedUp[]> {
    const rows = await this.database.sql<{ in_flight: string; is_known: boolean }>(
      `SELECT facilitator.in_flight(chain_id, asset, payer, at_block, at_time, '{}')::text AS in_flight,
              EXISTS (SELECT FROM facilitator.payment WHERE id = asked_id) AS is_known
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::numeric[])
              WITH ORDINALITY AS asked (asked_id, chain_id, asset, payer, at_block, at_time, place)
        ORDER BY place`,
      [
        asked.map(({ id }) => id),
        asked.map(({ purse }) => purse.chainId),
        asked.map(({ purse }) => purse.asset),
        asked.map(({ purse }) => purse.payer),
        asked.map(({ at }) => at.number),
        asked.map(({ at }) => at.time),
      ],
    );
    // Few are known, and most columns are theirs.
    const knownIds = asked.flatMap(({ id }, index) =>
      id !== null && rows[index]?.is_known === true ? [id] : [],
    );
    const known = new Map<PaymentId, Payment>();
    if (knownIds.length > 0)
      for (const payment of await this.findMany(knownIds)) known.set(payment.id, payment);
    return asked.map(({ id }, index) => ({
      known: id === null ? null : (known.get(id) ?? null),
      inFlight: BigInt(rows[index]?.in_flight ?? 0),
    }));
  }

  async #reserveMany(reservations: readonly Reservation[]): Promise<Reserved[]> {
    const occurredAt = new Date();
    const asked = reservations.map((reservation) => {
      const event = acceptedEvent(reservation.terms, reservation.authority, { id: randomUUID(), occurredAt });
      return reservationJson(reservation, { event, place: eventPlace(event) });
    });
    const rows = await this.database.sql<{ outcome: Reserved['outcome']; counted: string | null }>(
      'SELECT outcome, counted::text AS counted FROM facilitator.reserve_many($1::jsonb[])',
      [asked],
    );
    return rows.map(({ outcome, counted }) =>
      outcome === 'short' ? { outcome, inFlight: BigInt(counted ?? 0) } : { outcome },
    );
  }
}
