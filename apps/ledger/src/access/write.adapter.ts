import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { ProblemError } from '../http/problem.error.js';
import { actorOf } from './access.guard.js';
import type { Attempt } from './write.repository.js';

const keyPattern = /^[!-~]{1,255}$/;

/** A write as somebody tries it, once or again, and where its answer goes. */
export type WriteRequest = { readonly attempt: Attempt; readonly reply: FastifyReply };

/** Who writes what under which key. A write without a key cannot be tried again safely: it is refused. */
export const Write = createParamDecorator((_: unknown, context: ExecutionContext): WriteRequest => {
  const http = context.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    throw new ProblemError({
      status: 400,
      code: 'idempotency_key_missing',
      title: 'A write needs a key',
      detail:
        'Send the header Idempotency-Key with 1 to 255 visible ASCII characters, a new one for each write; with the same one a write can be tried again, and is done once.',
    });
  }
  const operation = `${request.method} ${request.url.split('?')[0] ?? ''}`;
  return {
    attempt: { actor: actorOf(context), key, operation, body: request.body ?? null },
    reply: http.getResponse<FastifyReply>(),
  };
});
