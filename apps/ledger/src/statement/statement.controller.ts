import { Controller, Get, Param, Query } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import { readParameters } from '../http/query.js';
import { StatementRepository } from './statement.repository.js';
import { type Statement, statementPath, statementQuery } from './statement.schema.js';

@Needs('viewer')
@Controller('accounts')
export class StatementController {
  constructor(private readonly statements: StatementRepository) {}

  @Get(':code/statement')
  page(@Param() path: unknown, @Query() query: unknown): Promise<Statement> {
    const { code } = readParameters(statementPath, path);
    return this.statements.page(code, readParameters(statementQuery, query));
  }
}
