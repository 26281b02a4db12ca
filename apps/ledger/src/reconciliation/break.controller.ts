import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import type { Actor } from '../access/role.js';
import { Write, type WriteRequest } from '../access/write.adapter.js';
import { WriteRepository } from '../access/write.repository.js';
import { readBody } from '../http/body.js';
import type { Page } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import { type BreakChange, type BreakRefusal, transition } from './break.js';
import { BreakListRepository } from './break-list.repository.js';
import {
  assignBody,
  breakPath,
  breaksQuery,
  type BreakView,
  type BreakWithHistory,
  decideBody,
  proposeBody,
} from './reconciliation.schema.js';

@Controller('breaks')
export class BreakController {
  constructor(
    private readonly breaks: BreakListRepository,
    private readonly writes: WriteRepository,
  ) {}

  @Get()
  @Needs('viewer')
  list(@Query() query: unknown): Promise<Page<BreakView>> {
    return this.breaks.list(readParameters(breaksQuery, query), new Date());
  }

  @Get(':id')
  @Needs('viewer')
  async one(@Param() path: unknown): Promise<BreakWithHistory> {
    const { id } = readParameters(breakPath, path);
    return (await this.breaks.one(id, new Date())) ?? missing(id);
  }

  @Post(':id/assign')
  @HttpCode(200)
  @Needs('operator')
  assign(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<BreakView> {
    const { owner } = readBody(assignBody, body);
    return this.change(write, path, () => ({ kind: 'assign', owner }));
  }

  @Post(':id/propose')
  @HttpCode(200)
  @Needs('operator')
  propose(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<BreakView> {
    const proposal = readBody(proposeBody, body);
    return this.change(write, path, ({ name: by }) => ({ kind: 'propose', ...proposal, by }));
  }

  @Post(':id/approve')
  @HttpCode(200)
  @Needs('approver')
  approve(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<BreakView> {
    readBody(decideBody, body);
    return this.change(write, path, ({ name: by }) => ({ kind: 'approve', by }));
  }

  @Post(':id/reject')
  @HttpCode(200)
  @Needs('approver')
  reject(@Write() write: WriteRequest, @Param() path: unknown, @Body() body: unknown): Promise<BreakView> {
    readBody(decideBody, body);
    return this.change(write, path, ({ name: by }) => ({ kind: 'reject', by }));
  }

  private change(
    write: WriteRequest,
    path: unknown,
    changeBy: (actor: Actor) => BreakChange,
  ): Promise<BreakView> {
    const { id } = readParameters(breakPath, path);
    return this.writes.once(write, async (sql, actor) => {
      const before = (await this.breaks.hold(sql, id)) ?? missing(id);
      const change = changeBy(actor);
      const fixedBy = change.kind === 'propose' ? change.fixedBy : null;
      if (fixedBy !== null && !(await this.breaks.hasTransaction(sql, fixedBy)))
        throw ProblemError.notFound(`The books have no transaction ${fixedBy}.`);
      const step = transition(before, change);
      if (!step.ok) throw refused(step.refusal, before.state);
      return {
        status: 200,
        body: await this.breaks.change(sql, id, { standing: step.standing, now: new Date() }),
      };
    });
  }
}

function missing(id: string): never {
  throw ProblemError.notFound(`There is no break ${id}. GET /breaks lists those there are.`);
}

function refused(refusal: BreakRefusal, state: string): ProblemError {
  switch (refusal) {
    case 'not_open':
      return new ProblemError({
        status: 409,
        code: 'break_not_open',
        title: 'The break is not open',
        detail: `It is ${state}. Found again it is a break of its own.`,
      });
    case 'nothing_proposed':
      return new ProblemError({
        status: 409,
        code: 'nothing_proposed',
        title: 'Nothing is proposed',
        detail: 'Somebody has to propose how the break ends first: POST /breaks/{id}/propose.',
      });
    case 'own_proposal':
      return new ProblemError({
        status: 403,
        code: 'own_proposal',
        title: 'Nobody approves what they proposed',
        detail: 'Ask another approver.',
      });
  }
}
