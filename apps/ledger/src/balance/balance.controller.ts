import { Controller, Get, Query } from '@nestjs/common';

import type { Page } from '../http/page.js';
import { readParameters } from '../http/query.js';
import { BalanceRepository } from './balance.repository.js';
import { type Balance, balancesQuery } from './balance.schema.js';

@Controller('balances')
export class BalanceController {
  constructor(private readonly balances: BalanceRepository) {}

  @Get()
  list(@Query() query: unknown): Promise<Page<Balance>> {
    return this.balances.list(readParameters(balancesQuery, query));
  }
}
