import { Controller, Get, Param, Query } from '@nestjs/common';

import type { MomentPage } from '../moment/moment-page.js';
import { Needs } from '../access/access.guard.js';
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

@Needs('viewer')
@Controller('accounts')
export class AccountController {
  constructor(private readonly accounts: AccountRepository) {}

  @Get()
  list(@Query() query: unknown): Promise<MomentPage<Account>> {
    return this.accounts.list(readParameters(accountsQuery, query));
  }

  @Get(':code/entries')
  async entries(@Param() path: unknown, @Query() query: unknown): Promise<MomentPage<AccountEntry>> {
    const { code } = readParameters(accountPath, path);
    const page = await this.accounts.entries(code, readParameters(accountEntriesQuery, query));
    if (page.items.length > 0 || (await this.accounts.isKnown(code, page))) return page;
    throw ProblemError.notFound(
      `There is no account "${code}" as known at ${page.asKnownAt}. GET /accounts lists those there are.`,
    );
  }
}
