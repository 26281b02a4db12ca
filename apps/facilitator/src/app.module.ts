import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { EvmChain, SignerThread } from '@quittance/chain';
import { Database } from '@quittance/database';
import { createTransport, eventRoute, type EventTransport, OutboxRelay } from '@quittance/messaging';
import { type HealthCheck, HealthModule, type Logger, MetricsModule } from '@quittance/observability';

import { FacilitatorChain, FacilitatorChains } from './chain/facilitator-chain.adapter.js';
import type { Config } from './config.js';
import { Expirer } from './expiry/expiry.loop.js';
import { FaultFilter } from './http/fault.filter.js';
import { Forgetter } from './identifier/forget.loop.js';
import { PaymentIdentifiers } from './identifier/payment-identifier.repository.js';
import { ChainStandings } from './intake/chain-standing.repository.js';
import { IntakeWatch } from './intake/intake.loop.js';
import { Intake } from './intake/intake.js';
import { FacilitatorMetrics } from './metrics/facilitator-metrics.js';
import { PaymentConsumer } from './payment/payment.consumer.js';
import { PaymentChanges } from './payment/payment-change.repository.js';
import { PaymentController } from './payment/payment.controller.js';
import { PaymentRepository } from './payment/payment.repository.js';
import { PaymentSignal } from './settle/payment-signal.loop.js';
import { PaymentWaiter } from './settle/payment-waiter.adapter.js';
import type { SettlePorts } from './settle/settle.js';
import { SettleController } from './settle/settle.controller.js';
import { TransportWatch } from './settle/transport-watch.loop.js';
import { Startup } from './startup.provider.js';
import { OfferWatch } from './supported/offer.loop.js';
import { SupportedController } from './supported/supported.controller.js';
import { configToken, loggerToken, settlePortsToken, verifyPortsToken } from './tokens.provider.js';
import { Sealer } from './verdict/seal.loop.js';
import { VerdictController } from './verdict/verdict.controller.js';
import { VerdictRepository } from './verdict/verdict.repository.js';
import { VerdictTrail } from './verdict/verdict-trail.adapter.js';
import { PayerLanes } from './verify/payer-lanes.js';
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
  readonly signers: SignerThread;
  readonly onHopeless: (error: Error) => void;
};

export function createParts(config: Config, logger: Logger, onHopeless: (error: Error) => void): Parts {
  const { databaseUrl } = config;
  const signers = new SignerThread({
    onFailure: (fault) => logger.error({ err: fault }, 'the thread of signers ended'),
  });
  const chainOptions = { requestTimeoutMs: rpcTimeoutMs, signers };
  return {
    config,
    logger,
    signers,
    onHopeless,
    database: Database.connect({
      url: databaseUrl,
      applicationName,
      planByIndex: true,
      sessionSettings: eventRoute(config.transport),
    }),
    transport: createTransport({ ...config.transport, databaseUrl, clientId: applicationName, logger }),
    chains: new FacilitatorChains(
      config.networks.map((network) => new FacilitatorChain(EvmChain.connect(network, chainOptions))),
    ),
  };
}

@Module({})
export class AppModule {
  static create(parts: Parts): DynamicModule {
    const { config, logger, chains } = parts;
    const bound = bind(parts);
    const ports = settlePorts(parts, bound);
    return {
      module: AppModule,
      imports: [
        HealthModule.register({ useFactory: () => healthChecks(parts, bound.watch) }),
        MetricsModule.register({ useFactory: () => bound.metrics.metrics }),
      ],
      controllers: [
        VerifyController,
        SettleController,
        SupportedController,
        PaymentController,
        VerdictController,
        PaymentConsumer,
      ],
      providers: [
        { provide: configToken, useValue: config },
        { provide: loggerToken, useValue: logger },
        { provide: FacilitatorChains, useValue: chains },
        { provide: PaymentRepository, useValue: bound.payments },
        { provide: PaymentWaiter, useValue: bound.waiter },
        { provide: PaymentChanges, useValue: bound.changes },
        { provide: ChainStandings, useValue: bound.standings },
        { provide: OfferWatch, useValue: bound.offers },
        { provide: Intake, useValue: bound.intake },
        { provide: FacilitatorMetrics, useValue: bound.metrics },
        { provide: VerdictRepository, useValue: bound.verdicts },
        { provide: verifyPortsToken, useValue: ports },
        { provide: settlePortsToken, useValue: ports },
        { provide: Startup, useFactory: () => startup(parts, bound) },
        { provide: APP_FILTER, useClass: FaultFilter },
      ],
    };
  }
}

type Bound = {
  readonly payments: PaymentRepository;
  readonly identifiers: PaymentIdentifiers;
  readonly trail: VerdictTrail;
  readonly verdicts: VerdictRepository;
  readonly changes: PaymentChanges;
  readonly standings: ChainStandings;
  readonly intake: Intake;
  readonly lanes: PayerLanes;
  readonly offers: OfferWatch;
  readonly metrics: FacilitatorMetrics;
  readonly waiter: PaymentWaiter;
  readonly watch: TransportWatch;
};

function bind({ config, logger, database, chains, transport }: Parts): Bound {
  const payments = new PaymentRepository(database);
  const intake = new Intake([...chains.byId.keys()], config.queueMax);
  const trail = new VerdictTrail({ database, logger });
  const metrics = new FacilitatorMetrics(intake, trail);
  return {
    payments,
    identifiers: new PaymentIdentifiers(database),
    trail,
    verdicts: new VerdictRepository(database),
    changes: new PaymentChanges(database),
    standings: new ChainStandings(database),
    intake,
    lanes: new PayerLanes(),
    offers: new OfferWatch({ chains: chains.all, logger }),
    metrics,
    waiter: new PaymentWaiter({
      findMany: (ids) => payments.findMany(ids),
      waitMs: config.settleWaitMs,
      onWaited: (waitedMs) => metrics.observeSettleWait(waitedMs),
    }),
    watch: new TransportWatch(transport, logger),
  };
}

function settlePorts({ chains }: Parts, bound: Bound): SettlePorts {
  const { payments, identifiers, trail, waiter, watch, intake, lanes } = bound;
  return {
    chains: chains.byId,
    registry: payments,
    identifiers,
    trail,
    waiter,
    transport: watch,
    intake,
    lanes,
    now: () => new Date(),
  };
}

function startup(parts: Parts, bound: Bound): Startup {
  const { changes: payments, standings, intake, identifiers, trail, offers, waiter, watch } = bound;
  const { config, logger, database, chains, signers, transport, onHopeless } = parts;
  return new Startup({
    database,
    signers,
    chains,
    waiter,
    watch,
    logger,
    onHopeless,
    relay: new OutboxRelay({ databaseUrl: config.databaseUrl, schema: 'facilitator', transport, logger }),
    signal: new PaymentSignal(config.databaseUrl, waiter, logger),
    intakeWatch: new IntakeWatch(intake, standings, logger),
    expirer: new Expirer({ chains: chains.all, payments, logger }),
    trail,
    offers,
    sealer: new Sealer(database, logger),
    forgetter: new Forgetter(identifiers, logger),
  });
}

function healthChecks({ database, chains }: Parts, watch: TransportWatch): HealthCheck[] {
  return [
    { name: 'database', check: () => database.ping() },
    { name: 'transport', check: () => watch.ask() },
    ...chains.all.map((chain) => ({ name: `chain:${chain.chainId}`, check: () => chain.check() })),
  ];
}
