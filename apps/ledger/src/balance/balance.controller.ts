import { Controller, Get, Query } from '@nestjs/common';

import type { MomentPage } from '../moment/moment-page.js';
import { Needs } from '../access/access.guard.js';
import { readParameters } from '../http/query.js';
import { BalanceRepository } from './balance.repository.js';
import { type Balance, balancesQuery } from './balance.schema.js';

@Needs('viewer')
@Controller('balances')
export class BalanceController {
  constructor(private readonly balances: BalanceRepository) {}

  @Get()
  list(@Query() query: unknown): Promise<MomentPage<Balance>> {
    return this.balances.list(readParameters(balancesQuery, query));
  }
}
