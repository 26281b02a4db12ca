import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { EvmChain } from '@quittance/chain';
import { Database } from '@quittance/database';
import { createTransport, type EventTransport, OutboxRelay } from '@quittance/messaging';
import { type HealthCheck, HealthModule, type Logger } from '@quittance/observability';

import { FacilitatorChain, FacilitatorChains } from './chain/facilitator-chain.adapter.js';
import type { Config } from './config.js';
import { Expirer } from './expiry/expiry.loop.js';
import { FaultFilter } from './http/fault.filter.js';
import { PaymentConsumer } from './payment/payment.consumer.js';
import { PaymentController } from './payment/payment.controller.js';
import { PaymentRepository } from './payment/payment.repository.js';
import { PaymentSignal } from './settle/payment-signal.loop.js';
import { PaymentWaiter } from './settle/payment-waiter.adapter.js';
import { SettleController } from './settle/settle.controller.js';
import { TransportWatch } from './settle/transport-watch.loop.js';
import { Startup } from './startup.provider.js';
import { SupportedController } from './supported/supported.controller.js';
import { configToken, loggerToken } from './tokens.provider.js';
import { VerifyController } from './verify/verify.controller.js';

const applicationName = 'quittance_facilitator';
const rpcTimeoutMs = 5_000;

/** What the service is made of besides Nest: bound here, and nowhere else. */
export type Parts = {
  readonly config: Config;
  readonly logger: Logger;
  readonly database: Database;
  readonly transport: EventTransport;
  readonly chains: FacilitatorChains;
  readonly onHopeless: (error: Error) => void;
};

export function createParts(config: Config, logger: Logger, onHopeless: (error: Error) => void): Parts {
  const { databaseUrl } = config;
  return {
    config,
    logger,
    onHopeless,
    database: Database.connect({ url: databaseUrl, applicationName, planByIndex: true }),
    transport: createTransport({ ...config.transport, databaseUrl, clientId: applicationName, logger }),
    chains: new FacilitatorChains(
      config.networks.map(
        (network) => new FacilitatorChain(EvmChain.connect(network, { requestTimeoutMs: rpcTimeoutMs })),
      ),
    ),
  };
}

@Module({})
export class AppModule {
  static create(parts: Parts): DynamicModule {
    const { config, logger, chains } = parts;
    const payments = new PaymentRepository(parts.database);
    const waiter = new PaymentWaiter({
      findMany: (ids) => payments.findMany(ids),
      waitMs: config.settleWaitMs,
    });
    const watch = new TransportWatch(parts.transport, logger);
    return {
      module: AppModule,
      imports: [HealthModule.register({ useFactory: () => healthChecks(parts, watch) })],
      controllers: [
        VerifyController,
        SettleController,
        SupportedController,
        PaymentController,
        PaymentConsumer,
      ],
      providers: [
        { provide: configToken, useValue: config },
        { provide: loggerToken, useValue: logger },
        { provide: FacilitatorChains, useValue: chains },
        { provide: PaymentRepository, useValue: payments },
        { provide: PaymentWaiter, useValue: waiter },
        { provide: TransportWatch, useValue: watch },
        { provide: Startup, useFactory: () => startup(parts, { payments, waiter, watch }) },
        { provide: APP_FILTER, useClass: FaultFilter },
      ],
    };
  }
}

type Bound = {
  readonly payments: PaymentRepository;
  readonly waiter: PaymentWaiter;
  readonly watch: TransportWatch;
};

function startup(parts: Parts, { payments, waiter, watch }: Bound): Startup {
  const { config, logger, database, chains, transport, onHopeless } = parts;
  return new Startup({
    database,
    chains,
    waiter,
    watch,
    logger,
    onHopeless,
    relay: new OutboxRelay({ databaseUrl: config.databaseUrl, schema: 'facilitator', transport, logger }),
    signal: new PaymentSignal(config.databaseUrl, waiter, logger),
    expirer: new Expirer({ chains: chains.all, payments, logger }),
  });
}

function healthChecks({ database, chains }: Parts, watch: TransportWatch): HealthCheck[] {
  return [
    { name: 'database', check: () => database.ping() },
    { name: 'transport', check: () => watch.ask() },
    ...chains.all.map((chain) => ({ name: `chain:${chain.chainId}`, check: () => chain.check() })),
  ];
}
