import { Controller, Get, Query } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import type { MomentPage } from '../moment/moment-page.js';
import { FeeReportRepository } from './fee-report.repository.js';
import { ReportRepository } from './report.repository.js';
import {
  type Ageing,
  ageingQuery,
  type BalanceSheet,
  type FeeReport,
  type GasReport,
  momentQuery,
  type ProfitAndLoss,
  type RangeQuery,
  rangeQuery,
} from './report.schema.js';

@Needs('viewer')
@Controller('reports')
export class ReportController {
  constructor(
    private readonly reports: ReportRepository,
    private readonly fees: FeeReportRepository,
  ) {}

  @Get('profit-and-loss')
  async profitAndLoss(@Query() query: unknown): Promise<ProfitAndLoss> {
    return this.reports.profitAndLoss(readRange(query));
  }

  @Get('balance-sheet')
  async balanceSheet(@Query() query: unknown): Promise<BalanceSheet> {
    return this.reports.balanceSheet(readParameters(momentQuery, query));
  }

  @Get('fees')
  async feeReport(@Query() query: unknown): Promise<FeeReport> {
    return this.fees.read(readRange(query));
  }

  @Get('gas')
  async gas(@Query() query: unknown): Promise<GasReport> {
    return this.reports.gas(readRange(query));
  }

  @Get('ageing')
  async ageing(@Query() query: unknown): Promise<MomentPage<Ageing>> {
    return this.reports.ageing(readParameters(ageingQuery, query));
  }
}

function readRange(query: unknown): RangeQuery {
  const range = readParameters(rangeQuery, query);
  if (range.to < range.from) {
    throw ProblemError.invalid(`Parameter "to": ${range.to} is before "from", ${range.from}.`);
  }
  return range;
}
