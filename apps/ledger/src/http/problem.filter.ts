import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import {
  isRetryableFault,
  type Logger,
  problem,
  type Problem,
  problemContentType,
  problemOfError,
  retryAfterS,
} from '@quittance/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { ProblemError } from './problem.error.js';

/** Answers every error of a request as RFC 9457 has it; only what nobody expected is logged. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const answer = this.problemOf(error, request);
    if (answer.status >= 500)
      this.logger.error({ err: error, method: request.method, path: pathOf(request) }, answer.title);
    const reply = http.getResponse<FastifyReply>();
    if (isRetryableFault(error)) void reply.header('retry-after', String(retryAfterS));
    if (answer.status === 401) void reply.header('www-authenticate', 'Bearer');
    void reply.status(answer.status).type(problemContentType).send(JSON.stringify(answer));
  }

  private problemOf(error: unknown, request: FastifyRequest): Problem {
    if (error instanceof ProblemError) return error.problem;
    const status = statusOf(error);
    if (status === 404) {
      const detail = `There is nothing at ${request.method} ${pathOf(request)}. See /docs for what there is.`;
      return ProblemError.notFound(detail).problem;
    }
    if (status !== null && status < 500) {
      return problem({
        status,
        code: 'invalid_request',
        title: 'Invalid request',
        detail: 'The request cannot be read.',
      });
    }
    return problemOfError(error);
  }
}

const pathLengthMax = 200;
const pathOf = (request: FastifyRequest): string => (request.url.split('?')[0] ?? '').slice(0, pathLengthMax);

/** Nest's own refusals and Fastify's (a body too large, a path that is no UTF-8) both carry a status. */
function statusOf(error: unknown): number | null {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number')
    return error.statusCode;
  return null;
}
