import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import { Write, type WriteRequest } from '../access/write.adapter.js';
import { WriteRepository } from '../access/write.repository.js';
import { readBody } from '../http/body.js';
import type { Page } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import { type Check, checkBody, checkPath, checksQuery, type ChecksQuery } from './check.schema.js';
import { CheckRunRepository } from './check-run.repository.js';
import { CheckerLoop } from './checker.loop.js';

@Controller('checks')
export class CheckController {
  constructor(
    private readonly runs: CheckRunRepository,
    private readonly writes: WriteRepository,
    private readonly checker: CheckerLoop,
  ) {}

  @Get()
  @Needs('operator', 'auditor')
  list(@Query() query: unknown): Promise<Page<Check>> {
    const asked: ChecksQuery = readParameters(checksQuery, query);
    return this.runs.list(asked);
  }

  @Get(':id')
  @Needs('operator', 'auditor')
  async one(@Param() path: unknown): Promise<Check> {
    const { id } = readParameters(checkPath, path);
    const check = await this.runs.one(id);
    if (check === null)
      throw ProblemError.notFound(`There is no check ${id}. GET /checks lists those there are.`);
    return check;
  }

  /** Asks for a check of everything. It is kept before it is begun: what dies meanwhile does not take it along. */
  @Post()
  @Needs('operator', 'auditor')
  async begin(@Write() write: WriteRequest, @Body() body: unknown): Promise<Check> {
    readBody(checkBody, body);
    const check = await this.writes.once(write, async (sql, actor) => ({
      status: 202,
      body: await this.runs.begin(sql, { scope: 'full', actor: actor.name }),
    }));
    this.checker.wake();
    return check;
  }
}
