import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DatabaseSchemaMissingError } from '@quittance/database';
import { EventServer } from '@quittance/messaging';
import { type Logger, NestLogger } from '@quittance/observability';

import { AppModule, createParts } from './app.module.js';
import type { Config } from './config.js';

export type Service = { readonly url: string; readonly close: () => Promise<void> };

const consumerGroup = 'settlement';
/** Payments taken in by one transaction. */
const consumerBatchMax = 200;

/**
 * Starts the service. Needs neither Postgres nor a broker nor a node to be up: each is tried until it is, and
 * `/health/ready` says 503 until then.
 */
export async function startService(
  config: Config,
  log: Logger,
  onSchemaMissing: (error: DatabaseSchemaMissingError) => void,
): Promise<Service> {
  const parts = createParts(config, log);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.create(parts, onSchemaMissing),
    new FastifyAdapter(),
    {
      logger: new NestLogger(log),
    },
  );
  app.connectMicroservice({
    strategy: new EventServer(parts.transport, {
      group: consumerGroup,
      batchMax: consumerBatchMax,
      logger: log,
    }),
  });
  await app.startAllMicroservices();
  await app.listen(config.port, config.host);
  return { url: await app.getUrl(), close: () => app.close() };
}
