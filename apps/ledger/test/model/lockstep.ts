import type { Database } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';

import type { EntryPoster } from '../../src/posting/entry-poster.repository.js';
import type { EntryPosting } from '../../src/posting/entry-posting.js';
import type { PostingRepository } from '../../src/posting/posting.repository.js';
import type { Books } from '../auditor.js';

/** What one command does to the real books. */
export type Work = {
  readonly events?: readonly QuittanceEvent[];
  /** The books must refuse these, and be as they were. */
  readonly refused?: readonly QuittanceEvent[];
  readonly postings?: readonly EntryPosting[];
  /** Payments that are to be taken for such as other rules posted. */
  readonly foreign?: readonly string[];
};

/** What the books must show of a sequence after each step, and by which ids it is found there. */
export type Expectation = {
  books(): Books;
  readonly paymentIds: readonly string[];
  /** Of what is about no single payment. */
  readonly sourceEventIds: readonly string[];
};

type Waiting = {
  readonly member: Expectation;
  readonly work: Work;
  readonly resolve: () => void;
  readonly reject: (fault: unknown) => void;
};

export class BooksDifferError extends Error {
  override readonly name = 'BooksDifferError';
}

/**
 * Many sequences against one database: each step of all of them is posted by one transaction, and looked at by one
 * statement. A sequence waits until all the others have come to their next step or to their end.
 */
export class Lockstep {
  #members = new Set<Expectation>();
  #waiting: Waiting[] = [];
  #steps = 0;

  private constructor(
    private readonly database: Database,
    private readonly repository: PostingRepository,
    private readonly poster: EntryPoster,
    /** Up to here everything has been looked at. */
    private checkedId: string,
  ) {}

  static async start(
    database: Database,
    repository: PostingRepository,
    poster: EntryPoster,
  ): Promise<Lockstep> {
    const [row] = await database.sql<{ last: string }>(
      'SELECT coalesce(max(id), 0)::text AS last FROM ledger.transaction',
    );
    return new Lockstep(database, repository, poster, row?.last ?? '0');
  }

  join(member: Expectation): void {
    this.#members.add(member);
  }

  leave(member: Expectation): void {
    this.#members.delete(member);
    this.step();
  }

  act(member: Expectation, work: Work): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ member, work, resolve, reject });
      this.step();
    });
  }

  private step(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#members.size) return;
    const taken = this.#waiting;
    this.#waiting = [];
    void this.take(taken).catch((fault: unknown) => {
      for (const { reject } of taken) reject(fault);
    });
  }

  private async take(taken: readonly Waiting[]): Promise<void> {
    this.#steps += 1;
    const works = taken.map(({ work }) => work);
    const foreign = works.flatMap((work) => work.foreign ?? []);
    if (foreign.length > 0)
      await this.database.sql('UPDATE ledger.payment SET rules = 0 WHERE id = ANY ($1::uuid[])', [foreign]);
    const events = works.flatMap((work) => work.events ?? []);
    if (events.length > 0) await this.repository.post({ events, shard: this.#steps % 4 });
    for (const { work, reject } of taken)
      if (work.refused !== undefined && !(await this.refuses(work.refused)))
        reject(new BooksDifferError('what contradicts was posted'));
    const postings = works.flatMap((work) => work.postings ?? []);
    if (postings.length > 0)
      await this.database.transaction(async ({ sql }) => {
        for (const posting of postings) await this.poster.postWithin(sql, posting);
      });
    await this.requireInvariants();
    const found = await this.booksOf(taken.map(({ member }) => member));
    for (const [index, { member, resolve, reject }] of taken.entries()) {
      const problem = differences(member.books(), found.get(index) ?? new Map());
      if (problem.length === 0) resolve();
      else reject(new BooksDifferError(problem.join('\n')));
    }
  }

  private async refuses(events: readonly QuittanceEvent[]): Promise<boolean> {
    try {
      await this.repository.post({ events, shard: 0 });
      return false;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'event_contradicts') return true;
      throw error;
    }
  }

  /** All lines of each sequence, summed. */
  private async booksOf(members: readonly Expectation[]): Promise<Map<number, Map<string, bigint>>> {
    const payments = members.flatMap(({ paymentIds }, index) => paymentIds.map((id) => ({ index, id })));
    const others = members.flatMap(({ sourceEventIds }, index) =>
      sourceEventIds.map((id) => ({ index, id })),
    );
    const rows = await this.database.sql<{ index: number; place: string; sum: string }>(
      `SELECT found.index, format('%s %s %s', e.layer, a.code, s.code) AS place, sum(e.amount)::text AS sum
         FROM (SELECT given.index, t.id FROM unnest($1::integer[], $2::uuid[]) AS given (index, id)
                 JOIN ledger.transaction t ON t.payment_id = given.id
                UNION ALL
               SELECT given.index, t.id FROM unnest($3::integer[], $4::uuid[]) AS given (index, id)
                 JOIN ledger.transaction t ON t.source_event_id = given.id AND t.payment_id IS NULL) found
         JOIN ledger.entry e ON e.transaction_id = found.id
         JOIN ledger.account a ON a.id = e.account_id JOIN ledger.asset s ON s.id = e.asset_id
        GROUP BY 1, 2 HAVING sum(e.amount) <> 0`,
      [
        payments.map(({ index }) => index),
        payments.map(({ id }) => id),
        others.map(({ index }) => index),
        others.map(({ id }) => id),
      ],
    );
    const books = new Map<number, Map<string, bigint>>(members.map((_, index) => [index, new Map()]));
    for (const { index, place, sum } of rows) books.get(index)?.set(place, BigInt(sum));
    return books;
  }

  /** What must hold of everything that the step posted, whoever posted it. */
  private async requireInvariants(): Promise<void> {
    const [row] = await this.database.sql<Record<string, string>>(invariants, [this.checkedId]);
    const { last = '0', ...broken } = row ?? {};
    const named = Object.entries(broken).filter(([, count]) => count !== '0');
    if (named.length > 0) throw new BooksDifferError(`broken: ${JSON.stringify(Object.fromEntries(named))}`);
    this.checkedId = last;
  }
}

const invariants = `
  WITH fresh AS (SELECT * FROM ledger.transaction WHERE id > $1::bigint),
       line AS (SELECT e.* FROM fresh JOIN ledger.entry e ON e.transaction_id = fresh.id),
       size AS (SELECT transaction_id AS id, count(*) AS lines, max(line) AS last FROM line GROUP BY transaction_id),
       -- Accounts of one address: the others have lines of everybody, and are looked at in the end.
       touched AS (SELECT DISTINCT a.id FROM line JOIN ledger.account a ON a.id = line.account_id WHERE a.code ~ ':0x')
  SELECT (SELECT count(*) FROM (SELECT FROM line GROUP BY transaction_id, asset_id, layer HAVING sum(amount) <> 0) x) AS unbalanced,
         (SELECT count(*) FROM fresh LEFT JOIN size USING (id) WHERE coalesce(size.lines, 0) < 2) AS "single line",
         (SELECT count(*) FROM size WHERE size.last <> size.lines) AS "gap in lines",
         (SELECT count(*) FROM line JOIN fresh ON fresh.id = line.transaction_id JOIN ledger.account a ON a.id = line.account_id
           WHERE a.book <> fresh.book OR a.asset_id <> line.asset_id) AS "foreign account",
         (SELECT count(*) FROM line JOIN ledger.account a ON a.id = line.account_id
           WHERE a.class IS DISTINCT FROM ledger.account_class(a.code)) AS "off the chart",
         (SELECT count(*) FROM fresh JOIN ledger.transaction o ON o.id = fresh.reverses
           WHERE (SELECT count(*) FROM (SELECT account_id, layer, sum(amount) FROM ledger.entry
                   WHERE transaction_id IN (fresh.id, o.id) GROUP BY account_id, layer HAVING sum(amount) <> 0) x) > 0) AS "crooked mirror",
         (SELECT count(*) FROM touched
           WHERE EXISTS (SELECT FROM unnest(enum_range(NULL::ledger.layer)) AS layers (layer)
                          WHERE coalesce((SELECT sum(debit - credit) FROM ledger.balance b
                                           WHERE b.account_id = touched.id AND b.layer = layers.layer), 0)
                             <> coalesce((SELECT sum(amount) FROM ledger.entry e
                                           WHERE e.account_id = touched.id AND e.layer = layers.layer), 0))) AS "balance off",
         (SELECT coalesce(max(id), $1::bigint) FROM fresh) AS last`;

/** In words, and in order; none where they are equal. */
export function differences(expected: Books, found: Books): string[] {
  const places = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return places.flatMap((place) => {
    const [must, is] = [expected.get(place) ?? 0n, found.get(place) ?? 0n];
    return must === is ? [] : [`${place}: must be ${must}, is ${is}`];
  });
}
