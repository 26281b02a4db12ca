import { Controller, Get, Query } from '@nestjs/common';

import type { Page } from '../http/page.js';
import { readParameters } from '../http/query.js';
import { TransactionRepository } from './transaction.repository.js';
import { type Transaction, transactionsQuery } from './transaction.schema.js';

@Controller('transactions')
export class TransactionController {
  constructor(private readonly transactions: TransactionRepository) {}

  @Get()
  list(@Query() query: unknown): Promise<Page<Transaction>> {
    return this.transactions.list(readParameters(transactionsQuery, query));
  }
}
