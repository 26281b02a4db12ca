import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import { Write, type WriteRequest } from '../access/write.adapter.js';
import { WriteRepository } from '../access/write.repository.js';
import { readBody } from '../http/body.js';
import type { Page } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import { ReconciliationLoops } from './reconciliation.loop.js';
import { type ChainStanding, runBody, runPath, runsQuery, type RunView } from './reconciliation.schema.js';
import { RunListRepository } from './run-list.repository.js';

@Controller('reconciliation')
export class ReconciliationController {
  constructor(
    private readonly runs: RunListRepository,
    private readonly writes: WriteRepository,
    private readonly loops: ReconciliationLoops,
  ) {}

  @Get()
  @Needs('viewer')
  async standings(): Promise<{ items: ChainStanding[] }> {
    return { items: await this.runs.standings() };
  }

  @Get('runs')
  @Needs('viewer')
  list(@Query() query: unknown): Promise<Page<RunView>> {
    return this.runs.list(readParameters(runsQuery, query));
  }

  @Get('runs/:id')
  @Needs('viewer')
  async one(@Param() path: unknown): Promise<RunView> {
    const { id } = readParameters(runPath, path);
    const run = await this.runs.one(id);
    if (run !== null) return run;
    throw ProblemError.notFound(`There is no run ${id}. GET /reconciliation/runs lists those there are.`);
  }

  @Post('runs')
  @Needs('operator')
  async start(@Write() write: WriteRequest, @Body() body: unknown): Promise<RunView> {
    const { chainId, fromBlock, toBlock } = readBody(runBody, body);
    if (fromBlock > toBlock) throw impossible('Field "fromBlock" must not be after "toBlock".');
    if (!this.loops.chains.includes(chainId)) throw impossible(noSuchChain(this.loops.chains));
    const run = await this.writes.once(write, async (sql, { name: by }) => ({
      status: 202,
      body: await this.runs.start(sql, { chainId, fromBlock, toBlock, by }),
    }));
    this.loops.wake();
    return run;
  }
}

const noSuchChain = (chains: readonly string[]): string =>
  chains.length === 0
    ? 'No chain is compared with the books here: set RECONCILE and NETWORKS, and start the ledger anew.'
    : `Field "chainId": must be one of ${chains.join(', ')}.`;

const impossible = (detail: string): ProblemError =>
  new ProblemError({ status: 422, code: 'cannot_reconcile', title: 'That cannot be compared', detail });
