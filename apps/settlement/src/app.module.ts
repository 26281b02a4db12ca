import { type DynamicModule, Module } from '@nestjs/common';
import { EvmChain } from '@quittance/chain';
import { Database, type DatabaseSchemaMissingError } from '@quittance/database';
import { createTransport, type EventTransport, OutboxRelay } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';
import { type HealthCheck, HealthModule, type Logger } from '@quittance/observability';

import { ChainSettler } from './chain/chain-settler.loop.js';
import { Settlers } from './chain/settlers.provider.js';
import type { Config } from './config.js';
import { PaymentConsumer } from './payment/payment.consumer.js';
import { PaymentRepository } from './payment/payment.repository.js';
import { Startup } from './startup.provider.js';

const applicationName = 'quittance_settlement';

/** What the service is made of besides Nest: bound here, and nowhere else. */
export type Parts = {
  readonly log: Logger;
  readonly database: Database;
  readonly transport: EventTransport;
  readonly relay: OutboxRelay;
  readonly settlers: ReadonlyMap<ChainId, ChainSettler>;
};

export function createParts(config: Config, log: Logger): Parts {
  const { databaseUrl } = config;
  const database = Database.connect({ url: databaseUrl, applicationName, planByIndex: true });
  const transport = createTransport({
    ...config.transport,
    databaseUrl,
    clientId: applicationName,
    logger: log,
  });
  return {
    log,
    database,
    transport,
    relay: new OutboxRelay({ databaseUrl, schema: 'settlement', transport, logger: log }),
    settlers: new Map(
      config.networks.map((network) => [
        network.chainId,
        new ChainSettler({ chain: EvmChain.connect(network), relayer: config.relayer, database, log }),
      ]),
    ),
  };
}

@Module({})
export class AppModule {
  static create(parts: Parts, onSchemaMissing: (error: DatabaseSchemaMissingError) => void): DynamicModule {
    const { log, database, transport, relay, settlers } = parts;
    const checks: HealthCheck[] = [
      { name: 'database', check: () => database.ping() },
      { name: 'transport', check: () => transport.ping() },
      ...[...settlers].map(([chainId, settler]) => ({
        name: `chain:${chainId}`,
        check: () => settler.check(),
      })),
    ];
    return {
      module: AppModule,
      imports: [HealthModule.register({ useFactory: () => checks })],
      controllers: [PaymentConsumer],
      providers: [
        { provide: PaymentRepository, useFactory: () => new PaymentRepository(database) },
        { provide: Settlers, useFactory: () => new Settlers(settlers, log) },
        { provide: Startup, useFactory: () => new Startup({ database, relay, log, onSchemaMissing }) },
      ],
    };
  }
}
