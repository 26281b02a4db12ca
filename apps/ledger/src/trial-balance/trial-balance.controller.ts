import { Controller, Get, Query } from '@nestjs/common';

import { readParameters } from '../http/query.js';
import { TrialBalanceRepository } from './trial-balance.repository.js';
import { type TrialBalance, trialBalanceQuery } from './trial-balance.schema.js';

@Controller('trial-balance')
export class TrialBalanceController {
  constructor(private readonly trialBalance: TrialBalanceRepository) {}

  @Get()
  read(@Query() query: unknown): Promise<TrialBalance> {
    readParameters(trialBalanceQuery, query);
    return this.trialBalance.read();
  }
}
