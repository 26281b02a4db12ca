import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import {
  type Logger,
  problem,
  type Problem,
  problemContentType,
  problemOfError,
  retryAfterS,
} from '@quittance/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Config } from '../config.js';
import { configToken, loggerToken } from '../tokens.provider.js';
import { ProblemError } from './problem.error.js';
import { refusalOf, settleRefusal, verifyRefusal } from './refusal.js';

/** The one place where errors become answers: what the caller did wrong in the route's own shape, all else as a problem. */
@Catch()
export class FaultFilter implements ExceptionFilter {
  constructor(
    @Inject(configToken) private readonly config: Config,
    @Inject(loggerToken) private readonly logger: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const path = http.getRequest<FastifyRequest>().url.split('?')[0] ?? '/';
    const refusalIn = refusalByPath[path];
    if (error instanceof HttpException) {
      if (refusalIn === undefined || error.getStatus() === 404)
        void sendProblem(reply, problemOfStatus(error.getStatus()));
      else void this.sendRefusal(reply, refusalIn, error.getStatus());
      return;
    }
    if (error instanceof ProblemError) {
      void sendProblem(reply, error.problem);
      return;
    }
    const told = problemOfError(error);
    this.logger[told.status === 503 ? 'warn' : 'error']({ err: error, path }, told.title);
    void sendProblem(reply, told);
  }

  /** Fastify refused the request before any handler saw it. */
  private sendRefusal(
    reply: FastifyReply,
    refusalIn: typeof verifyRefusal | typeof settleRefusal,
    status: number,
  ): FastifyReply {
    const refusal = refusalOf(...this.refusalOfStatus(status));
    return reply
      .status(status === 413 || status === 415 ? status : 400)
      .send(refusalIn(refusal, this.config.reasonVocabulary));
  }

  private refusalOfStatus(status: number): Parameters<typeof refusalOf> {
    if (status === 413) {
      return [
        'payload_too_large',
        `The request body is too large: send at most ${this.config.bodyLimitBytes} bytes.`,
      ];
    }
    if (status === 415)
      return ['invalid_payload', 'The content type is not supported: send application/json.'];
    return ['invalid_payload', 'The request cannot be read: send one complete JSON object with its length.'];
  }
}

/** The routes whose refusals have the shape of their answers: clients of either generation parse nothing else. */
const refusalByPath: Readonly<Record<string, typeof verifyRefusal | typeof settleRefusal | undefined>> = {
  '/verify': verifyRefusal,
  '/settle': settleRefusal,
};

/** A problem for what the framework refused by itself. */
export function problemOfStatus(status: number): Problem {
  if (status === 404) {
    return problem({
      status,
      code: 'route_unknown',
      title: 'Not found',
      detail: 'There is nothing at this address for this method: GET / lists what there is.',
    });
  }
  if (status >= 500) return problemOfError(undefined);
  return problem({
    status,
    code: 'request_malformed',
    title: 'Malformed request',
    detail: 'The request cannot be read as HTTP.',
  });
}

export function sendProblem(reply: FastifyReply, told: Problem): FastifyReply {
  if (told.status === 503) reply.header('retry-after', retryAfterS);
  // A string, or Fastify's serializer would set its own content type.
  return reply.status(told.status).type(problemContentType).send(JSON.stringify(told));
}
