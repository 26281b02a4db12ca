import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { Sql } from '@quittance/database';

import { Needs } from '../access/access.guard.js';
import type { Actor } from '../access/role.js';
import { Write, type WriteRequest } from '../access/write.adapter.js';
import { WriteRepository } from '../access/write.repository.js';
import { StandingRepository } from '../checker/standing.repository.js';
import { readBody } from '../http/body.js';
import type { Page } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { codesLike } from '../posting/chart.js';
import { readParameters } from '../http/query.js';
import {
  faultsOf,
  type JournalDraft,
  type JournalRefusal,
  mirrorOf,
  transition,
  type Verdict,
} from './journal.js';
import { JournalRepository } from './journal.repository.js';
import {
  decisionBody,
  journalBody,
  journalPath,
  journalsQuery,
  type JournalView,
  reversalBody,
} from './journal.schema.js';

@Controller('journals')
export class JournalController {
  constructor(
    private readonly journals: JournalRepository,
    private readonly writes: WriteRepository,
    private readonly standing: StandingRepository,
  ) {}

  @Get()
  @Needs('viewer')
  list(@Query() query: unknown): Promise<Page<JournalView>> {
    return this.journals.list(readParameters(journalsQuery, query));
  }

  @Get(':id')
  @Needs('viewer')
  async one(@Param() path: unknown): Promise<JournalView> {
    const { id } = readParameters(journalPath, path);
    return (await this.journals.one(id)) ?? missing(id);
  }

  @Post()
  @Needs('operator')
  draft(@Write() write: WriteRequest, @Body() body: unknown): Promise<JournalView> {
    const draft = { ...readBody(journalBody, body), reverses: null };
    return this.writes.once(write, async (sql, actor) => ({
      status: 201,
      body: await this.drafted(sql, draft, actor),
    }));
  }

  @Post('reversals')
  @Needs('operator')
  reversal(@Write() write: WriteRequest, @Body() body: unknown): Promise<JournalView> {
    const { transactionId, effectiveAt, reason } = readBody(reversalBody, body);
    return this.writes.once(write, async (sql, actor) => {
      const posted = await this.journals.posted(sql, transactionId);
      if (posted === null) throw ProblemError.notFound(`The books have no transaction ${transactionId}.`);
      const { book, paymentId, mirror } = posted;
      if (mirror !== null) throw alreadyReversed(transactionId, mirror);
      const lines = mirrorOf(posted.lines);
      const draft = { book, effectiveAt, reason, paymentId, reverses: transactionId, lines };
      return { status: 201, body: await this.drafted(sql, draft, actor) };
    });
  }

  @Post(':id/approve')
  @HttpCode(200)
  @Needs('approver')
  approve(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<JournalView> {
    return this.decide(write, { verdict: 'approved', path, body });
  }

  @Post(':id/reject')
  @HttpCode(200)
  @Needs('approver')
  reject(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<JournalView> {
    return this.decide(write, { verdict: 'rejected', path, body });
  }

  @Post(':id/withdraw')
  @HttpCode(200)
  @Needs('operator')
  withdraw(
    @Write() write: WriteRequest,
    @Param() path: unknown,
    @Body() body: unknown,
  ): Promise<JournalView> {
    return this.decide(write, { verdict: 'withdrawn', path, body });
  }

  private async drafted(sql: Sql, draft: JournalDraft, author: Actor): Promise<JournalView> {
    const faults = faultsOf(draft);
    const unknown = await this.journals.unknownOf(sql, draft.lines);
    faults.push(...unknown.accounts.map(notInChart));
    faults.push(...unknown.assets.map((code) => `The books know no asset "${code}".`));
    if (draft.effectiveAt.getTime() > Date.now()) faults.push('Field "effectiveAt" lies in the future.');
    if (faults.length > 0) throw invalidJournal(faults);
    return this.journals.draft(sql, draft, author);
  }

  private decide(
    write: WriteRequest,
    { verdict, path, body }: { readonly verdict: Verdict; readonly path: unknown; readonly body: unknown },
  ): Promise<JournalView> {
    const { id } = readParameters(journalPath, path);
    const { reason } = readBody(decisionBody, body);
    return this.writes.once(write, async (sql, actor) => {
      const journal = (await this.journals.hold(sql, id)) ?? missing(id);
      const step = transition(journal, { verdict, actor });
      if (step.kind !== 'moved') throw refused(step);
      if (verdict === 'approved') await this.standing.requireOpen(sql);
      return { status: 200, body: await this.journals.decide(sql, journal, { verdict, reason, actor }) };
    });
  }
}

const notInChart = (code: string): string =>
  `There is no account "${code}" in the chart; there are ${codesLike(code).join(', ')}.`;

function missing(id: string): never {
  throw ProblemError.notFound(`There is no journal ${id}. GET /journals lists those there are.`);
}

const faultsShownMax = 10;

const invalidJournal = (faults: readonly string[]): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'invalid_journal',
    title: 'The books cannot take this journal',
    detail: faults.slice(0, faultsShownMax).join(' '),
  });

const alreadyReversed = (transactionId: string, mirror: string): ProblemError =>
  new ProblemError({
    status: 409,
    code: 'already_reversed',
    title: 'It is reversed already',
    detail: `Transaction ${mirror} is the mirror of ${transactionId}; a transaction is reversed once.`,
  });

function refused(refusal: JournalRefusal): ProblemError {
  switch (refusal.kind) {
    case 'decided':
      return new ProblemError({
        status: 409,
        code: 'journal_decided',
        title: 'The journal is decided',
        detail: `It is ${refusal.state}, and that stays. Draft another one if it is wrong.`,
      });
    case 'own_draft':
      return new ProblemError({
        status: 403,
        code: 'own_journal',
        title: 'Nobody decides about a journal of their own',
        detail: 'Ask another approver, or take it back with POST /journals/{id}/withdraw.',
      });
    case 'not_the_author':
      return new ProblemError({
        status: 403,
        code: 'not_the_author',
        title: 'Only its author can take a journal back',
        detail: `It is by "${refusal.author}". An approver can reject it.`,
      });
  }
}
