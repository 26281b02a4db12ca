import { type DynamicModule, Module } from '@nestjs/common';
import { EvmChain } from '@quittance/chain';
import { Database, type DatabaseSchemaMissingError } from '@quittance/database';
import { createTransport, eventRoute, type EventTransport, OutboxRelay } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';
import { type HealthCheck, HealthModule, type Logger, MetricsModule } from '@quittance/observability';

import { ChainSettler } from './chain/chain-settler.loop.js';
import { Settlers } from './chain/settlers.provider.js';
import type { Config } from './config.js';
import { FiguresRepository } from './metrics/figures.repository.js';
import { SettlementMetrics } from './metrics/settlement-metrics.js';
import { PaymentConsumer } from './payment/payment.consumer.js';
import { PaymentRepository } from './payment/payment.repository.js';
import { Presence } from './relayer/presence.adapter.js';
import { Startup } from './startup.provider.js';

const applicationName = 'quittance_settlement';

/** What the service is made of besides Nest: bound here, and nowhere else. */
export type Parts = {
  readonly log: Logger;
  readonly database: Database;
  readonly transport: EventTransport;
  readonly relay: OutboxRelay;
  readonly settlers: ReadonlyMap<ChainId, ChainSettler>;
  readonly metrics: SettlementMetrics;
};

export function createParts(config: Config, log: Logger): Parts {
  const { databaseUrl } = config;
  const database = Database.connect({
    url: databaseUrl,
    applicationName,
    planByIndex: true,
    sessionSettings: eventRoute(config.transport),
  });
  const transport = createTransport({
    ...config.transport,
    databaseUrl,
    clientId: applicationName,
    logger: log,
  });
  const chainIds = config.networks.map(({ chainId }) => chainId);
  const settlers = new Map<ChainId, ChainSettler>();
  const metrics = new SettlementMetrics({
    stored: new FiguresRepository(database, chainIds),
    chains: () => [...settlers].map(([chainId, settler]) => [chainId, settler.figures()] as const),
    now: Date.now,
  });
  for (const network of config.networks) {
    const { chainId } = network;
    const chain = EvmChain.connect(network);
    const hooks = metrics.hooksOf(chainId);
    const presenceOf = (holder: string): Presence => new Presence({ databaseUrl, holder });
    settlers.set(
      chainId,
      new ChainSettler({ chain, relayers: config.relayers, database, log, presenceOf, hooks }),
    );
  }
  return {
    log,
    database,
    transport,
    relay: new OutboxRelay({ databaseUrl, schema: 'settlement', transport, logger: log }),
    settlers,
    metrics,
  };
}

@Module({})
export class AppModule {
  static create(parts: Parts, onSchemaMissing: (error: DatabaseSchemaMissingError) => void): DynamicModule {
    const { log, database, transport, relay, settlers, metrics } = parts;
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
      imports: [
        HealthModule.register({ useFactory: () => checks }),
        MetricsModule.register({ useFactory: () => metrics.metrics }),
      ],
      controllers: [PaymentConsumer],
      providers: [
        { provide: PaymentRepository, useFactory: () => new PaymentRepository(database) },
        { provide: Settlers, useFactory: () => new Settlers(settlers, log) },
        { provide: Startup, useFactory: () => new Startup({ database, relay, log, onSchemaMissing }) },
      ],
    };
  }
}
