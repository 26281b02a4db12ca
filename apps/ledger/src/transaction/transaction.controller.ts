import { Controller, Get, Query } from '@nestjs/common';

import type { MomentPage } from '../moment/moment-page.js';
import { Needs } from '../access/access.guard.js';
import { readParameters } from '../http/query.js';
import { TransactionRepository } from './transaction.repository.js';
import { type Transaction, transactionsQuery } from './transaction.schema.js';

@Needs('viewer')
@Controller('transactions')
export class TransactionController {
  constructor(private readonly transactions: TransactionRepository) {}

  @Get()
  list(@Query() query: unknown): Promise<MomentPage<Transaction>> {
    return this.transactions.list(readParameters(transactionsQuery, query));
  }
}
