import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { ProblemError } from '../http/problem.error.js';
import { beginning, type Moment } from './moment.js';
import type { MomentQuery } from './moment.schema.js';

/**
 * A seal is committed this long after its own time at most: a transaction lives no longer. Until then what was known at a
 * moment after the last seal is not decided.
 */
const undecidedMs = 60_000;

type Known = {
  now: Date;
  size: string | null;
  sealed_at: Date | null;
  last_size: string | null;
  last_sealed_at: Date | null;
};

@Injectable()
export class MomentRepository {
  constructor(private readonly database: Database) {}

  /**
   * What the parameters mean, so that the same answer can be had again.
   *
   * @throws ProblemError 422 where it is not decided yet what was known then.
   */
  async resolve({ as_of: asOf, as_known_at: asKnownAt }: MomentQuery): Promise<Moment> {
    const [known] = await this.database.sql<Known>(knownAt, [asKnownAt ?? null]);
    if (known === undefined) throw new RangeError('a statement without FROM gave no row');
    const { now, last_size: lastSize, last_sealed_at: last } = known;
    const nowText = now.toISOString();
    if (asKnownAt === undefined) {
      return momentOf(asOf ?? nowText, lastSize, last);
    }
    if (asKnownAt > nowText) {
      throw undecided(`as_known_at ${asKnownAt} is in the future: it is ${nowText}`, last);
    }
    const isAfterLast = last === null || asKnownAt > last.toISOString();
    if (isAfterLast && Date.parse(asKnownAt) > now.getTime() - undecidedMs) {
      throw undecided(`What was known at ${asKnownAt} is not decided yet`, last);
    }
    return momentOf(asOf ?? nowText, known.size, known.sealed_at);
  }
}

const momentOf = (asOf: string, size: string | null, sealedAt: Date | null): Moment => ({
  asOf,
  asKnownAt: sealedAt?.toISOString() ?? beginning,
  size: BigInt(size ?? 0),
});

function undecided(what: string, last: Date | null): ProblemError {
  const latest = last === null ? 'nothing is sealed yet' : `the latest is ${last.toISOString()}`;
  return new ProblemError({
    status: 422,
    code: 'moment_undecided',
    title: 'Moment not decided yet',
    detail: `${what}. Leave as_known_at out for the latest seal, or give one up to it: ${latest}.`,
  });
}

const knownAt = `
  SELECT clock_timestamp() AS now, given.size::text AS size, given.sealed_at,
         last.size::text AS last_size, last.sealed_at AS last_sealed_at
    FROM (SELECT) one
    LEFT JOIN LATERAL (SELECT size, sealed_at FROM ledger.seal WHERE sealed_at <= $1::timestamptz
                        ORDER BY sealed_at DESC LIMIT 1) given ON true
    LEFT JOIN LATERAL (SELECT size, sealed_at FROM ledger.seal ORDER BY size DESC LIMIT 1) last ON true`;
