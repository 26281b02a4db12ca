import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { DatabaseSchemaMissingError } from '@quittance/database';
import { EventServer } from '@quittance/messaging';
import { closeOf, type Logger, NestLogger } from '@quittance/observability';

import { AppModule, createParts } from './app.module.js';
import type { Config } from './config.js';
import { ProblemFilter } from './http/problem.filter.js';
import { openApiDocument } from './openapi.js';

export type Service = {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly close: () => Promise<void>;
};

const consumerGroup = 'ledger';
/** Events of one partition that are posted together at most. */
const consumerBatchMax = 500;
/** The longest thing to send is a journal of 200 lines. */
const bodyLimitBytes = 131_072;
const pathParameterLengthMax = 200;

/**
 * Starts the service. Needs neither Postgres nor a broker to be up: each is tried until it is, and `/health/ready`
 * says 503 until then.
 */
export async function startService(
  config: Config,
  log: Logger,
  onSchemaMissing: (error: DatabaseSchemaMissingError) => void,
): Promise<Service> {
  const parts = createParts(config, log);
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    routerOptions: { maxParamLength: pathParameterLengthMax },
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.create(parts, onSchemaMissing),
    adapter,
    {
      logger: new NestLogger(log),
    },
  );
  app.useGlobalFilters(new ProblemFilter(log));
  SwaggerModule.setup('docs', app, openApiDocument() as unknown as OpenAPIObject, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Quittance ledger',
  });
  app.connectMicroservice({
    strategy: new EventServer(parts.transport, {
      group: consumerGroup,
      batchMax: consumerBatchMax,
      logger: log,
    }),
  });
  const close = closeOf(app);
  await app.startAllMicroservices();
  await app.listen(config.port, config.host);
  return { url: await app.getUrl(), app, close };
}
