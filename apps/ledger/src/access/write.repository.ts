import { createHash } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import { Database, DatabaseConstraintError, type Sql } from '@quittance/database';
import type { FastifyReply } from 'fastify';

import { ProblemError } from '../http/problem.error.js';
import type { Actor } from './role.js';

/** One try at a write: the same actor, key, operation and body are the same write. */
export type Attempt = {
  readonly actor: Actor;
  readonly key: string;
  /** Method and path. */
  readonly operation: string;
  readonly body: unknown;
};

export type Answer<Body = unknown> = { readonly status: number; readonly body: Body };

type Stored = { readonly request_hash: Buffer; readonly status: number; readonly reply: unknown };

/** Writes by people and programs: each is done once, together with the answer that is kept for whoever asks again. */
@Injectable()
export class WriteRepository {
  constructor(private readonly database: Database) {}

  /**
   * Does `work` in a transaction and keeps its answer, or gives the answer that was kept, with `Idempotency-Replayed`.
   * What `work` throws is no answer: nothing is kept, and the same key may be tried again.
   *
   * @throws ProblemError 422 where the key was used for another write, 409 where a guard of the database refuses it; what
   * `work` throws.
   */
  async once<Body>(
    { attempt, reply }: { readonly attempt: Attempt; readonly reply: FastifyReply },
    work: (sql: Sql, actor: Actor) => Promise<Answer<Body>>,
  ): Promise<Body> {
    const { answer, isReplay } = await this.done(attempt, work).catch((fault: unknown) => {
      throw fault instanceof DatabaseConstraintError ? refusedByGuard(fault) : fault;
    });
    void reply.status(answer.status);
    if (isReplay) void reply.header('idempotency-replayed', 'true');
    return answer.body;
  }

  private done<Body>(
    { actor, key, operation, body }: Attempt,
    work: (sql: Sql, actor: Actor) => Promise<Answer<Body>>,
  ): Promise<{ answer: Answer<Body>; isReplay: boolean }> {
    const hash = createHash('sha256')
      .update(`${operation}\n${canonical(body)}`)
      .digest();
    return this.database.transaction(async ({ sql }) => {
      // Two tries at once: the second waits here, and finds the answer of the first.
      await sql('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`write ${actor.name} ${key}`]);
      const [stored] = await sql<Stored>(
        'SELECT request_hash, status, reply FROM ledger.write WHERE actor = $1 AND key = $2',
        [actor.name, key],
      );
      if (stored !== undefined) {
        if (!stored.request_hash.equals(hash)) throw keyTaken(key);
        // Kept by this very function from what `work` gave then.
        return { answer: { status: stored.status, body: stored.reply as Body }, isReplay: true };
      }
      const answer = await work(sql, actor);
      await sql(
        `INSERT INTO ledger.write (actor, key, operation, request_hash, status, reply)
         VALUES ($1, $2, $3, $4, $5, $6::json)`,
        [actor.name, key, operation, hash, answer.status, JSON.stringify(answer.body)],
      );
      return { answer, isReplay: false };
    });
  }
}

const keyTaken = (key: string): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'idempotency_key_reused',
    title: 'The key belongs to another write',
    detail: `Idempotency-Key ${JSON.stringify(key)} was used for another write. Send a new one.`,
  });

/** Guards that a right request can meet, when something changed since it was thought of. */
const guards: Readonly<Record<string, { readonly code: string; readonly detail: string }>> = {
  transaction_period_open: {
    code: 'period_closed',
    detail:
      'The period that it falls into is closed. GET /periods says which are; date it into the open one.',
  },
  period_ends_once: {
    code: 'period_exists',
    detail: 'A period of this book ends then already. GET /periods lists those there are.',
  },
  period_starts_before_it_ends: {
    code: 'period_empty',
    detail: 'A period starts where the one before it ends, and has to end after that.',
  },
  period_follows: {
    code: 'period_exists',
    detail: 'Another period was laid down meanwhile. See GET /periods.',
  },
  period_step_in_order: {
    code: 'period_out_of_order',
    detail: 'Periods of a book close from the first to the last, and open again from the last to the first.',
  },
  period_step_is_over: {
    code: 'period_not_over',
    detail: 'A period is closed when it is over, and not before.',
  },
  standing_open_already: {
    code: 'books_open_already',
    detail: 'The books are open already. GET /standing says since when.',
  },
  standing_needs_green_check: {
    code: 'green_check_missing',
    detail:
      'Name a check of everything that was begun after the books were last found wrong, and is green: POST /checks starts one, GET /checks/{id} says what came of it.',
  },
  transaction_reverses_key: {
    code: 'already_reversed',
    detail: 'The transaction was reversed meanwhile; a transaction is reversed once.',
  },
};

function refusedByGuard({ constraint, message }: DatabaseConstraintError): ProblemError {
  const known = guards[constraint];
  return new ProblemError({
    status: 409,
    code: known?.code ?? 'refused_by_guard',
    title: 'The books refuse it',
    detail: known?.detail ?? message,
  });
}

/** One text for equal values: the order of fields says nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
