import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleDestroy,
} from '@nestjs/common';
import { ChainMismatchError, type SignerThread } from '@quittance/chain';
import { type Database, DatabaseSchemaMissingError } from '@quittance/database';
import type { OutboxRelay } from '@quittance/messaging';
import type { Logger } from '@quittance/observability';

import type { FacilitatorChains } from './chain/facilitator-chain.adapter.js';
import type { Expirer } from './expiry/expiry.loop.js';
import type { IntakeWatch } from './intake/intake.loop.js';
import type { Forgetter } from './identifier/forget.loop.js';
import { Repeating } from './loop/repeating.loop.js';
import type { PaymentSignal } from './settle/payment-signal.loop.js';
import type { PaymentWaiter } from './settle/payment-waiter.adapter.js';
import type { TransportWatch } from './settle/transport-watch.loop.js';
import type { OfferWatch } from './supported/offer.loop.js';
import type { Sealer } from './verdict/seal.loop.js';
import type { VerdictTrail } from './verdict/verdict-trail.adapter.js';

const tables = [
  'facilitator.payment',
  'facilitator.payment_transition',
  'facilitator.payment_attempt',
  'facilitator.chain',
  'facilitator.verdict',
  'facilitator.verdict_seal',
  'facilitator.payment_identifier',
  'facilitator.outbox',
  'facilitator.inbox',
];
const retryMs = 500;

export type StartupOptions = {
  readonly database: Database;
  readonly chains: FacilitatorChains;
  readonly signers: SignerThread;
  readonly relay: OutboxRelay;
  readonly waiter: PaymentWaiter;
  readonly signal: PaymentSignal;
  readonly watch: TransportWatch;
  readonly intakeWatch: IntakeWatch;
  readonly expirer: Expirer;
  readonly trail: VerdictTrail;
  readonly offers: OfferWatch;
  readonly sealer: Sealer;
  readonly forgetter: Forgetter;
  readonly logger: Logger;
  /** Told of what waiting cannot cure: a database without our tables, a node of another chain. */
  readonly onHopeless: (error: Error) => void;
};

/** Starts what runs beside the requests, and ends it in the order in which things need each other. */
export class Startup
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly checks: readonly Repeating[];

  constructor(private readonly options: StartupOptions) {
    const { database, chains } = options;
    const checks = [() => database.requireTables(tables), ...chains.all.map((chain) => () => chain.check())];
    this.checks = checks.map((check) => this.checkOf(check));
  }

  onApplicationBootstrap(): void {
    const { waiter, trail } = this.options;
    for (const started of [waiter, trail, ...this.loops]) started.start();
  }

  /** Callers who wait are answered with what is known: the HTTP server closes only after its last answer. */
  onModuleDestroy(): void {
    this.options.waiter.close();
  }

  /** Before the transport closes, which the relay publishes through. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.loops.map((running) => running.close()));
  }

  /** Nothing is answered any more: the last verdicts are written, as far as the database takes them. */
  async onApplicationShutdown(): Promise<void> {
    await this.closeTrail();
    await this.options.signers.close();
    await this.options.database.close();
  }

  private get loops() {
    const { relay, signal, watch, intakeWatch, offers, expirer, sealer, forgetter } = this.options;
    return [...this.checks, relay, signal, watch, intakeWatch, offers, expirer, sealer, forgetter];
  }

  private async closeTrail(): Promise<void> {
    const { trail, logger } = this.options;
    try {
      await trail.close();
    } catch (fault) {
      logger.error({ err: fault, refusals: trail.behind }, 'refusals that were answered could not be kept');
    }
  }

  /** What is down is waited for. */
  private checkOf(check: () => Promise<void>): Repeating {
    const { logger, onHopeless } = this.options;
    const step = async (): Promise<'done'> => {
      try {
        await check();
      } catch (error) {
        if (!(error instanceof DatabaseSchemaMissingError || error instanceof ChainMismatchError))
          throw error;
        onHopeless(error);
      }
      return 'done';
    };
    return new Repeating({ name: 'start check', logger, restMs: retryMs, step });
  }
}
