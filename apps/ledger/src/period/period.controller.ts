import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import { Write, type WriteRequest } from '../access/write.adapter.js';
import { WriteRepository } from '../access/write.repository.js';
import { readBody } from '../http/body.js';
import type { Page } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import { ChecklistRepository } from './checklist.repository.js';
import { type PeriodMove, type Readiness, readiness, transition } from './period.js';
import { PeriodRepository } from './period.repository.js';
import {
  type Checklist,
  hardCloseBody,
  type Period,
  periodBody,
  periodPath,
  periodsQuery,
  stepBody,
} from './period.schema.js';

@Controller('periods')
export class PeriodController {
  constructor(
    private readonly periods: PeriodRepository,
    private readonly checklists: ChecklistRepository,
    private readonly writes: WriteRepository,
  ) {}

  @Get()
  @Needs('viewer')
  list(@Query() query: unknown): Promise<Page<Period>> {
    return this.periods.list(readParameters(periodsQuery, query));
  }

  @Get(':id')
  @Needs('viewer')
  async one(@Param() path: unknown): Promise<Period> {
    const { id } = readParameters(periodPath, path);
    return (await this.periods.one(id)) ?? missing(id);
  }

  @Get(':id/checklist')
  @Needs('controller', 'auditor')
  async checklist(@Param() path: unknown): Promise<Checklist> {
    const { id } = readParameters(periodPath, path);
    return this.periods.atOneMoment(async (sql) => {
      const period = (await this.periods.find(sql, id)) ?? missing(id);
      const { items } = await this.checklists.compute(sql, period);
      const { kind } = readiness(items, {});
      return { periodId: id, computedAt: new Date().toISOString(), ready: kind === 'ready', items };
    });
  }

  @Post()
  @Needs('controller')
  create(@Write() write: WriteRequest, @Body() body: unknown): Promise<Period> {
    const { book, endsAt } = readBody(periodBody, body);
    return this.writes.once(write, async (sql, actor) => ({
      status: 201,
      body: await this.periods.create(sql, { book, endsAt, actor }),
    }));
  }

  @Post(':id/soft-close')
  @HttpCode(200)
  @Needs('controller')
  softClose(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<Period> {
    return this.step(write, { step: 'soft', path, body });
  }

  @Post(':id/reopen')
  @HttpCode(200)
  @Needs('controller')
  reopen(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<Period> {
    return this.step(write, { step: 'reopen', path, body });
  }

  /** The checklist is computed with the period held: what it says is what is closed. */
  @Post(':id/close')
  @HttpCode(200)
  @Needs('controller')
  close(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<Period> {
    const { id } = readParameters(periodPath, path);
    const { reason, explanations } = readBody(hardCloseBody, body);
    return this.writes.once(write, async (sql, actor) => {
      const period = (await this.periods.hold(sql, id)) ?? missing(id);
      requireMove(transition(period.state, 'hard'));
      const { items, checkId } = await this.checklists.compute(sql, period);
      requireReady(readiness(items, explanations));
      const record = { checklist: items, explanations, checkId, seal: await this.periods.seal(sql) };
      return { status: 200, body: await this.periods.close(sql, period, { reason, actor, record }) };
    });
  }

  private step(
    write: WriteRequest,
    {
      step,
      path,
      body,
    }: { readonly step: 'soft' | 'reopen'; readonly path: unknown; readonly body: unknown },
  ): Promise<Period> {
    const { id } = readParameters(periodPath, path);
    const { reason } = readBody(stepBody, body);
    return this.writes.once(write, async (sql, actor) => {
      const period = (await this.periods.find(sql, id)) ?? missing(id);
      requireMove(transition(period.state, step));
      return { status: 200, body: await this.periods.step(sql, period, { step, reason, actor }) };
    });
  }
}

function missing(id: string): never {
  throw ProblemError.notFound(`There is no period ${id}. GET /periods lists those there are.`);
}

const follows = {
  open: 'it can be soft-closed once it is over',
  soft: 'it can be closed or reopened',
  hard: 'it stays so',
} as const;

function requireMove(move: PeriodMove): void {
  if (move.kind === 'moved') return;
  throw new ProblemError({
    status: 409,
    code: 'period_step_refused',
    title: 'The period is not in a state for that',
    detail: `It is ${move.state}: ${follows[move.state]}.`,
  });
}

function requireReady(ready: Readiness): void {
  if (ready.kind === 'ready') return;
  const failing = ready.failing.length === 0 ? '' : ` These fail: ${ready.failing.join(', ')}.`;
  const unexplained =
    ready.unexplained.length === 0
      ? ''
      : ` These need a word in "explanations": ${ready.unexplained.join(', ')}.`;
  throw new ProblemError({
    status: 409,
    code: 'period_not_ready',
    title: 'The period cannot be closed yet',
    detail: `GET /periods/{id}/checklist says what is wrong.${failing}${unexplained}`,
  });
}
