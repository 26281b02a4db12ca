import { Controller, Get, Param, Query } from '@nestjs/common';

import type { Page } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import { AccountRepository } from './account.repository.js';
import {
  type Account,
  type AccountEntry,
  accountEntriesQuery,
  accountPath,
  accountsQuery,
} from './account.schema.js';

@Controller('accounts')
export class AccountController {
  constructor(private readonly accounts: AccountRepository) {}

  @Get()
  list(@Query() query: unknown): Promise<Page<Account>> {
    return this.accounts.list(readParameters(accountsQuery, query));
  }

  @Get(':code/entries')
  async entries(@Param() path: unknown, @Query() query: unknown): Promise<Page<AccountEntry>> {
    const { code } = readParameters(accountPath, path);
    const page = await this.accounts.entries(code, readParameters(accountEntriesQuery, query));
    if (page.items.length === 0 && !(await this.accounts.exists(code))) {
      throw ProblemError.notFound(`There is no account "${code}". GET /accounts lists those there are.`);
    }
    return page;
  }
}
