import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';
import { z } from 'zod';

import { ProblemError } from '../http/problem.error.js';
import type { Moment } from './moment.js';
import { notACursor } from './moment-page.js';
import { MomentRepository } from './moment.repository.js';
import type { MomentQuery } from './moment.schema.js';

type ListQuery = MomentQuery & { readonly cursor?: string | undefined; readonly limit?: number };

/** One page of a list: the moment that all of its pages are of, and where it begins. */
export type Reading<Keys> = {
  readonly moment: Moment;
  /** The keys of the last item of the page before; undefined on the first page. */
  readonly after: Keys | undefined;
  /** The cursor for what comes after an item. */
  readonly cursorAfter: (keys: Keys) => string;
};

const macBytes = 16;
const sealed = z.object({
  asOf: z.string(),
  asKnownAt: z.string(),
  size: z.string().transform(BigInt),
  question: z.string(),
  keys: z.unknown(),
});

/** Keeps the pages of a list on one moment and one question: the cursor carries both, and nobody else can make one. */
@Injectable()
export class ReadingRepository {
  #secret: Promise<Buffer> | undefined;

  constructor(
    private readonly database: Database,
    private readonly moments: MomentRepository,
  ) {}

  /**
   * Reads the cursor, if there is one, or takes the moment that the parameters tell.
   *
   * @throws ProblemError for a cursor that is not ours, or of another question.
   */
  async page<Keys>(query: ListQuery, keys: z.ZodType<Keys>): Promise<Reading<Keys>> {
    const { as_of: asOf, as_known_at: asKnownAt, cursor, limit: _, ...filters } = query;
    const secret = await this.secret();
    const question = digest(JSON.stringify(Object.entries(filters).sort(byName)));
    const place = cursor === undefined ? undefined : openCursor(secret, cursor, keys);
    if (place !== undefined && place.question !== question) throw foreign('is a cursor of another question');
    if (place !== undefined && differs(asOf, place.asOf)) throw foreign('is of another as_of');
    if (place !== undefined && differs(asKnownAt, place.asKnownAt))
      throw foreign('is of another as_known_at');
    const moment = place ?? (await this.moments.resolve({ as_of: asOf, as_known_at: asKnownAt }));
    const { asOf: at, asKnownAt: known, size } = moment;
    return {
      moment: { asOf: at, asKnownAt: known, size },
      after: place?.keys,
      cursorAfter: (last) =>
        closeCursor(secret, { asOf: at, asKnownAt: known, size: String(size), question, keys: last }),
    };
  }

  /** For answers that are one whole. */
  moment(query: MomentQuery): Promise<Moment> {
    return this.moments.resolve(query);
  }

  private async secret(): Promise<Buffer> {
    this.#secret ??= this.database
      .sql<{ secret: Buffer }>('SELECT secret FROM ledger.cursor_secret')
      .then(([row]) => {
        if (row === undefined) throw new RangeError('ledger.cursor_secret holds no row');
        return row.secret;
      })
      .catch((fault: unknown) => {
        this.#secret = undefined;
        throw fault;
      });
    return this.#secret;
  }
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
const digest = (text: string): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, macBytes);
const differs = (given: string | undefined, kept: string): boolean => given !== undefined && given !== kept;
const mac = (secret: Buffer, body: string): Buffer =>
  createHmac('sha256', secret).update(body).digest().subarray(0, macBytes);
const foreign = (what: string): ProblemError =>
  ProblemError.invalid(
    `Parameter "cursor": ${what}; leave it out to begin at the start, or send it with the parameters of the page before.`,
  );

function closeCursor(secret: Buffer, content: z.input<typeof sealed>): string {
  const body = Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${body}.${mac(secret, body).toString('base64url')}`;
}

function openCursor<Keys>(
  secret: Buffer,
  cursor: string,
  keys: z.ZodType<Keys>,
): Omit<z.output<typeof sealed>, 'keys'> & { keys: Keys } {
  const [body = '', tag = ''] = cursor.split('.');
  const given = Buffer.from(tag, 'base64url');
  const expected = mac(secret, body);
  const unknown = ProblemError.invalid(`Parameter "cursor": ${notACursor}.`);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw unknown;
  const content = sealed.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
  const parsed = keys.safeParse(content.keys);
  if (!parsed.success) throw unknown;
  return { ...content, keys: parsed.data };
}
