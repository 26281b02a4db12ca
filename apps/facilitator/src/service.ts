import 'reflect-metadata';

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { EventServer } from '@quittance/messaging';
import { closeOf, NestLogger, problemContentType } from '@quittance/observability';
import type { FastifyReply } from 'fastify';

import { AppModule, type Parts } from './app.module.js';
import { problemOfStatus, sendProblem } from './http/fault.filter.js';
import { openApiDocument } from './openapi.js';

/** Callers wait for outcomes; that something is on its way can be noted together with what comes of it. */
const unhurried = ['settlement.submitted', 'settlement.replaced'] as const;

export type Service = {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly close: () => Promise<void>;
};

const consumerGroup = 'facilitator';
/** How long a caller may take to send its request. */
const requestTimeoutMs = 10_000;
const paramLengthMax = 200;

/**
 * Starts the service. Needs neither Postgres nor a broker nor a node to be up: each is tried until it is, and
 * `/health/ready` says 503 until then.
 */
export async function startService(parts: Parts): Promise<Service> {
  const { config, logger, transport } = parts;
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.create(parts),
    adapterOf(config.bodyLimitBytes),
    {
      logger: new NestLogger(logger),
      bodyParser: false,
    },
  );
  readBodiesRaw(app, config.bodyLimitBytes);
  SwaggerModule.setup('docs', app, openApiDocument() as unknown as OpenAPIObject, {
    jsonDocumentUrl: '/openapi.json',
    raw: ['json'],
    customSiteTitle: 'Quittance facilitator',
  });
  app.connectMicroservice({
    strategy: new EventServer(transport, { group: consumerGroup, unhurried, logger }),
  });
  const close = closeOf(app);
  await app.startAllMicroservices();
  await app.listen(config.port, config.host);
  return { app, url: await app.getUrl(), close };
}

function adapterOf(bodyLimit: number): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    routerOptions: { maxParamLength: paramLengthMax },
    // While closing, requests in hand are still answered by us, and not in Fastify's own words.
    return503OnClosing: false,
    frameworkErrors: (error: { readonly statusCode?: number }, _request: unknown, reply: unknown) => {
      void sendProblem(reply as FastifyReply, problemOfStatus(error.statusCode ?? 400));
    },
    clientErrorHandler: refuseNonsense,
  });
}

/** What is not HTTP, or takes too long to arrive, never becomes a request: it is answered on the bare connection. */
function refuseNonsense(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusByCode[error.code ?? ''] ?? 400;
  const body = JSON.stringify(problemOfStatus(status));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${problemContentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const statusByCode: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

/** Bodies reach the controllers as bytes: what is no JSON is theirs to answer, in the shape of their route. */
function readBodiesRaw(app: NestFastifyApplication, bodyLimit: number): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit }, (_request, body, done) =>
    done(null, body),
  );
}
