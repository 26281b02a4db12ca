import { Controller, Get, Query } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import { readParameters } from '../http/query.js';
import { MomentRepository } from '../moment/moment.repository.js';
import { TrialBalanceRepository } from './trial-balance.repository.js';
import { type TrialBalance, trialBalanceQuery } from './trial-balance.schema.js';

@Needs('viewer')
@Controller('trial-balance')
export class TrialBalanceController {
  constructor(
    private readonly trialBalance: TrialBalanceRepository,
    private readonly moments: MomentRepository,
  ) {}

  @Get()
  async read(@Query() query: unknown): Promise<TrialBalance> {
    const { verify, ...moment } = readParameters(trialBalanceQuery, query);
    const trial = await this.trialBalance.at(await this.moments.resolve(moment));
    return { ...trial, verification: verify === 'true' ? await this.trialBalance.verify() : null };
  }
}
