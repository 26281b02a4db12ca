import { Controller, Get, Header, Query } from '@nestjs/common';
import { problem } from '@quittance/observability';

import { ProblemError } from '../http/problem.error.js';
import { VerdictRepository } from './verdict.repository.js';
import { type VerdictPage, verdictsQuery, type VerdictsQuery } from './verdict.schema.js';

const namesQuotedMax = 3;
const nameLengthMax = 60;

/** What was answered, to whom and why. */
@Controller('verdicts')
export class VerdictController {
  constructor(private readonly verdicts: VerdictRepository) {}

  @Get()
  @Header('cache-control', 'no-store')
  page(@Query() query: unknown): Promise<VerdictPage> {
    return this.verdicts.page(readQuery(query));
  }
}

function readQuery(query: unknown): VerdictsQuery {
  const parsed = verdictsQuery.safeParse(query);
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues.map((issue) =>
    issue.code === 'unrecognized_keys'
      ? `There is no parameter ${namesOf(issue.keys)}; there are ${Object.keys(verdictsQuery.shape).join(', ')}.`
      : `Parameter "${issue.path.join('.')}" ${issue.message}.`,
  );
  throw new ProblemError(
    problem({
      status: 400,
      code: 'parameter_invalid',
      title: 'A parameter is wrong',
      detail: detail.join(' '),
    }),
  );
}

function namesOf(keys: readonly string[]): string {
  return keys
    .slice(0, namesQuotedMax)
    .map((key) => JSON.stringify(key.slice(0, nameLengthMax)))
    .join(', ');
}
